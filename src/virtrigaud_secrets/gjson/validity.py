"""Whether a text is one JSON value and nothing else.

Builds nothing and does not recurse: `@valid` may meet documents of any depth.
"""

from __future__ import annotations

import re
from typing import Final

_SPACE: Final = r"[ \t\n\r]*+"
_STRING: Final = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*"'
_SCALAR: Final = rf"(?:{_STRING}|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null)"
_OPENING: Final = re.compile(rf"{_SPACE}([\[{{]){_SPACE}([\]}}]?)")
_VALUE: Final = re.compile(rf"{_SPACE}{_SCALAR}")
_NAME: Final = re.compile(rf"{_SPACE}{_STRING}{_SPACE}:")
_NEXT: Final = re.compile(rf"{_SPACE}([,\]}}]|\Z)")
_CLOSING: Final = {"[": "]", "{": "}"}


def is_valid(text: str) -> bool:
    """Whether the text is valid JSON, as GJSON's `Valid` sees it: bytes that are not UTF-8 may stand in strings."""
    wanted: list[str] = []
    at = 0
    while True:
        opening = _OPENING.match(text, at)
        if opening is not None:
            closing = _CLOSING[opening[1]]
            if opening[2] and opening[2] != closing:
                return False
            wanted.append(closing)
            at = opening.start(2)
            if not opening[2]:
                at = _after_name(text, at) if closing == "}" else at
                if at < 0:
                    return False
                continue
        else:
            scalar = _VALUE.match(text, at)
            if scalar is None:
                return False
            at = scalar.end()
        at = _after_value(text, at, wanted)
        if at < 0:
            return False
        if not wanted:
            return not text[at:].strip(" \t\n\r")


def _after_name(text: str, at: int) -> int:
    name = _NAME.match(text, at)
    return name.end() if name else -1


def _after_value(text: str, at: int, wanted: list[str]) -> int:
    """Where the next value starts, or the end of the text; -1 if neither may follow."""
    while wanted:
        following = _NEXT.match(text, at)
        if following is None or not following[1]:
            return -1
        at = following.end()
        if following[1] == ",":
            return _after_name(text, at) if wanted[-1] == "}" else at
        if following[1] != wanted.pop():
            return -1
    return at
