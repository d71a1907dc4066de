"""One value under one verb of Go's `fmt`, with flags, width, precision and the `%!` error forms.

Formats are read in `golang.fmt`. Values must be acyclic and not too deep; who prints sees to that before.
"""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.golang.reflect import (
    BYTES,
    GoObject,
    GoType,
    SizedInt,
    Uint8,
    is_map,
    is_nil,
    is_slice,
    join_strings,
    sorted_keys,
    to_bytes,
    to_string,
    type_name,
    type_of,
)
from virtrigaud_secrets.golang.strconv import can_backquote, format_float, is_print, quote, quote_rune

_NIL: Final = "<nil>"
_MAX_RUNE: Final = 0x10FFFF
_SURROGATES: Final = range(0xD800, 0xE000)
_REPLACEMENT: Final = "\ufffd"
_WORD: Final = 1 << 64
_UNICODE_DIGITS: Final = 4
_FLOAT_FORMS: Final = {
    "v": ("g", -1), "b": ("b", -1), "g": ("g", -1), "G": ("G", -1), "x": ("x", -1), "X": ("X", -1),
    "f": ("f", 6), "F": ("f", 6), "e": ("e", 6), "E": ("E", 6),
}  # fmt: skip
"""Verb → what `FormatFloat` is asked for, and the precision without one in the format."""
_INTEGER_BASES: Final = {"v": 10, "d": 10, "b": 2, "o": 8, "O": 8, "x": 16, "X": 16}
_PREFIXES: Final = {("b", 2): "0b", ("x", 16): "0x", ("X", 16): "0X", ("v", 16): "0x"}
_SIGNIFICANT: Final = frozenset("gGx")
"""Float verbs whose precision counts significant digits under the sharp flag."""
_STRING_VERBS: Final = frozenset("vsxXq")


class TooLargeError(ValueError):
    """The text would be longer than the caller allows."""

    def __init__(self) -> None:
        super().__init__("the printed text is too large")


class Printer:
    """Output of one call, and the flags of the verb at hand."""

    __slots__ = (
        "erroring", "limit", "minus", "parts", "plus", "plus_v", "precision", "sharp", "sharp_v", "size", "space",
        "width", "zero",
    )  # fmt: skip

    def __init__(self, limit: int | None) -> None:
        self.parts: list[str] = []
        self.size = 0
        self.limit = limit
        self.erroring = False
        """Whether a value is shown inside `%!`: without its own methods then."""
        self.clear()

    def clear(self) -> None:
        """Forget the flags."""
        self.minus = self.plus = self.sharp = self.space = self.zero = False
        self.plus_v = self.sharp_v = False
        self.width: int | None = None
        self.precision: int | None = None

    def write(self, text: str) -> None:
        """Append to the output."""
        self.size += len(text)
        if self.limit is not None and self.size > self.limit:
            raise TooLargeError
        self.parts.append(text)

    def text(self) -> str:
        """The output."""
        return join_strings(self.parts)

    def padding(self, count: int) -> None:
        """Append blanks or zeros."""
        if count > 0:
            if self.limit is not None and self.size + count > self.limit:
                raise TooLargeError
            self.write(("0" if self.zero and not self.minus else " ") * count)

    def pad(self, text: str) -> None:
        """Append the text, filled up to the width."""
        if not self.width:
            self.write(text)
        elif self.minus:
            self.write(text)
            self.padding(self.width - len(text))
        else:
            self.padding(self.width - len(text))
            self.write(text)

    def pad_without_zeros(self, text: str) -> None:
        """Append the text, filled up with blanks."""
        zero, self.zero = self.zero, False
        self.pad(text)
        self.zero = zero

    def use_verb(self, verb: str) -> None:
        """Turn the flags of `%#v` and `%+v` into what they mean there."""
        if verb in {"v", "w"}:
            self.sharp_v, self.sharp = self.sharp, False
            self.plus_v, self.plus = self.plus, False

    # Values

    def argument(self, value: object, verb: str) -> None:
        """Print one operand."""
        if value is None:
            if verb in {"T", "v"}:
                self.pad(_NIL)
            else:
                self.bad_verb(value, verb)
        elif verb == "T":
            self.string(type_name(value), "s")
        elif verb == "p":
            self.pointer(value, verb)
        elif isinstance(value, bytes):
            self.octets(value, verb, "[]byte")
        elif isinstance(value, GoObject) or is_slice(value) or is_map(value):
            if not self.by_methods(value, verb):
                self.value(value, verb, 0)
        else:
            self.basic(value, verb)

    def by_methods(self, value: object, verb: str) -> bool:
        """Print by the value's own methods, if it has any for this verb."""
        if self.erroring:
            return False
        if verb == "w":
            self.bad_verb(value, verb)
            return True
        if not isinstance(value, GoObject):
            return False
        if self.sharp_v:
            text = value.go_syntax()
            if text is not None:
                self.string_s(text)
        else:
            text = value.go_string() if verb in _STRING_VERBS else None
            if text is not None:
                self.string(text, verb)
        return text is not None

    def value(self, value: object, verb: str, depth: int) -> None:
        """Print by kind, as reflection does."""
        go_type = type_of(value)
        if go_type is None:
            self.write("interface {}(nil)" if self.sharp_v else _NIL)
        elif isinstance(value, bytes):
            self.byte_sequence(value, go_type, verb, depth)
        elif is_slice(value):
            self.sequence(value, go_type, verb, depth)
        elif is_map(value):
            self.mapping(value, go_type, verb, depth)
        elif isinstance(value, GoObject) and go_type.kind in {"struct", "ptr"}:
            if go_type.kind == "ptr":
                self.write("&")
            self.struct(value, go_type.elem or go_type, verb, depth)
        else:
            self.basic(value, verb)

    def element(self, value: object, verb: str, depth: int) -> None:
        """Print a value inside another."""
        if value is None or not self.by_methods(value, verb):
            self.value(value, verb, depth)

    def basic(self, value: object, verb: str) -> None:
        """Print a string, number or boolean."""
        if isinstance(value, str):
            self.string(value, verb)
        elif isinstance(value, bool):
            if verb in {"t", "v"}:
                self.pad("true" if value else "false")
            else:
                self.bad_verb(value, verb)
        elif isinstance(value, int):
            self.integer(value, int(value), verb, signed=not isinstance(value, SizedInt) or value.signed)
        elif isinstance(value, float):
            bits = 32 if type_name(value) == "float32" else 64
            if verb in _FLOAT_FORMS:
                self.real(float(value), bits, verb)
            else:
                self.bad_verb(value, verb)
        elif isinstance(value, complex):
            self.imaginary(value, verb)
        else:
            self.write(f"?{type_name(value)}?")

    def bad_verb(self, value: object, verb: str) -> None:
        """`%!verb(type=value)`."""
        self.write(f"%!{verb}(")
        self.erroring = True
        if value is None:
            self.write(_NIL)
        else:
            self.write(f"{type_name(value)}=")
            self.argument(value, "v")
        self.erroring = False
        self.write(")")

    def pointer(self, value: object, verb: str) -> None:
        """Where a map or slice lives: here it has no address, and a fixed one stands for all."""
        kind = getattr(type_of(value), "kind", "")
        if kind in {"map", "slice", "ptr"}:
            address = 0 if is_nil(value) else 0xC000012000
            sharp, self.sharp = self.sharp, not self.sharp
            self.digits(address, 16, "x", negative=False)
            self.sharp = sharp
        else:
            self.bad_verb(value, verb)

    # Text

    def string(self, text: str, verb: str) -> None:
        """A string under any verb."""
        if verb == "s" or (verb == "v" and not self.sharp_v):
            self.string_s(text)
        elif verb in {"x", "X"}:
            self.hexadecimal(to_bytes(text), verb)
        elif verb in {"q", "v"}:
            self.quoted(text)
        else:
            self.bad_verb(text, verb)

    def string_s(self, text: str) -> None:
        """A string as it is, cut to the precision."""
        self.pad(text if self.precision is None else text[: self.precision])

    def quoted(self, text: str) -> None:
        """A string in quotes, cut to the precision."""
        if self.precision is not None:
            text = text[: self.precision]
        if self.sharp and can_backquote(text):
            self.pad(f"`{text}`")
        else:
            self.pad(quote(text, ascii_only=self.plus))

    def hexadecimal(self, data: bytes, verb: str) -> None:
        """Bytes as hexadecimal digits."""
        if self.precision is not None:
            data = data[: self.precision]
        prefix = f"0{verb}" if self.sharp else ""
        digits = data.hex() if verb == "x" else data.hex().upper()
        if self.space:
            digits = " ".join([prefix + digits[i : i + 2] for i in range(0, len(digits), 2)])
        elif digits:
            digits = prefix + digits
        self.pad(digits)

    def octets(self, data: bytes, verb: str, name: str) -> None:
        """A `[]byte` under any verb."""
        if verb == "s":
            self.string_s(to_string(data))
        elif verb in {"x", "X"}:
            self.hexadecimal(data, verb)
        elif verb == "q":
            self.quoted(to_string(data))
        elif verb in {"v", "d"} and self.sharp_v:
            self.write(f"{name}{{{', '.join([hex(byte) for byte in data])}}}")
        else:
            self.items([Uint8(byte) for byte in data], verb, 0)

    # Numbers

    def integer(self, value: object, number: int, verb: str, *, signed: bool) -> None:
        """An integer under any verb."""
        if verb in _INTEGER_BASES:
            if verb == "v" and self.sharp_v and not signed:
                sharp, self.sharp = self.sharp, True
                self.digits(number, 16, "v", negative=False)
                self.sharp = sharp
            else:
                self.digits(abs(number), _INTEGER_BASES[verb], verb, negative=number < 0)
        elif verb == "c":
            self.pad(chr(number) if 0 <= number <= _MAX_RUNE and number not in _SURROGATES else _REPLACEMENT)
        elif verb == "q":
            self.pad(quote_rune(number, ascii_only=self.plus))
        elif verb == "U":
            self.unicode(number % _WORD)
        else:
            self.bad_verb(value, verb)

    def digits(self, number: int, base: int, verb: str, *, negative: bool) -> None:
        """An integer's digits with sign, prefix and padding."""
        if self.precision == 0 and number == 0:
            zero, self.zero = self.zero, False
            self.padding(self.width or 0)
            self.zero = zero
            return
        least = 0
        if self.precision is not None:
            least = self.precision
        elif self.zero and not self.minus and self.width is not None:
            least = self.width - (negative or self.plus or self.space)
        text = {10: "d", 2: "b", 8: "o", 16: "X" if verb == "X" else "x"}[base]
        digits = format(number, text)
        if self.limit is not None and least > self.limit:
            raise TooLargeError
        digits = digits.rjust(least, "0")
        if self.sharp:
            digits = _PREFIXES.get((verb, base), "") + digits
            if base == 8 and digits[0] != "0":  # noqa: PLR2004 - octal
                digits = f"0{digits}"
        if verb == "O":
            digits = f"0o{digits}"
        sign = "-" if negative else "+" if self.plus else " " if self.space else ""
        self.pad_without_zeros(sign + digits)

    def unicode(self, number: int) -> None:
        """`U+0078`, under the sharp flag with the character."""
        digits = format(number, "X").rjust(max(self.precision or 0, _UNICODE_DIGITS), "0")
        shown = ""
        if self.sharp and number <= _MAX_RUNE and is_print(chr(number)):
            shown = f" '{chr(number)}'"
        self.pad_without_zeros(f"U+{digits}{shown}")

    def real(self, number: float, bits: int, verb: str) -> None:
        """A float under a verb for floats."""
        form, precision = _FLOAT_FORMS[verb]
        if self.precision is not None:
            precision = self.precision
            if self.limit is not None and precision > self.limit:
                raise TooLargeError
        text = format_float(number, form, precision, bits)
        sign, text = (text[0], text[1:]) if text[0] in "+-" else ("+", text)
        if self.space and sign == "+" and not self.plus:
            sign = " "
        if text in {"Inf", "NaN"}:
            self.pad_without_zeros(text if text == "NaN" and not self.space and not self.plus else sign + text)
            return
        if self.sharp and form != "b":
            text = _with_point(text, form, precision)
        if not self.plus and sign == "+":
            self.pad(text)
        elif self.zero and not self.minus and self.width is not None and self.width > len(text) + 1:
            self.write(sign)
            self.padding(self.width - len(text) - 1)
            self.write(text)
        else:
            self.pad(sign + text)

    def imaginary(self, number: complex, verb: str) -> None:
        """A complex number under any verb."""
        if verb not in _FLOAT_FORMS:
            self.bad_verb(number, verb)
            return
        plus = self.plus
        self.write("(")
        self.real(number.real, 64, verb)
        self.plus = True
        self.real(number.imag, 64, verb)
        self.plus = plus
        self.write("i)")

    # Containers

    def byte_sequence(self, data: bytes, go_type: GoType, verb: str, depth: int) -> None:
        """A `[]byte`, by kind."""
        if verb in {"s", "q", "x", "X"}:
            self.octets(data, verb, go_type.name)
        elif self.sharp_v:
            self.octets(data, "v", BYTES.name)
        else:
            self.items([Uint8(byte) for byte in data], verb, depth)

    def sequence(self, items: list[object], go_type: GoType, verb: str, depth: int) -> None:
        """Any other slice, by kind."""
        if self.sharp_v:
            self.syntax_items(items, go_type, verb, depth)
        else:
            self.items(items, verb, depth)

    def items(self, items: list[object], verb: str, depth: int) -> None:
        """`[a b c]`."""
        self.write("[")
        for index, item in enumerate(items):
            if index:
                self.write(" ")
            self.element(item, verb, depth + 1)
        self.write("]")

    def syntax_items(self, items: list[object], go_type: GoType, verb: str, depth: int) -> None:
        """`[]int{1, 2}`."""
        if is_nil(items):
            self.write(f"{go_type.name}(nil)")
            return
        self.write(f"{go_type.name}{{")
        for index, item in enumerate(items):
            if index:
                self.write(", ")
            self.element(item, verb, depth + 1)
        self.write("}")

    def mapping(self, value: dict[str, object], go_type: GoType, verb: str, depth: int) -> None:
        """A map, sorted by key."""
        if self.sharp_v and is_nil(value):
            self.write(f"{go_type.name}(nil)")
            return
        self.write(f"{go_type.name}{{" if self.sharp_v else "map[")
        separator = ", " if self.sharp_v else " "
        for index, key in enumerate(sorted_keys(value)):
            if index:
                self.write(separator)
            self.element(key, verb, depth + 1)
            self.write(":")
            self.element(value[key], verb, depth + 1)
        self.write("}" if self.sharp_v else "]")

    def struct(self, value: GoObject, go_type: GoType, verb: str, depth: int) -> None:
        """A struct: its fields in order, under plus and sharp with their names."""
        self.write(f"{go_type.name}{{" if self.sharp_v else "{")
        for index, (name, content) in enumerate(value.go_fields().items()):
            if index:
                self.write(", " if self.sharp_v else " ")
            if self.plus_v or self.sharp_v:
                self.write(f"{name}:")
            self.element(content, verb, depth + 1)
        self.write("}")


def _with_point(text: str, form: str, precision: int) -> str:
    """A float's text under the sharp flag: with a decimal point, and for some verbs with trailing zeros."""
    wanted = 0
    if form in _SIGNIFICANT:
        wanted = 6 if precision == -1 else precision
    end = len(text)
    for index, char in enumerate(text):
        if char in "pP" or (char in "eE" and form not in {"x", "X"}):
            end = index
            break
    digits, tail = text[:end], text[end:]
    wanted -= len(digits.lstrip("0.").replace(".", ""))
    if "." not in digits:
        if digits == "0":
            wanted -= 1
        digits += "."
    return digits + "0" * wanted + tail
