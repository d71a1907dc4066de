"""Writes and removes values at a path of JSON text, as tidwall/sjson 1.2 does for ESO's pushes. Nothing else changes.

The rest of the text keeps its blanks, its order and the form of its numbers. Functions return a `Refusal` instead of
raising: a traceback may show local variables, and those are values here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from virtrigaud_secrets.gjson.limits import MAX_PATH_CHARACTERS
from virtrigaud_secrets.gjson.result import unescape
from virtrigaud_secrets.gjson.scan import next_value
from virtrigaud_secrets.golang import encoding_json

MAX_STEPS: Final = 64
"""Steps in a path: each is an object within the other."""
MAX_INDEX: Final = 10_000
"""Index of an array that a path may write to: elements before it are made."""

_PLAIN: Final = re.compile(r"[ !#-\[\]-~]*")
_FORBIDDEN: Final = frozenset("*?#|@")
_INDEX: Final = re.compile(r"[0-9]+", re.ASCII)
_NOT_BLANK: Final = re.compile(r"[^\x00-\x20]")
_KEY: Final = re.compile(r'[\x00-\x20,]*("[^"\\]*(?:\\.[^"\\]*)*")[\x00-\x20]*:', re.DOTALL)
_VALUE: Final = re.compile(r"[\x00-\x20,]*(?=[^\x00-\x20,\]}])")
_APPEND: Final = "-1"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was written."""

    reason: str
    """For people; holds nothing of the text."""


class _Member(NamedTuple):
    """A member of an object, or an element of an array, by its place in the text."""

    key: str
    start: int
    """Where it begins, its key included."""
    value: int
    """Where its value begins."""
    end: int
    """Behind its value."""


def assign(text: str, path: str, value: str) -> str | Refusal:
    """`text` with the string `value` at `path`; objects on the way are made.

    Args:
        text: an object or array, or nothing.
        path: keys and indexes with dots between them; a backslash before a dot makes it part of a key.
        value: what to write.
    """
    steps = _steps(path)
    if isinstance(steps, Refusal):
        return steps
    if text.strip() and not encoding_json.valid(text):
        return Refusal("it is there and is not JSON")
    return _assigned(text, steps, string(value))


def remove(text: str, path: str) -> str | None:
    """`text` without what is at `path`; None where there is nothing."""
    steps = _steps(path)
    if isinstance(steps, Refusal) or not encoding_json.valid(text):
        return None
    return _removed(text, steps)


def string(value: str) -> str:
    """A JSON string as sjson writes it: HTML is escaped only where something else has to be."""
    return f'"{value}"' if _PLAIN.fullmatch(value) else encoding_json.quote(value)


def _steps(path: str) -> list[str] | Refusal:
    if not path or len(path) > MAX_PATH_CHARACTERS:
        return Refusal("the property is no path")
    steps, step, escaped = list[str](), "", False
    for character in path:
        if escaped:
            step, escaped = step + character, False
        elif character == "\\":
            escaped = True
        elif character == ".":
            steps.append(step)
            step = ""
        elif character in _FORBIDDEN:
            return Refusal(f'the property holds "{character}", which cannot be written to')
        else:
            step += character
    steps.append(step)
    return steps if len(steps) <= MAX_STEPS else Refusal(f"the property has more than {MAX_STEPS} steps")


def _assigned(text: str, steps: Sequence[str], raw: str) -> str | Refusal:
    if not steps:
        return raw
    found = _NOT_BLANK.search(text)
    if found is None or found[0] not in "{[":
        return _built(steps, raw)
    members = list(_members(text, found.start()))
    if found[0] == "[":
        return _assigned_element(text, members, steps, raw)
    name = steps[0].removeprefix(":")
    for member in members:
        if member.key == name:
            return _replaced(text, member, _assigned(text[member.value : member.end], steps[1:], raw))
    return _appended(text, "}", f"{string(name)}:{_built(steps[1:], raw)}", comma=bool(members))


def _assigned_element(text: str, members: list[_Member], steps: Sequence[str], raw: str) -> str | Refusal:
    if steps[0] == _APPEND:
        index = len(members)
    elif _INDEX.fullmatch(steps[0]) and int(steps[0]) <= MAX_INDEX:
        index = int(steps[0])
    else:
        return Refusal("the property leads into a list, and its step there is no index")
    if index < len(members):
        member = members[index]
        return _replaced(text, member, _assigned(text[member.value : member.end], steps[1:], raw))
    elements = ["null"] * (index - len(members)) + [_built(steps[1:], raw)]
    return _appended(text, "]", ",".join(elements), comma=bool(members))


def _replaced(text: str, member: _Member, inner: str | Refusal) -> str | Refusal:
    return inner if isinstance(inner, Refusal) else text[: member.value] + inner + text[member.end :]


def _appended(text: str, bracket: str, raw: str, *, comma: bool) -> str:
    end = text.rindex(bracket)
    return f"{text[:end]}{',' if comma else ''}{raw}{text[end:]}"


def _built(steps: Sequence[str], raw: str) -> str:
    """A value inside the objects and arrays that the steps name."""
    for step in reversed(steps):
        if step == _APPEND:
            raw = f"[{raw}]"
        elif _INDEX.fullmatch(step) and int(step) <= MAX_INDEX:
            raw = f"[{'null,' * int(step)}{raw}]"
        else:
            raw = f"{{{string(step.removeprefix(':'))}:{raw}}}"
    return raw


def _removed(text: str, steps: Sequence[str]) -> str | None:
    found = _NOT_BLANK.search(text)
    if found is None or found[0] not in "{[":
        return None
    members = list(_members(text, found.start()))
    name = steps[0].removeprefix(":") if found[0] == "{" else steps[0]
    for number, member in enumerate(members):
        if member.key != name:
            continue
        if len(steps) == 1:
            return _without(text, members, number)
        inner = _removed(text[member.value : member.end], steps[1:])
        return None if inner is None else text[: member.value] + inner + text[member.end :]
    return None


def _without(text: str, members: list[_Member], number: int) -> str:
    """The text without one member and the comma that parted it from its neighbour."""
    if number + 1 < len(members):
        return text[: members[number].start] + text[members[number + 1].start :]
    start = members[number - 1].end if number else members[number].start
    return text[:start] + text[members[number].end :]


def _members(text: str, opening: int) -> Iterator[_Member]:
    """What an object or array that is valid JSON holds."""
    keyed, at, index = text[opening] == "{", opening + 1, 0
    while True:
        key, start = str(index), -1
        if keyed:
            named = _KEY.match(text, at)
            if named is None:
                return
            key, start, at = unescape(named[1][1:-1]), named.start(1), named.end()
        begin = _VALUE.match(text, at)
        value, end = (None, at) if begin is None else next_value(text, begin.end())
        if begin is None or value is None:
            return
        yield _Member(key, start if keyed else begin.end(), begin.end(), end)
        at, index = end, index + 1
