"""Where in its text each field of a document stands. Computed when there is something to say about the document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from virtrigaud_secrets.manifests.documents import Chunk, events, key_text, line_of, plain_value

MAX_PLACES: Final = 100_000
"""Fields whose lines are kept: beyond, the line of what is around them serves."""

Place = tuple[str | int, ...]
"""Keys and indexes from the outermost."""


@dataclass(frozen=True, slots=True)
class RepeatedKey:
    """A mapping's key that is there twice."""

    place: Place
    first_line: int
    """Line in the chunk, from 0."""
    line: int
    """Line of the repetition."""


@dataclass(slots=True)
class Positions:
    """Lines of one document's fields, in the chunk, from 0."""

    lines: dict[Place, int] = field(default_factory=dict[Place, int])
    repeated: list[RepeatedKey] = field(default_factory=list[RepeatedKey])

    def line(self, place: Place) -> int:
        """The line of a field; of the nearest thing around it where it is not written."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 0)


@dataclass(slots=True)
class _Frame:
    """A mapping or list on the way to the current event."""

    place: Place
    index: int | None
    """The next index of a list, None for a mapping."""
    key: str | None = None
    lines: dict[str, int] = field(default_factory=dict[str, int])


def locate(chunk: Chunk) -> Positions:
    """The positions in the chunk's document.

    It was composed before, so that neither faults nor depth are to be feared.
    """
    surveyor = _Surveyor()
    for event in events(chunk):
        surveyor.feed(event)
    return surveyor.positions


class _Surveyor:
    """Follows one document's events and notes where each field begins."""

    def __init__(self) -> None:
        self.positions = Positions()
        self._stack: list[_Frame] = []

    def feed(self, event: Event) -> None:
        """Take one event."""
        kind = type(event)
        if kind is MappingStartEvent or kind is SequenceStartEvent:
            place = self._enter(event)
            self._stack.append(_Frame(place, 0 if kind is SequenceStartEvent else None))
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._stack.pop()
        elif kind is ScalarEvent or kind is AliasEvent:
            frame = self._stack[-1] if self._stack else None
            if frame is not None and frame.index is None and frame.key is None:
                self._name(frame, event)
            else:
                self._enter(event)

    def _name(self, frame: _Frame, event: Event) -> None:
        frame.key = key = _key(event)
        line = line_of(event)
        place = (*frame.place, key)
        if key in frame.lines and key != "<<":
            self.positions.repeated.append(RepeatedKey(place, frame.lines[key], line))
        frame.lines.setdefault(key, line)
        self._note(place, event)

    def _enter(self, event: Event) -> Place:
        """The place of a value that begins here."""
        if not self._stack:
            self._note((), event)
            return ()
        frame = self._stack[-1]
        if frame.index is None:
            place = (*frame.place, frame.key or "")
            frame.key = None
            return place
        place = (*frame.place, frame.index)
        frame.index += 1
        self._note(place, event)
        return place

    def _note(self, place: Place, event: Event) -> None:
        if len(self.positions.lines) < MAX_PLACES:
            self.positions.lines[place] = line_of(event)


def _key(event: Event) -> str:
    if not isinstance(event, ScalarEvent):
        return ""
    if event.tag is None and event.implicit[0]:
        return key_text(plain_value(event.value)) or ""
    return event.value
