"""Takes GJSON paths apart, one step at a time.

Only the path's text is looked at; what a step finds is decided in `evaluate`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from virtrigaud_secrets.gjson.result import unescape
from virtrigaud_secrets.gjson.scan import squash

MODIFIER_NAMES: Final = frozenset(
    {
        "pretty", "ugly", "reverse", "this", "flatten", "join", "valid", "keys", "values", "tostr", "fromstr", "group",
        "dig",
    }
)  # fmt: skip
"""What may follow an `@`; any other word after an `@` is a key."""

CACHED_STEPS: Final = 512
"""Steps remembered: a step is met again for every element of an array."""

_BLANKS: Final = "".join(map(chr, range(33)))
_LAST_NAME: Final = re.compile(r"(?<!\\)[.|]")
_COMPARISONS: Final = "!=<>%"
_QUERY_BRACKETS: Final = {"[": 1, "(": 1, "]": -1, ")": -1}
_BRACKETS: Final = {**_QUERY_BRACKETS, "{": 1, "}": -1}


class Step(NamedTuple):
    """The first step of a path and what follows it."""

    part: str
    """The step itself, in an object with its escapes resolved."""
    rest: str | None
    """The path after a dot, None if there is none."""
    pipe: str | None
    """The path after a pipe, or after a dot that acts like one; None if there is none."""


class Query(NamedTuple):
    """A condition on the elements of an array."""

    path: str
    op: str
    """Empty if only existence is asked for."""
    value: str
    every: bool
    """Whether all matches are wanted, not only the first."""


class ObjectStep(NamedTuple):
    """A step to take in an object."""

    step: Step
    wild: bool
    """Whether the part is a pattern."""


class ArrayStep(NamedTuple):
    """A step to take in an array."""

    step: Step
    counting: bool
    """Whether the part holds a `#`: then it is no index."""
    each: str | None
    """The path after `#.`, None if the step is another."""
    query: Query | None
    """The condition, None if the step has none."""

    @property
    def position(self) -> int:
        """The index asked for, -1 if none is. Go's 64-bit integers wrap around."""
        part = self.step.part
        if self.counting or not (part.isascii() and part.isdecimal()):
            return -1
        index = int(part[-64:]) % (1 << 64)  # 10**64 is a multiple of 2**64, so digits before these do not count
        return index if index < 1 << 63 else -1


class Selector(NamedTuple):
    """One member of a multipath."""

    name: str
    path: str


def trim(text: str) -> str:
    """The text without blanks and control characters around it."""
    return text.strip(_BLANKS)


def acts_as_pipe(rest: str) -> bool:
    """Whether a dot before this acts like a pipe: a modifier or a multipath follows."""
    if rest[0] != "@":
        return rest[0] in "[{"
    end = 1
    while end < len(rest) and rest[end] not in ".|:":
        end += 1
    return rest[1:end] in MODIFIER_NAMES


def _after_dot(part: str, rest: str, *, may_pipe: bool = True) -> Step:
    if rest and may_pipe and acts_as_pipe(rest):
        return Step(part, None, rest)
    return Step(part, rest, None)


@lru_cache(maxsize=CACHED_STEPS)
def object_step(path: str) -> ObjectStep:
    """The first step of a path, to be taken in an object."""
    part: list[str] = []
    wild = False
    at = 0
    while at < len(path):
        character = path[at]
        if character == "|":
            return ObjectStep(Step("".join(part), None, path[at + 1 :]), wild)
        if character == ".":
            return ObjectStep(_after_dot("".join(part), path[at + 1 :]), wild)
        if character == "\\":
            at += 1
            part.append(path[at : at + 1])
        else:
            wild = wild or character in "*?"
            part.append(character)
        at += 1
    return ObjectStep(Step("".join(part), None, None), wild)


@lru_cache(maxsize=CACHED_STEPS)
def array_step(path: str) -> ArrayStep:
    """The first step of a path, to be taken in an array."""
    counting = False
    query: Query | None = None
    each = path[2:] if path.startswith("#.") else None
    at = 0
    while at < len(path):
        character = path[at]
        if character == "|":
            return ArrayStep(Step(path[:at], None, path[at + 1 :]), counting, each, query)
        if character == ".":
            step = _after_dot(path[:at], path[at + 1 :], may_pipe=not counting)
            return ArrayStep(step, counting, each, query)
        if character == "#":
            counting = True
            if at == 0 and path[1:2] in {"[", "("}:
                query, at = _parse_query(path)
                continue
        at += 1
    return ArrayStep(Step(path, None, None), counting, each, query)


def _parse_query(path: str) -> tuple[Query, int]:
    """The query a path starts with and the position after it.

    One whose brackets do not close takes the whole path and asks for anything that exists.
    """
    end, operator, escaped = _query_end(path)
    if end >= len(path):
        return Query("", "", "", every=False), len(path)
    every = path[end + 1 : end + 2] == "#"
    if not operator:
        return Query(trim(path[2:end]), "", "", every), end + 1
    op, value = _split_operator(trim(path[operator:end]))
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = unescape(value[1:-1]) if escaped else value[1:-1]
    return Query(trim(path[2:operator]), op, value, every), end + 1


def _query_end(path: str) -> tuple[int, int, bool]:
    """The positions of the closing bracket and of the operator, and whether a quoted text holds a backslash."""
    at, operator, depth, escaped = 2, 0, 1, False
    while at < len(path):
        character = path[at]
        if depth == 1 and not operator and character in _COMPARISONS:
            operator = at
        elif character == "\\":
            at += 1
        elif character == '"':
            at, has_escape = _closing_quote(path, at)
            escaped = escaped or has_escape
        else:
            depth += _QUERY_BRACKETS.get(character, 0)
            if not depth:
                break
        at += 1
    return at, operator, escaped


def _closing_quote(path: str, at: int) -> tuple[int, bool]:
    """The position of the quote that closes the one at `at`, and whether a backslash stands between."""
    escaped = False
    at += 1
    while at < len(path) and path[at] != '"':
        if path[at] == "\\":
            escaped = True
            at += 1
        at += 1
    return at, escaped


def _split_operator(comparison: str) -> tuple[str, str]:
    if comparison[:2] == "==" and len(comparison) > 1:
        return "=", trim(comparison[2:])
    if comparison[:2] in {"!=", "!%", "<=", ">="}:
        return comparison[:2], trim(comparison[2:])
    if comparison[0] == "!" and len(comparison) > 1:
        return "", comparison
    return comparison[0], trim(comparison[1:])


def split_pipe(path: str) -> tuple[str, str | None]:
    """The path before and after its first pipe outside of queries; None if there is no such pipe."""
    if "|" not in path:
        return path, None
    at = _pipe_after_multipath(path) if path.startswith("{") else _pipe(path)
    return (path, None) if at < 0 else (path[:at], path[at + 1 :])


def _pipe_after_multipath(path: str) -> int:
    at = 1 + len(squash(path[1:]))
    return at if path[at : at + 1] == "|" else -1


def _pipe(path: str) -> int:
    at = 0
    while at < len(path):
        character = path[at]
        if character == "|":
            return at
        if character == "\\":
            at += 1
        elif path.startswith(".#", at):
            at = _skip_query(path, at + 2)
        at += 1
    return -1


def _skip_query(path: str, at: int) -> int:
    """The position of the bracket that closes the query opening at `at`, or `at` if none opens there."""
    opening = path[at : at + 1]
    if opening not in {"[", "("}:
        return at
    closing = "]" if opening == "[" else ")"
    depth = 1
    at += 1
    while at < len(path):
        character = path[at]
        if character == "\\":
            at += 1
        elif character == opening:
            depth += 1
        elif character == closing:
            depth -= 1
            if not depth:
                break
        elif character == '"':
            at, _ = _closing_quote(path, at)
        at += 1
    return at


def selectors(path: str) -> tuple[list[Selector] | None, str]:
    """The members of the multipath a path starts with, and the path after it.

    A multipath that does not close, or is followed by neither pipe nor dot, has no members; GJSON drops it all the same
    and goes on with what follows.
    """
    found: list[Selector] = []
    depth, start, colon, in_modifier = 1, 1, 0, False
    at = 1
    while at < len(path):
        character = path[at]
        if character == "\\":
            at += 1
        elif character == "@":
            in_modifier = in_modifier or path[at - 1] in ".|"
        elif character == ":":
            if not in_modifier and not colon and depth == 1:
                colon = at
        elif character == '"':
            at, _ = _closing_quote(path, at)
        depth += _BRACKETS.get(character, 0)
        if (character == "," and depth == 1) or not depth:
            found.append(_selector(path, start, colon, at))
            start, colon, in_modifier = at + 1, 0, False
        if not depth:
            rest = path[at + 1 :]
            return (found if rest[:1] in {"", "|", "."} else None), rest
        at += 1
    return None, ""


def _selector(path: str, start: int, colon: int, end: int) -> Selector:
    if colon:
        return Selector(path[start:colon], path[colon + 1 : end])
    return Selector("", path[start:end])


def last_name(path: str) -> str:
    """The name a member of a multipath gets when it has none of its own."""
    name = _LAST_NAME.split(path)[-1]
    return "_" if any(character < " " or character in "[]{}()#|!" for character in name) else name
