"""Go's `encoding/json`: what it writes, and what it reads.

Python's `json` writes other floats, no HTML escapes and another key order, and reads NaN, unlimited integers and lone
surrogates. Paths into JSON text are the matter of `virtrigaud_secrets.gjson`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from virtrigaud_secrets.errors import DecodingError
from virtrigaud_secrets.golang import base64

MAX_DEPTH: Final = 10_000
"""Arrays and objects within each other that are read: Go's own limit."""


class Number(str):
    """A JSON number as it was written: Go's `json.Number`."""

    __slots__ = ()


JSONValue: TypeAlias = "bool | int | float | str | bytes | Sequence[JSONValue] | Mapping[str, JSONValue] | None"
"""What can be written. Bytes become base64, a `Number` its own text."""
Decoded: TypeAlias = "bool | float | str | list[Decoded] | dict[str, Decoded] | None"
"""What is read; numbers are floats, or `Number` if asked for."""

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_SPECIAL: Final = {
    True: re.compile('[\\x00-\\x1f"\\\\<>&\u2028\u2029\ud800-\udfff]'),
    False: re.compile('[\\x00-\\x1f"\\\\\u2028\u2029\ud800-\udfff]'),
}
_SHORT: Final = {
    '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f",
}  # fmt: skip
_SMALLEST_PLAIN: Final = 1e-6
_SMALLEST_EXPONENT: Final = 1e21


class JSONError(DecodingError):
    """Go would refuse the text or the value. The message tells the place, never what stands there."""

    code = "json"


# --------------------------------------------------------------------------------------------------------- writing


def marshal(value: JSONValue, *, escape_html: bool = True) -> str:
    """Compact JSON, keys in byte order.

    `escape_html=False` is an encoder with `SetEscapeHTML(false)`, without the line break it adds.

    Raises:
        JSONError: NaN, an infinity, a `Number` that is none, or a type JSON does not have.
    """
    return "".join(_pieces(value, _Layout(escape_html=escape_html)))


def marshal_indent(value: JSONValue, prefix: str, indent: str, *, escape_html: bool = True) -> str:
    """JSON with one element a line; each but the first line starts with the prefix.

    Raises:
        JSONError: as for `marshal`.
    """
    return "".join(_pieces(value, _Layout(escape_html=escape_html, prefix=prefix, indent=indent)))


def quote(text: str, *, escape_html: bool = True) -> str:
    r"""The text as a JSON string; a byte that is not UTF-8 becomes the six characters `\ufffd`."""
    return f'"{_SPECIAL[escape_html].sub(_escape, text)}"'


def format_float(value: float) -> str:
    """The shortest decimal that reads back, with an exponent only below 1e-6 and from 1e21 on.

    Raises:
        JSONError: NaN or an infinity.
    """
    if not math.isfinite(value):
        raise JSONError("json: unsupported value: not a finite number")
    text = repr(value)
    if value == 0 or _SMALLEST_PLAIN <= abs(value) < _SMALLEST_EXPONENT:
        return _plain(text)
    return text.replace("e-0", "e-")


def _plain(text: str) -> str:
    mantissa, _, exponent = text.removeprefix("-").partition("e")
    sign = "-" if text.startswith("-") else ""
    if not exponent:
        return sign + mantissa.removesuffix(".0")
    whole, _, fraction = mantissa.partition(".")
    digits, point = whole + fraction, len(whole) + int(exponent)
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    return sign + digits.ljust(point, "0")


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    short = _SHORT.get(character)
    if short is not None:
        return short
    return "\\ufffd" if "\ud800" <= character <= "\udfff" else f"\\u{ord(character):04x}"


class _Layout:
    """How the pieces between the values look."""

    __slots__ = ("colon", "escape_html", "indent", "prefix")

    def __init__(self, *, escape_html: bool, prefix: str = "", indent: str | None = None) -> None:
        self.escape_html = escape_html
        self.prefix = prefix
        self.indent = indent
        self.colon = ":" if indent is None else ": "

    def line(self, depth: int) -> str:
        return "" if self.indent is None else f"\n{self.prefix}{self.indent * depth}"


def _pieces(value: JSONValue, layout: _Layout) -> Iterator[str]:
    # A loop with a stack, not recursion: what was read may be deeper than Python's stack allows.
    open_values: list[tuple[Iterator[tuple[str, JSONValue]], str]] = []
    lead = ""
    while True:
        if isinstance(value, Mapping):
            yield lead + "{"
            open_values.append((_members(value, layout), "}"))
        elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            yield lead + "["
            open_values.append(((("", item) for item in value), "]"))
        else:
            yield lead + _scalar(value, layout)
        separator = "" if isinstance(value, (Mapping, Sequence)) and not isinstance(value, (str, bytes)) else ","
        while open_values:
            members, closing = open_values[-1]
            following = next(members, None)
            if following is not None:
                key, value = following
                lead = f"{separator}{layout.line(len(open_values))}{key}"
                break
            open_values.pop()
            yield closing if not separator else f"{layout.line(len(open_values))}{closing}"
            separator = ","
        else:
            return


def _members(value: Mapping[str, JSONValue], layout: _Layout) -> Iterator[tuple[str, JSONValue]]:
    for key in sorted(_checked_keys(value), key=_byte_order):
        yield f"{quote(key, escape_html=layout.escape_html)}{layout.colon}", value[key]


def _checked_keys(keys: Iterable[object]) -> Iterator[str]:
    for key in keys:
        if not isinstance(key, str):
            raise JSONError(f"json: unsupported key type: {type(key).__name__}")
        yield key


def _byte_order(key: str) -> bytes:
    try:
        return key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return key.encode("utf-8", "surrogatepass")


def _scalar(value: JSONValue, layout: _Layout) -> str:  # noqa: PLR0911  # a table of types
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        if value and not _NUMBER.fullmatch(value):
            raise JSONError("json: invalid number literal")
        return str(value) or "0"
    if isinstance(value, str):
        return quote(value, escape_html=layout.escape_html)
    if isinstance(value, bytes):
        return f'"{base64.encode(value)}"'
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format_float(value)
    raise JSONError(f"json: unsupported type: {type(value).__name__}")


# --------------------------------------------------------------------------------------------------------- reading


def unmarshal(text: str | bytes, *, use_number: bool = False) -> Decoded:
    """The value of a JSON text.

    Bytes that are not UTF-8 and lone surrogates inside strings become U+FFFD; of two equal keys the last counts.

    Args:
        text: One JSON value with blanks around it.
        use_number: Keep numbers as written; otherwise they become floats.

    Raises:
        JSONError: not JSON, deeper than `MAX_DEPTH`, or a number beyond a float's range.
    """
    source = text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text
    if not source.isascii():
        source = _SURROGATE.sub("\ufffd", source)
    if "\\u" in source:
        source = _ESCAPE.sub(_pair_or_replacement, source)
    number = Number if use_number else _finite
    decoder = json.JSONDecoder(parse_int=number, parse_float=number, parse_constant=_refuse)
    try:
        return decoder.decode(source)  # type: ignore[no-any-return]  # JSON has no other types
    except json.JSONDecodeError as error:
        raise JSONError(f"invalid JSON at character {error.pos}") from None
    except RecursionError:
        return _DeepReader(source, decoder).read()


def valid(text: str | bytes) -> bool:
    """Whether Go's `json.Valid` takes the text."""
    try:
        unmarshal(text, use_number=True)
    except JSONError:
        return False
    return True


def _pair_or_replacement(found: re.Match[str]) -> str:
    # Of the same length, so that positions in errors stay true.
    return "\\ufffd" if found["lone"] else found[0]


def _finite(literal: str) -> float:
    value = float(literal)
    if math.isinf(value):
        raise JSONError("json: a number is beyond the range of float64")
    return value


def _refuse(_constant: str) -> float:
    raise JSONError("invalid JSON: NaN and Infinity are no JSON values")


class _DeepReader:
    """Reads what is nested too deeply for Python's own decoder, with a list for a stack."""

    _BLANKS: Final = (" ", "\t", "\n", "\r")
    _SCALAR_START: Final = frozenset('"-0123456789tfn')

    def __init__(self, source: str, decoder: json.JSONDecoder) -> None:
        self._source = source
        self._at = 0
        self._decoder = decoder

    def read(self) -> Decoded:
        value = self._value()
        self._skip()
        if self._at != len(self._source):
            raise self._fault()
        return value

    def _value(self) -> Decoded:
        # For each open value its items so far and, in an object, their keys.
        stack: list[tuple[list[Decoded], list[str] | None]] = []
        while True:
            self._skip()
            opening = self._source[self._at : self._at + 1]
            if opening and opening in "[{":
                keys = self._open(opening, len(stack))
                stack.append(([], keys))
                if not self._take("]" if keys is None else "}"):
                    continue
                value = self._close(stack)
            else:
                value = self._scalar(opening)
            while stack:
                items, keys = stack[-1]
                items.append(value)
                if self._take(","):
                    if keys is not None:
                        keys.append(self._key())
                    break
                if not self._take("]" if keys is None else "}"):
                    raise self._fault()
                value = self._close(stack)
            else:
                return value

    def _open(self, opening: str, depth: int) -> list[str] | None:
        if depth == MAX_DEPTH:
            raise JSONError("invalid JSON: exceeded max depth")
        self._at += 1
        if opening == "[":
            return None
        self._skip()
        return [] if self._source[self._at : self._at + 1] == "}" else [self._key()]

    @staticmethod
    def _close(stack: list[tuple[list[Decoded], list[str] | None]]) -> Decoded:
        items, keys = stack.pop()
        return items if keys is None else dict(zip(keys, items, strict=True))

    def _key(self) -> str:
        self._skip()
        if self._source[self._at : self._at + 1] != '"':
            raise self._fault()
        key = self._scalar('"')
        if not self._take(":"):
            raise self._fault()
        return str(key)

    def _scalar(self, start: str) -> Decoded:
        if start not in self._SCALAR_START:
            raise self._fault()
        try:
            value, self._at = self._decoder.raw_decode(self._source, self._at)
        except json.JSONDecodeError as error:
            raise JSONError(f"invalid JSON at character {error.pos}") from None
        return value  # type: ignore[no-any-return]  # a scalar, by its first character

    def _take(self, character: str) -> bool:
        self._skip()
        if self._source[self._at : self._at + 1] != character:
            return False
        self._at += 1
        return True

    def _skip(self) -> None:
        while self._source.startswith(self._BLANKS, self._at):
            self._at += 1

    def _fault(self) -> JSONError:
        return JSONError(f"invalid JSON at character {self._at}")
