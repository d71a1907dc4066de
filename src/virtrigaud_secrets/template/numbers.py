"""Number constants of a template: one text, every Go type that can hold its value."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from virtrigaud_secrets.golang.strconv import NumberError, parse_float, parse_int, parse_uint, unquote_char
from virtrigaud_secrets.template.nodes import Number

_REAL_PART: Final = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)"
)
_MIN_INT: Final = -(1 << 63)
_END_INT: Final = 1 << 63
_END_UINT: Final = 1 << 64


def parse_number(kind: str, text: str, offset: int) -> Number:
    """The constant that a token of kind `number`, `complex` or `character` stands for.

    Raises:
        NumberError: it stands for none.
        ValueError: an integer too large for 64 bits; the text says so.
    """
    if kind == "character":
        return _character(text, offset)
    if kind == "complex":
        found = _REAL_PART.match(text)
        middle = found.end() if found else 0
        return _from_complex(text, complex(parse_float(text[:middle]), parse_float(text[middle:-1])), offset)
    if text.endswith("i"):
        return _from_complex(text, complex(0, parse_float(text[:-1])), offset)
    return _real(text, offset)


def _character(text: str, offset: int) -> Number:
    """A constant in single quotes: the number of its code point."""
    code, size, is_byte = unquote_char(text[1:], "'")
    if text[1 + size :] != "'":
        raise ValueError("malformed character constant")
    if not is_byte and 0xDC80 <= code < 0xDD00:  # noqa: PLR2004 - a byte that is no UTF-8 reads as U+FFFD
        code = 0xFFFD
    return Number(text, code, code, float(code), None, offset)


def _real(text: str, offset: int) -> Number:
    """A constant without an imaginary part: an integer if it can be read as one, else a float."""
    unsigned = _attempt(parse_uint, text)
    integer = _attempt(parse_int, text)
    if integer == 0:
        unsigned = 0
    if integer is not None or unsigned is not None:
        value = float(integer if integer is not None else unsigned or 0)
        return Number(text, integer, unsigned, value, None, offset)
    real = parse_float(text)
    if not any(char in text for char in ".eEpP"):
        raise ValueError("integer overflow")
    return Number(text, _whole(real, _MIN_INT, _END_INT), _whole(real, 0, _END_UINT), real, None, offset)


def _attempt(parse: Callable[[str, int], int], text: str) -> int | None:
    """The integer, or `None` where it cannot be read."""
    try:
        return parse(text, 0)
    except NumberError:
        return None


def _from_complex(text: str, value: complex, offset: int) -> Number:
    """A complex constant; without an imaginary part it also stands for its real part."""
    if value.imag != 0:
        return Number(text, None, None, None, value, offset)
    real = value.real
    return Number(text, _whole(real, _MIN_INT, _END_INT), _whole(real, 0, _END_UINT), real, value, offset)


def _whole(real: float, first: int, end: int) -> int | None:
    """The float as an integer, if it is one within the range."""
    return int(real) if first <= real < end and real == int(real) else None
