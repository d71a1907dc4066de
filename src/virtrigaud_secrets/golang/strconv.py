"""Numbers and quoted text as Go's `strconv` reads and writes them."""

from __future__ import annotations

import re
import struct
from typing import Final, Literal

_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")
_ESCAPE_OF: Final = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
_ESCAPED: Final = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34}
_HEX_ESCAPE_LENGTH: Final = {"x": 2, "u": 4, "U": 8}
_OCTAL_ESCAPE_LENGTH: Final = 3
_SURROGATES: Final = range(0xD800, 0xE000)
_ESCAPED_BYTES: Final = range(0xDC80, 0xDD00)
_MAX_RUNE: Final = 0x10FFFF
_MAX_BYTE: Final = 0xFF
_LAST_ASCII: Final = 0x7F
_BASIC_PLANE_END: Final = 0x10000
_FLOAT32_BITS: Final = 32
_MOST_DIGITS: Final = 64  # of the largest integer, in base 2
_HEX_BASE: Final = 16

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9_]+(?:\.[0-9_]*)?|\.[0-9_]+)(?:[eE][+-]?[0-9_]+)?", re.ASCII)
_HEXADECIMAL: Final = re.compile(r"([+-]?)0[xX]([0-9a-fA-F_]*)(?:\.([0-9a-fA-F_]*))?[pP]([+-]?[0-9_]+)", re.ASCII)
_SPECIAL: Final = re.compile(r"[+-]?(?:inf|infinity)|nan", re.ASCII | re.IGNORECASE)
_PREFIXES: Final = {"0b": 2, "0o": 8, "0x": 16}
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_MISPLACED_UNDERSCORE: Final = re.compile(r"(?<![0-9])_|_(?![0-9])")
_MISPLACED_UNDERSCORE_HEX: Final = re.compile(r"(?<![0-9a-fA-F])_|_(?![0-9a-fA-F])")
_LEAST_PLAIN: Final = -4
"""The smallest exponent that `g` writes without one."""
_FIRST_SCIENTIFIC: Final = 6
"""The first exponent that `g` writes as such."""
_EXPONENT_CAP: Final = 100_000
"""Exponents of hexadecimal floats are cut here, far beyond what a float64 holds."""


class NumberError(ValueError):
    """A text is no number, or one too large; `nearest` is what Go returns beside its error."""

    def __init__(self, reason: Literal["invalid syntax", "value out of range"], nearest: float = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.nearest = nearest


def parse_uint(text: str, base: int = 10, bits: int = 64) -> int:
    """`ParseUint`.

    Raises:
        NumberError: no unsigned integer, or more than so many bits.
    """
    digits = _digits_and_base(text, base)
    if digits is None:
        raise NumberError("invalid syntax")
    number = _value(*digits)
    if number >> bits:
        raise NumberError("value out of range", (1 << bits) - 1)
    return number


def parse_int(text: str, base: int = 10, bits: int = 64) -> int:
    """`ParseInt`.

    Raises:
        NumberError: no integer, or one outside the range.
    """
    negative = text.startswith("-")
    digits = _digits_and_base(text[1:] if text[:1] in {"+", "-"} and text else text, base)
    if digits is None:
        raise NumberError("invalid syntax")
    number = _value(*digits)
    limit = 1 << (bits - 1)
    if negative:
        number = -number
    if number < -limit:
        raise NumberError("value out of range", -limit)
    if number >= limit:
        raise NumberError("value out of range", limit - 1)
    return number


def _value(digits: str, base: int) -> int:
    """The number, or one that fits no type: Python refuses to read thousands of decimal digits."""
    digits = digits.lstrip("0")
    if len(digits) > _MOST_DIGITS:
        return 1 << _MOST_DIGITS
    return int(digits, base) if digits else 0


def _digits_and_base(text: str, base: int) -> tuple[str, int] | None:
    """Digits without prefix and underscores, and their base; `None` if the text is no unsigned number."""
    if not text or not text.isascii():
        return None
    digits = text.lower()
    if base == 0:
        prefixed = _PREFIXES.get(digits[:2]) if len(digits) > 2 else None  # noqa: PLR2004 - a prefix and a digit
        underscored = f"0{digits[2:]}" if prefixed else digits
        if prefixed:
            digits, base = digits[2:], prefixed
        elif digits[0] == "0":
            digits, base = digits[1:], 8
        else:
            base = 10
        if "_" in underscored:
            if (_MISPLACED_UNDERSCORE_HEX if base == _HEX_BASE else _MISPLACED_UNDERSCORE).search(underscored):
                return None
            digits = digits.replace("_", "")
    if digits.strip(_DIGITS[:base]):
        return None
    return digits, base


def parse_float(text: str, bits: int = 64) -> float:
    """`ParseFloat`, with its hexadecimal form, infinities and NaN.

    Raises:
        NumberError: no number, or one too large: `nearest` is the infinity then.
    """
    if _DECIMAL.fullmatch(text):
        if "_" in text and _MISPLACED_UNDERSCORE.search(text):
            raise NumberError("invalid syntax")
        number = float(text)
    elif (found := _HEXADECIMAL.fullmatch(text)) is not None:
        number = _hex_float(*found.groups(default=""))
    elif _SPECIAL.fullmatch(text):
        return float(text)
    else:
        raise NumberError("invalid syntax")
    if bits == _FLOAT32_BITS:
        number = to_float32(number)
    if number in {float("inf"), float("-inf")}:
        raise NumberError("value out of range", number)
    return number


def _hex_float(sign: str, whole: str, fraction: str, exponent: str) -> float:
    """Value of a hexadecimal float's parts."""
    if not (whole + fraction).strip("_") or _misplaced_in_hex(whole, fraction, exponent):
        raise NumberError("invalid syntax")
    whole, fraction = whole.replace("_", ""), fraction.replace("_", "")
    power = max(-_EXPONENT_CAP, min(_EXPONENT_CAP, int(exponent)))
    try:
        return float.fromhex(f"{sign}0x{whole or '0'}.{fraction}p{power}")
    except OverflowError:
        return float(f"{sign}inf")


def _misplaced_in_hex(whole: str, fraction: str, exponent: str) -> bool:
    """Whether an underscore stands elsewhere than between digits, the prefix counting as one."""
    return (
        _MISPLACED_UNDERSCORE_HEX.search(f"0{whole}") is not None
        or _MISPLACED_UNDERSCORE_HEX.search(fraction) is not None
        or _MISPLACED_UNDERSCORE.search(exponent) is not None
    )


def to_float32(number: float) -> float:
    """The number rounded to `float32`; an infinity if it is too large."""
    try:
        rounded: float = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
    return rounded


def format_float(number: float, verb: str = "g", precision: int = -1, bits: int = 64) -> str:
    """`FormatFloat`: verbs b, e, E, f, g, G, x, X; precision -1 means as few digits as tell the number apart."""
    if number != number:  # noqa: PLR0124 - NaN
        return "NaN"
    if bits == _FLOAT32_BITS:
        number = to_float32(number)
    if number in {float("inf"), float("-inf")}:
        return "+Inf" if number > 0 else "-Inf"
    if verb in {"e", "E", "f", "g", "G"}:
        if precision >= 0:
            return (
                format(number, f".{precision}{verb}") if verb not in {"g", "G"} else f"{number:.{precision or 1}{verb}}"
            )
        return _shortest(number, verb, bits)
    if verb == "b":
        return _binary_exponent(number, bits)
    return _hexadecimal(number, verb, precision)


def _shortest(number: float, verb: str, bits: int) -> str:
    """The fewest digits, in one of the decimal forms."""
    sign = "-" if number < 0 or str(number)[0] == "-" else ""
    digits, point = shortest_digits(abs(number), bits)
    exponent = point - 1 if digits != "0" else 0
    if verb == "f" or (verb in {"g", "G"} and _LEAST_PLAIN <= exponent < _FIRST_SCIENTIFIC):
        if point <= 0:
            return f"{sign}0.{'0' * -point}{digits}" if digits != "0" else f"{sign}0"
        if point >= len(digits):
            return f"{sign}{digits}{'0' * (point - len(digits))}"
        return f"{sign}{digits[:point]}.{digits[point:]}"
    letter = "E" if verb in {"E", "G"} else "e"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}{letter}{exponent:+03d}"


def shortest_digits(number: float, bits: int = 64) -> tuple[str, int]:
    """The fewest decimal digits that tell a non-negative number apart, and where the point stands among them."""
    text = repr(float(number))
    if bits == _FLOAT32_BITS and number:
        text = next(
            candidate
            for candidate in (f"{number:.{digits}e}" for digits in range(17))
            if to_float32(float(candidate)) == number
        )
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    significant = digits.lstrip("0")
    if not significant:
        return "0", 1
    point = len(whole) + int(exponent or 0) - (len(digits) - len(significant))
    return significant.rstrip("0"), point


def _mantissa_and_exponent(number: float, bits: int) -> tuple[int, int]:
    """The number as an integer times a power of two, as its format stores it."""
    if bits == _FLOAT32_BITS:
        raw = int.from_bytes(struct.pack(">f", number)) & 0x7FFF_FFFF
        width, bias = 23, 127
    else:
        raw = int.from_bytes(struct.pack(">d", number)) & 0x7FFF_FFFF_FFFF_FFFF
        width, bias = 52, 1023
    exponent, mantissa = raw >> width, raw & ((1 << width) - 1)
    if exponent:
        mantissa |= 1 << width
    return mantissa, max(exponent, 1) - bias - width


def _is_negative(number: float) -> bool:
    """Whether the sign bit is set, of zero too."""
    return struct.pack(">d", number)[0] > _LAST_ASCII


def _binary_exponent(number: float, bits: int) -> str:
    """Verb b: `4503599627370496p-52`."""
    mantissa, exponent = _mantissa_and_exponent(number, bits)
    return f"{'-' if _is_negative(number) else ''}{mantissa}p{exponent:+d}"


def _hexadecimal(number: float, verb: str, precision: int) -> str:
    """Verbs x and X: `0x1.8p+01`."""
    mantissa, exponent = _mantissa_and_exponent(number, 64)
    if mantissa:
        shift = 53 - mantissa.bit_length()
        mantissa, exponent = mantissa << shift, exponent - shift + 52
    else:
        exponent = 0
    mantissa <<= 8
    if 0 <= precision < 15:  # noqa: PLR2004 - 60 bits of fraction
        mantissa, exponent = _round_hex(mantissa, exponent, precision)
    fraction = f"{mantissa & ((1 << 60) - 1):015x}"
    fraction = fraction.rstrip("0") if precision < 0 else fraction[:precision].ljust(precision, "0")
    point = "." if fraction else ""
    text = f"0x{mantissa >> 60}{point}{fraction}p{exponent:+03d}"
    return ("-" if _is_negative(number) else "") + (text.upper() if verb == "X" else text)


def _round_hex(mantissa: int, exponent: int, precision: int) -> tuple[int, int]:
    """A mantissa of 60 fraction bits rounded half to even to so many hexadecimal digits."""
    cut = 60 - 4 * precision
    half, rest = 1 << (cut - 1), mantissa & ((1 << cut) - 1)
    mantissa -= rest
    if rest > half or (rest == half and mantissa >> cut & 1):
        mantissa += 1 << cut
    if mantissa >> 61:
        mantissa, exponent = mantissa >> 1, exponent + 1
    return mantissa, exponent


def is_print(char: str) -> bool:
    """Go's `unicode.IsPrint`, for one character: letters, marks, numbers, punctuation, symbols and the blank."""
    return char.isprintable()


def quote(text: str, *, ascii_only: bool = False) -> str:
    """`Quote`, or `QuoteToASCII`: the text as a Go string in double quotes."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join([_escape(char, '"', ascii_only=ascii_only) for char in text]) + '"'


def quote_rune(code: int, *, ascii_only: bool = False) -> str:
    """`QuoteRune`, or `QuoteRuneToASCII`: a code point in single quotes; what is none shows as U+FFFD."""
    if not 0 <= code <= _MAX_RUNE or code in _SURROGATES:
        code = 0xFFFD
    return f"'{_escape(chr(code), chr(39), ascii_only=ascii_only)}'"


def _escape(char: str, quotation: str, *, ascii_only: bool) -> str:
    """One character inside quotes."""
    code = ord(char)
    if char in {quotation, "\\"}:
        return f"\\{char}"
    if (code <= _LAST_ASCII or not ascii_only) and char.isprintable():
        return char
    if char in _ESCAPE_OF:
        return _ESCAPE_OF[char]
    if code in _ESCAPED_BYTES:
        return f"\\x{code - 0xDC00:02x}"
    if code <= _LAST_ASCII:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < _BASIC_PLANE_END else f"\\U{code:08x}"


def can_backquote(text: str) -> bool:
    """`CanBackquote`: whether the text may stand unchanged between back quotes."""
    return not any(
        char in {"`", "\x7f", "\ufeff"} or (char < " " and char != "\t") or ord(char) in _SURROGATES for char in text
    )


def unquote(text: str) -> str:
    """`Unquote` of a text in double or back quotes.

    Raises:
        NumberError: it is none.
    """
    quotation, body = text[:1], text[1:-1]
    if len(text) < 2 or quotation != text[-1]:  # noqa: PLR2004 - two quotes
        raise NumberError("invalid syntax")
    if quotation == "`" and "`" not in body:
        return body.replace("\r", "")
    if quotation != '"' or "\n" in body:
        raise NumberError("invalid syntax")
    if "\\" not in body and '"' not in body:
        return body
    parts: list[bytes] = []
    while body:
        code, size, is_byte = unquote_char(body, '"')
        parts.append(bytes([code]) if is_byte else chr(code).encode("utf-8", "surrogateescape"))
        body = body[size:]
    return b"".join(parts).decode("utf-8", "surrogateescape")


def unquote_char(text: str, quotation: str) -> tuple[int, int, bool]:
    """`UnquoteChar`: the first character of the inside of a quoted text, how long it is there, whether it is one byte.

    Raises:
        NumberError: an unescaped quotation mark, or no valid escape.
    """
    first = text[:1]
    if first != "\\":
        if first in {quotation, ""}:
            raise NumberError("invalid syntax")
        return ord(first), 1, False
    letter = text[1:2]
    if letter in _HEX_ESCAPE_LENGTH:
        length = _HEX_ESCAPE_LENGTH[letter]
        code = _number_of(text[2 : 2 + length], length, 16)
        if code > _MAX_RUNE or (letter != "x" and code in _SURROGATES):
            raise NumberError("invalid syntax")
        return code, 2 + length, letter == "x"
    if letter and letter in "01234567":
        code = _number_of(text[1:4], _OCTAL_ESCAPE_LENGTH, 8)
        if code > _MAX_BYTE:
            raise NumberError("invalid syntax")
        return code, 4, True
    if letter not in _ESCAPED or (letter in {"'", '"'} and letter != quotation):
        raise NumberError("invalid syntax")
    return _ESCAPED[letter], 2, False


def _number_of(digits: str, length: int, base: int) -> int:
    """The code of an escape's digits."""
    if len(digits) != length or not set(digits) <= _HEX_DIGITS:
        raise NumberError("invalid syntax")
    try:
        return int(digits, base)
    except ValueError:
        pass
    raise NumberError("invalid syntax")
