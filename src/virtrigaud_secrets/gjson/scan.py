"""Steps through raw JSON text from value to value, as leniently as GJSON does.

Every function takes a text and a position and looks no further than one value. Nothing here is parsed into Python
objects; what a path wants is decided in `evaluate`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from virtrigaud_secrets.gjson.result import MISSING, Kind, Result, unescape

STRING: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*"'
"""A terminated string."""
BETWEEN: Final = r'[^"{\[ntf+\-0-9iIN]*+'
"""What is passed over on the way to a value: anything that cannot start one."""
LITERAL: Final = r"(?:[tf]|n(?![^u]))[a-z]*+"
"""true, false, null, and what GJSON takes for them."""
NUMBER: Final = r"(?:[+\-0-9iIN]|n(?=[^u]))[^\x00-\x20,\]}]*+"
"""A number, or what GJSON takes for one: nan and inf too."""

_LITERAL_GROUP: Final = 2
_NUMBER_GROUP: Final = 3
CONTAINER: Final = 4
"""The group of `VALUE` and `ELEMENT` that matched when the value is an array or object: its opening bracket."""
ARRAY_END: Final = 5
"""The group of `ELEMENT` that matched at the closing bracket, or at the end of the text."""

VALUE: Final = re.compile(rf"{BETWEEN}(?:({STRING})|({LITERAL})|({NUMBER})|([{{\[]))", re.DOTALL)
"""The next value, whatever stands before it; of an array or object only the opening bracket."""
ELEMENT: Final = re.compile(
    rf"[^\"{{\[ntf+\-0-9iIN\]]*+(?:({STRING})|({LITERAL})|({NUMBER})|([{{\[])|(\]|\Z))", re.DOTALL
)
"""As `VALUE`, or the end of the array."""
_KEY: Final = re.compile(rf'[^"}}]*+(?:({STRING})|(}}))', re.DOTALL)
_TO_BRACKET: Final = re.compile(rf'[^"\[\]{{}}()]*+(?:{STRING}[^"\[\]{{}}()]*+)*', re.DOTALL)
_TERMINATED: Final = re.compile(STRING, re.DOTALL)
_NUMBER_END: Final = re.compile(r"[\x00-\x20,\]}]")
_WORD: Final = re.compile(r"[a-z]*")
_SEPARATORS: Final = re.compile(r"[\x00-\x20,:]*")
_NOT_BLANK: Final = re.compile(r"[^\x00-\x20]")
_LITERAL_KINDS: Final = {"t": Kind.TRUE, "f": Kind.FALSE, "n": Kind.NULL}


def container_end(text: str, start: int) -> int:
    """The position after the array or object that opens at `start`.

    Brackets of all kinds count alike. A text that ends too early gives its length, one that ends inside a string its
    length plus one: GJSON's own way to tell that nothing can follow.
    """
    at, depth = start + 1, 1
    while True:
        at = _end(_TO_BRACKET, text, at)
        if at >= len(text):
            return len(text)
        bracket = text[at]
        if bracket == '"':
            return len(text) + 1
        depth += 1 if bracket in "[{(" else -1
        at += 1
        if not depth:
            return at


def squash(text: str) -> str:
    """The leading array, object, parenthesis or string of a text; all of it if it does not end."""
    if text[0] == '"':
        found = _TERMINATED.match(text)
        return found[0] if found else text
    return text[: container_end(text, 0)]


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def next_key(text: str, at: int) -> tuple[str | None, int]:
    """The raw key with its quotes and the position after it; None at the object's end."""
    found = _KEY.match(text, at)
    if found is None:
        return None, len(text)
    return found[1], found.end()


def next_value(text: str, at: int) -> tuple[Result | None, int]:
    """The next value, whatever stands before it, and the position after it; None if none can be read."""
    found = VALUE.match(text, at)
    return (None, len(text)) if found is None else read_value(text, found)


def read_value(text: str, found: re.Match[str]) -> tuple[Result, int]:
    """The value that `VALUE` or `ELEMENT` matched and the position after it."""
    group = found.lastindex or 0
    if group == CONTAINER:
        start = found.start(CONTAINER)
        end = container_end(text, start)
        return Result(Kind.JSON, text[start:end]), end
    raw = found[group]
    if group == _NUMBER_GROUP:
        return Result(Kind.NUMBER, raw), found.end()
    if group == _LITERAL_GROUP:
        return Result(_LITERAL_KINDS[raw[0]], raw), found.end()
    return Result(Kind.STRING, raw), found.end()


def parse(text: str) -> Result:
    """The value a text starts with. An array or object takes the rest of the text with it."""
    found = _NOT_BLANK.search(text)
    if found is None:
        return MISSING
    start, first = found.start(), found[0]
    if first in "{[":
        return Result(Kind.JSON, text[start:])
    if first == '"':
        return _leading_string(text[start:])
    if first in "+-0123456789iIN" or (first == "n" and text[start + 1 : start + 2] not in {"", "u"}):
        return Result(Kind.NUMBER, _leading_number(text, start))
    if first in "tfn":
        return Result(_LITERAL_KINDS[first], text[start : _end(_WORD, text, start + 1)])
    return MISSING


def _leading_number(text: str, start: int) -> str:
    end = _NUMBER_END.search(text, start + 1)
    return text[start : end.start() if end else len(text)]


def _leading_string(text: str) -> Result:
    found = _TERMINATED.match(text)
    if found is not None:
        return Result(Kind.STRING, found[0])
    body = text[1:]
    return Result(Kind.STRING, text, unescape(body) if "\\" in body else body)


def for_each(container: Result) -> Iterator[tuple[Result, Result]]:
    """The keys and values of an object, MISSING and the values of an array, MISSING and the value of anything else."""
    if not container.exists:
        return
    if container.kind is not Kind.JSON:
        yield MISSING, container
        return
    text = container.raw
    start = _NOT_BLANK.search(text)
    if start is None or start[0] not in "{[":
        return
    keyed = start[0] == "{"
    at = start.end()
    key = MISSING
    while at < len(text):
        if keyed:
            at = text.find('"', at)
            found = _TERMINATED.match(text, at) if at >= 0 else None
            if found is None:
                return
            key, at = Result(Kind.STRING, found[0]), found.end()
        value, at = next_value(text, _end(_SEPARATORS, text, at))
        if value is None:
            return
        yield key, value
        at += 1  # GJSON steps over one character after each value: most often a comma
