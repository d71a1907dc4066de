"""What a look-up found, and how GJSON turns JSON text into plain text.

Reads single values; finding them is the matter of `scan` and `evaluate`.
"""

from __future__ import annotations

import enum
import json
import math
import re
from typing import Final


class Kind(enum.Enum):
    """The kind of a JSON value. An object or array is `JSON`; what does not exist is `NULL`."""

    NULL = "Null"
    FALSE = "False"
    NUMBER = "Number"
    STRING = "String"
    TRUE = "True"
    JSON = "JSON"


_INTEGER: Final = re.compile(r"-?[0-9]*")
_DIGITS: Final = r"[0-9]++(?:_[0-9]++)*"
_HEX_DIGITS: Final = r"[0-9a-fA-F]++(?:_[0-9a-fA-F]++)*"
_DECIMAL: Final = re.compile(rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_HEXADECIMAL: Final = re.compile(
    rf"[+-]?0[xX](?:_?{_HEX_DIGITS}(?:\.(?:{_HEX_DIGITS})?)?|\.{_HEX_DIGITS})[pP][+-]?{_DIGITS}"
)
_INFINITY: Final = re.compile(r"([+-]?)inf(?:inity)?", re.IGNORECASE | re.ASCII)
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_SIMPLE_ESCAPES: Final = dict(zip(b'\\/bfnrt"', b'\\/\b\f\n\r\t"', strict=True))
_STRICT_STRING: Final = json.JSONDecoder()
_ESCAPE_LENGTH: Final = 6
_FALSE_WORDS: Final = frozenset({"0", "f", "false"})
_TRUE_WORDS: Final = frozenset({"1", "t", "true"})


class Result:
    """A value found in a JSON text, or the fact that there is none. Its repr does not show the value."""

    __slots__ = ("_text", "kind", "raw")

    def __init__(self, kind: Kind, raw: str, text: str | None = None) -> None:
        self.kind = kind
        """What kind of value it is."""
        self.raw = raw
        """The JSON text as it stands in the document; bytes that are not UTF-8 as `surrogateescape`."""
        self._text = text

    @property
    def exists(self) -> bool:
        """Whether anything was found; a JSON null counts."""
        return self.kind is not Kind.NULL or bool(self.raw)

    @property
    def text(self) -> str:
        """The plain text: strings decoded, integers as written, other numbers in plain decimals, null empty."""
        if self._text is None:
            self._text = _plain_text(self.kind, self.raw)
        return self._text

    @property
    def number(self) -> float:
        """The number's value; what cannot be read as a number is 0, as in GJSON."""
        return read_number(self.raw)

    @property
    def is_array(self) -> bool:
        """Whether it is an array."""
        return self.kind is Kind.JSON and self.raw.startswith("[")

    @property
    def is_object(self) -> bool:
        """Whether it is an object."""
        return self.kind is Kind.JSON and self.raw.startswith("{")

    @property
    def is_set(self) -> bool:
        """Whether it is true, a non-zero number, or a string that says true: how modifiers read their options."""
        return truth_of(self) is True

    def __repr__(self) -> str:
        """Kind and existence only."""
        return f"Result({self.kind.value}, exists={self.exists})"


MISSING: Final = Result(Kind.NULL, "")
"""Nothing was found."""


def truth_of(result: Result) -> bool | None:
    """True, false, or None where the value says neither."""
    if result.kind is Kind.TRUE:
        return True
    if result.kind is Kind.FALSE:
        return False
    if result.kind is Kind.NUMBER:
        return result.number != 0
    if result.kind is Kind.STRING:
        word = result.text.lower()
        return True if word in _TRUE_WORDS else False if word in _FALSE_WORDS else None
    return None


def _plain_text(kind: Kind, raw: str) -> str:
    if kind is Kind.STRING:
        return unescape(raw[1:-1]) if "\\" in raw else raw[1:-1]
    if kind is Kind.JSON:
        return raw
    if kind is Kind.NUMBER:
        return raw if _INTEGER.fullmatch(raw) else format_number(read_number(raw))
    return {Kind.TRUE: "true", Kind.FALSE: "false"}.get(kind, "")


def read_number(literal: str) -> float:
    """The value of a number as Go reads it: 0 if it is none, infinite if it is out of range."""
    if _DECIMAL.fullmatch(literal):
        return float(literal)
    infinity = _INFINITY.fullmatch(literal)
    if infinity:
        return -math.inf if infinity[1] == "-" else math.inf
    if literal.isascii() and literal.lower() == "nan":
        return math.nan
    return _read_unusual(literal)


def _read_unusual(literal: str) -> float:
    if not _HEXADECIMAL.fullmatch(literal):
        return 0.0
    try:
        return float.fromhex(literal.replace("_", ""))
    except OverflowError:
        return -math.inf if literal.startswith("-") else math.inf


def format_number(value: float) -> str:
    """The shortest decimal that reads back, never with an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    sign = "-" if text.startswith("-") else ""
    mantissa, _, exponent = text.removeprefix("-").partition("e")
    if not exponent:
        return sign + mantissa.removesuffix(".0")
    whole, _, fraction = mantissa.partition(".")
    digits, point = whole + fraction, len(whole) + int(exponent)
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    return sign + digits.ljust(point, "0")


def to_bytes(text: str) -> bytes:
    """The bytes the text stands for."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def from_bytes(data: bytes) -> str:
    """The text of bytes; those that are not UTF-8 are kept as `surrogateescape`."""
    return data.decode("utf-8", "surrogateescape")


def unescape(body: str) -> str:
    """The text between a JSON string's quotes with its escapes resolved.

    What is no JSON ends the text there, as in GJSON.
    """
    if not _SURROGATE_ESCAPE.search(body):
        try:
            return str(_STRICT_STRING.decode(f'"{body}"'))
        except ValueError:
            pass
    return from_bytes(_unescape_leniently(to_bytes(body)))


def _unescape_leniently(body: bytes) -> bytes:
    out = bytearray()
    at = 0
    while at < len(body):
        byte = body[at]
        if byte < ord(" "):
            break
        if byte != ord("\\"):
            out.append(byte)
            at += 1
            continue
        escaped = body[at + 1] if at + 1 < len(body) else 0
        if escaped == ord("u") and at + _ESCAPE_LENGTH <= len(body):
            character, at = _unicode_escape(body, at)
            out += character.encode()
        elif escaped in _SIMPLE_ESCAPES:
            out.append(_SIMPLE_ESCAPES[escaped])
            at += 2
        else:
            break
    return bytes(out)


def _unicode_escape(body: bytes, at: int) -> tuple[str, int]:
    code = _hex_code(body[at + 2 : at + _ESCAPE_LENGTH])
    at += _ESCAPE_LENGTH
    if not 0xD800 <= code <= 0xDFFF:  # noqa: PLR2004  # UTF-16 surrogates
        return chr(code), at
    if body[at : at + 2] != b"\\u" or at + _ESCAPE_LENGTH > len(body):
        return "\ufffd", at
    # GJSON takes what follows to be the other half without looking.
    low = _hex_code(body[at + 2 : at + _ESCAPE_LENGTH])
    if code < 0xDC00 <= low <= 0xDFFF:  # noqa: PLR2004  # high half, low half
        return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)), at + _ESCAPE_LENGTH
    return "\ufffd", at + _ESCAPE_LENGTH


def _hex_code(digits: bytes) -> int:
    return int(digits, 16) if re.fullmatch(rb"[0-9a-fA-F]{4}", digits) else 0
