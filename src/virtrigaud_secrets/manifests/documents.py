"""YAML text → documents of plain data, each on its own, so that a broken one does not take the others with it.

Nothing here knows what a manifest is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, cast

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from virtrigaud_secrets.golang.strconv import format_float
from virtrigaud_secrets.golang.yaml_scalars import PREFIX, Scalar, resolve
from virtrigaud_secrets.manifests.limits import MAX_ALIASED_NODES, MAX_DEPTH

LOADER: Final = cast("type[yaml.SafeLoader]", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
"""PyYAML's parser: libyaml where it is built in."""

_SEPARATOR: Final = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_NO_CONTENT: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)|%[^\n]*(?:\n|\Z))*")
_ESCAPE: Final = re.compile(r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|.)")
_BINARY_TAG: Final = PREFIX + "binary"
_RESOLVED_TAGS: Final = frozenset(PREFIX + name for name in ("bool", "int", "float", "null", "timestamp"))


class YamlFault(Exception):  # noqa: N818  # never leaves this package
    """Why a document cannot be read."""

    def __init__(self, reason: str, *, line: int, column: int, hostile: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        """What is wrong, without the text around it."""
        self.line = line
        """Line in the chunk, from 0."""
        self.column = column
        """Column in that line, from 0."""
        self.hostile = hostile
        """Whether it is well formed and refused for what it would do to its reader."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """The text of one document, up to the next `---`."""

    text: str
    line: int
    """Line of the file it begins in, from 0."""


@dataclass(frozen=True, slots=True)
class PlainDocument:
    """One document as mappings with text keys, lists and scalars."""

    data: object
    line: int
    """Line in the chunk where its content begins, from 0."""
    repeats_keys: bool
    """Whether some mapping names a key twice; the later one won."""


def split(text: str) -> Iterator[Chunk]:
    """The documents' texts. `---` at the start of a line ends a document whatever it stands in."""
    starts = [found.start() for found in _SEPARATOR.finditer(text)]
    # Comments and directives before the first document belong to it.
    head = text[: starts[0]] if starts else text
    if starts and _NO_CONTENT.fullmatch(head):
        starts[0] = 0
    else:
        starts.insert(0, 0)
    line = 0
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        chunk = text[start:end]
        yield Chunk(chunk, line)
        line += chunk.count("\n")


def compose(chunk: Chunk) -> PlainDocument | None:
    """The chunk's document; None where there is nothing but comments, and no `---` that says there is one.

    Raises:
        YamlFault: it is no YAML, or too much of it.
    """
    composer = _Composer()
    found: PlainDocument | None = None
    # To the end: what follows a document without `---` makes all of it no YAML.
    for event in events(chunk):
        found = composer.feed(event) or found
    return found


def events(chunk: Chunk) -> Iterator[Event]:
    """The parser's events.

    Raises:
        YamlFault: it is no YAML.
    """
    try:
        yield from yaml.parse(_joined_surrogates(chunk.text), Loader=LOADER)  # pyright: ignore[reportUnknownMemberType]  # stubs say nothing
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark is not None else (0, 0)
        raise YamlFault(error.problem or "not valid YAML", line=line, column=column) from None
    except yaml.YAMLError:
        # The reader's: it tells an offset only, and quotes the character.
        raise YamlFault("it holds a character that YAML does not allow", line=0, column=0, hostile=True) from None


def line_of(event: Event) -> int:
    """The line an event begins in, from 0."""
    return 0 if event.start_mark is None else event.start_mark.line


def _joined_surrogates(text: str) -> str:
    """JSON's pairs of escapes as the character they mean: YAML knows no such pairs."""
    if not text.removeprefix("---").lstrip().startswith("{"):
        return text
    return _ESCAPE.sub(lambda found: _character(found[1], found[2]) if found[1] else found[0], text)


def _character(high: str, low: str) -> str:
    return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00))


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being filled."""

    items: dict[str, object] | list[object]
    anchor: str | None
    first_node: int
    key: str | None = None
    merging: bool = False
    merges: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    height: int = 0


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an anchor stands for; `size` 0 while it is still open."""

    value: object
    size: int
    height: int


class _Composer:
    """Builds one document without recursion: the input decides how deep it nests."""

    def __init__(self) -> None:
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}
        self._nodes = 0
        self._aliased = 0
        self._data: object = None
        self._line: int | None = None
        self._repeats_keys = False

    def feed(self, event: Event) -> PlainDocument | None:
        """Take one event; the document where it was the last."""
        kind = type(event)
        if kind is ScalarEvent:
            self._scalar(cast("ScalarEvent", event))
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            self._open(cast("MappingStartEvent | SequenceStartEvent", event))
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._close(event)
        elif kind is AliasEvent:
            self._alias(cast("AliasEvent", event))
        elif kind is DocumentEndEvent:
            return PlainDocument(self._data, self._line or 0, self._repeats_keys)
        return None

    def _scalar(self, event: ScalarEvent) -> None:
        text = event.value
        tag = event.tag
        if tag is None:
            plain = event.implicit[0]
            frame = self._stack[-1] if self._stack else None
            if plain and text == "<<" and frame is not None and frame.key is None and isinstance(frame.items, dict):
                frame.key, frame.merging = text, True
                return
            value = plain_value(text) if plain else text
        elif tag == _BINARY_TAG:
            raise _fault("the tag !!binary is not read: write the text itself", event)
        else:
            value = plain_value(text) if tag in _RESOLVED_TAGS else text
        self._nodes += 1
        anchor = event.anchor
        if anchor is not None:
            self._anchors[anchor] = _Anchored(value, 1, 0)
        self._put(value, event)

    def _open(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise _fault(f"nested deeper than {MAX_DEPTH} levels", event, hostile=True)
        self._refuse_as_key(event)
        self._nodes += 1
        if self._line is None:
            self._line = line_of(event)
        anchor = event.anchor
        items: dict[str, object] | list[object] = {} if type(event) is MappingStartEvent else []
        if anchor is not None:
            self._anchors[anchor] = _Anchored(items, 0, 0)
        self._stack.append(_Frame(items, anchor, self._nodes))

    def _close(self, event: Event) -> None:
        frame = self._stack.pop()
        if frame.merges:
            _merge(cast("dict[str, object]", frame.items), frame.merges)
        if frame.anchor is not None:
            size = self._nodes - frame.first_node + 1
            self._anchors[frame.anchor] = _Anchored(frame.items, size, frame.height + 1)
        if self._stack:
            parent = self._stack[-1]
            parent.height = max(parent.height, frame.height + 1)
        self._put(frame.items, event)

    def _alias(self, event: AliasEvent) -> None:
        anchored = self._anchors.get(cast("str", event.anchor))
        if anchored is None:
            raise _fault("an alias names an anchor that is not there", event)
        if not anchored.size:
            raise _fault(
                "an alias stands inside the anchor it names: the document would never end", event, hostile=True
            )
        self._nodes += anchored.size
        self._aliased += anchored.size
        if self._aliased > MAX_ALIASED_NODES:
            raise _fault(f"its aliases stand for more than {MAX_ALIASED_NODES} nodes", event, hostile=True)
        if len(self._stack) + anchored.height > MAX_DEPTH:
            raise _fault(f"its aliases nest deeper than {MAX_DEPTH} levels", event, hostile=True)
        # Whatever has an anchor and is closed stands beside the alias in something that is still open.
        parent = self._stack[-1]
        parent.height = max(parent.height, anchored.height)
        self._put(anchored.value, event)

    def _put(self, value: object, event: Event) -> None:
        if not self._stack:
            self._data = value
            if self._line is None:
                self._line = line_of(event)
            return
        frame = self._stack[-1]
        if isinstance(frame.items, list):
            frame.items.append(value)
        elif frame.key is None:
            frame.key = _key(value, event)
        else:
            self._put_member(frame, frame.items, frame.key, value, event)

    def _put_member(self, frame: _Frame, items: dict[str, object], key: str, value: object, event: Event) -> None:
        if frame.merging:
            sources = cast("list[object]", value) if isinstance(value, list) else [value]
            if not all(isinstance(source, dict) for source in sources):
                raise _fault("<< needs a mapping, or a list of them", event)
            frame.merges.extend(cast("list[dict[str, object]]", sources))
        else:
            self._repeats_keys = self._repeats_keys or key in items
            items[key] = value
        frame.key, frame.merging = None, False

    def _refuse_as_key(self, event: Event) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.key is None and isinstance(frame.items, dict):
            raise _fault("a mapping's key must be text", event)


def _key(value: object, event: Event) -> str:
    if isinstance(value, dict | list):
        raise _fault("a mapping's key must be text", event)
    key = key_text(cast("Scalar", value))
    if key is None:
        raise _fault("a mapping's key must be text, found null", event)
    return key


def plain_value(text: str) -> Scalar:
    """What a scalar without quotes is to Kubernetes: dates stay text."""
    return resolve(text, dates=False)[1]


def key_text(value: Scalar) -> str | None:
    """The text that a mapping's key becomes, None where it cannot be one: JSON has no other keys."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_float(value, "g", -1, 32)
    return None if value is None else str(value)


def _merge(items: dict[str, object], sources: list[dict[str, object]]) -> None:
    """Add what `<<` brings: the mapping's own keys stay, and of several sources the first wins."""
    for source in sources:
        for key, value in source.items():
            items.setdefault(key, value)


def _fault(reason: str, event: Event, *, hostile: bool = False) -> YamlFault:
    mark = event.start_mark
    column = 0 if mark is None else mark.column
    return YamlFault(reason, line=line_of(event), column=column, hostile=hostile)
