"""Go's types, and which Python value stands for which Go value.

| Go | Python |
|---|---|
| untyped nil, a nil interface | `None` |
| `bool`, `int`, `float64`, `complex128` | `bool`, `int`, `float`, `complex` |
| `string` | `str`; a byte that is no UTF-8 is a surrogate escape (`to_string`, `to_bytes`) |
| `[]byte` | `bytes` |
| other integer and float widths | `Int64`, `Uint8`, `Float32`, … below |
| `[]any`, `map[string]any` | `list`, `dict` |
| every other slice or map, and nil ones | `TypedSlice`, `TypedMap`, which carry their type |
| structs, pointers, named types | subclasses of `GoObject` (named numbers: of the number, too) |

Only the type model lives here. Printing is `golang.fmt`, what templates may do with a value is `template.values`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Final, Self, TypeGuard


@dataclass(frozen=True, slots=True, eq=False)
class GoType:
    """One Go type. There is one object a type, so types are compared with `is`."""

    name: str
    """As `%T` prints it: `map[string]interface {}`."""
    kind: str
    """As `reflect.Kind` prints it: `map`, `slice`, `struct`, `ptr`, `int64`, `interface`, …"""
    elem: GoType | None = None
    """Type of the elements of a slice, map or pointer."""
    key: GoType | None = None
    """Type of a map's keys."""

    @property
    def nilable(self) -> bool:
        """Whether nil is a value of the type."""
        return self.kind in {"interface", "map", "slice", "ptr", "func", "chan"}

    def __repr__(self) -> str:
        """Its name."""
        return f"<GoType {self.name}>"


ANY: Final = GoType("interface {}", "interface")
ERROR: Final = GoType("error", "interface")
REFLECT_VALUE: Final = GoType("reflect.Value", "struct")
"""Parameters of Go's own built-ins: any value, a nil interface told apart from no value at all."""
BOOL: Final = GoType("bool", "bool")
STRING: Final = GoType("string", "string")
INT: Final = GoType("int", "int")
INT8: Final = GoType("int8", "int8")
INT16: Final = GoType("int16", "int16")
INT32: Final = GoType("int32", "int32")
INT64: Final = GoType("int64", "int64")
UINT: Final = GoType("uint", "uint")
UINT8: Final = GoType("uint8", "uint8")
UINT16: Final = GoType("uint16", "uint16")
UINT32: Final = GoType("uint32", "uint32")
UINT64: Final = GoType("uint64", "uint64")
UINTPTR: Final = GoType("uintptr", "uintptr")
FLOAT32: Final = GoType("float32", "float32")
FLOAT64: Final = GoType("float64", "float64")
COMPLEX128: Final = GoType("complex128", "complex128")


MIN_INT: Final = -(1 << 63)
"""The smallest `int` and `int64`."""
MAX_INT: Final = (1 << 63) - 1
"""The largest."""


@cache
def slice_of(elem: GoType) -> GoType:
    """`[]elem`."""
    return GoType(f"[]{elem.name}", "slice", elem)


@cache
def map_of(key: GoType, elem: GoType) -> GoType:
    """`map[key]elem`."""
    return GoType(f"map[{key.name}]{elem.name}", "map", elem, key)


@cache
def pointer_to(elem: GoType) -> GoType:
    """`*elem`."""
    return GoType(f"*{elem.name}", "ptr", elem)


ANY_SLICE: Final = slice_of(ANY)
STRING_SLICE: Final = slice_of(STRING)
INT_SLICE: Final = slice_of(INT)
BYTES: Final = slice_of(UINT8)
ANY_MAP: Final = map_of(STRING, ANY)
STRING_MAP: Final = map_of(STRING, STRING)


class SizedInt(int):
    """An integer of a Go type other than `int`. Construction does not check the range; `wrap` does as Go does."""

    go_type: ClassVar[GoType]
    bits: ClassVar[int]
    signed: ClassVar[bool]

    @classmethod
    def wrap(cls, number: int) -> Self:
        """The number cut to the type's width, as Go's arithmetic and conversions do."""
        return cls(wrap_bits(number, cls.bits, signed=cls.signed))

    def __repr__(self) -> str:
        """Type and number."""
        return f"{type(self).__name__}({int(self)})"


class Int8(SizedInt):
    """`int8`."""

    go_type, bits, signed = INT8, 8, True


class Int16(SizedInt):
    """`int16`."""

    go_type, bits, signed = INT16, 16, True


class Int32(SizedInt):
    """`int32`, also called rune."""

    go_type, bits, signed = INT32, 32, True


class Int64(SizedInt):
    """`int64`."""

    go_type, bits, signed = INT64, 64, True


class Uint(SizedInt):
    """`uint`."""

    go_type, bits, signed = UINT, 64, False


class Uint8(SizedInt):
    """`uint8`, also called byte."""

    go_type, bits, signed = UINT8, 8, False


class Uint16(SizedInt):
    """`uint16`."""

    go_type, bits, signed = UINT16, 16, False


class Uint32(SizedInt):
    """`uint32`."""

    go_type, bits, signed = UINT32, 32, False


class Uint64(SizedInt):
    """`uint64`."""

    go_type, bits, signed = UINT64, 64, False


class Float32(float):
    """`float32`; the number must already be rounded to it."""

    go_type: ClassVar[GoType] = FLOAT32


class TypedSlice(list[object]):
    """A slice other than a non-nil `[]any`."""

    __slots__ = ("go_type", "is_nil")

    def __init__(self, go_type: GoType, items: Iterable[object] = (), *, is_nil: bool = False) -> None:
        super().__init__(items)
        self.go_type = go_type
        """The slice's type."""
        self.is_nil = is_nil
        """Whether it is the nil slice: it prints as an empty one and is `null` in JSON."""


class TypedMap(dict[str, object]):
    """A map other than a non-nil `map[string]any`."""

    __slots__ = ("go_type", "is_nil")

    def __init__(self, go_type: GoType, items: Mapping[str, object] | None = None, *, is_nil: bool = False) -> None:
        super().__init__({} if items is None else items)
        self.go_type = go_type
        """The map's type."""
        self.is_nil = is_nil
        """Whether it is the nil map: writing to it panics."""


class GoObject:
    """A value of a struct, pointer or named type. Templates see only what these methods give, no Python attribute."""

    go_type: ClassVar[GoType]

    def go_string(self) -> str | None:
        """What its `String` method gives, or `None` if it has no such method."""
        return None

    def go_syntax(self) -> str | None:
        """What its `GoString` method gives (`%#v`), or `None` if it has no such method."""
        return None

    def go_fields(self) -> Mapping[str, object]:
        """The exported fields of a struct, in order."""
        return {}


_BUILT_IN: Final[dict[type, GoType]] = {
    str: STRING,
    int: INT,
    bool: BOOL,
    float: FLOAT64,
    complex: COMPLEX128,
    bytes: BYTES,
    list: ANY_SLICE,
    dict: ANY_MAP,
}


def type_of(value: object) -> GoType | None:
    """Dynamic Go type of a value; `None` for nil.

    Raises:
        TypeError: the value stands for no Go value.
    """
    found = _BUILT_IN.get(type(value))
    if found is not None or value is None:
        return found
    go_type = getattr(value, "go_type", None)
    if isinstance(go_type, GoType):
        return go_type
    raise TypeError(f"{type(value).__name__} stands for no Go value")


def type_name(value: object) -> str:
    """What `%T` prints."""
    found = type_of(value)
    return "<nil>" if found is None else found.name


def kind_of(value: object) -> str:
    """`reflect.Kind` of the dynamic type; `invalid` for nil."""
    found = type_of(value)
    return "invalid" if found is None else found.kind


def is_slice(value: object) -> TypeGuard[list[object]]:
    """Whether the value is a slice other than `[]byte`."""
    return isinstance(value, list)


def is_map(value: object) -> TypeGuard[dict[str, object]]:
    """Whether the value is a map; its keys are strings."""
    return isinstance(value, dict)


def is_nil(value: object) -> bool:
    """Whether the value is nil: no value, or a nil slice or map."""
    return value is None or getattr(value, "is_nil", False) is True


def wrap_bits(number: int, bits: int, *, signed: bool) -> int:
    """The number cut to so many bits, two's complement."""
    number &= (1 << bits) - 1
    if signed and number >> (bits - 1):
        number -= 1 << bits
    return number


def wrap_int(number: int) -> int:
    """The number cut to Go's `int` on a 64-bit machine."""
    if MIN_INT <= number <= MAX_INT:
        return number
    return wrap_bits(number, 64, signed=True)


def to_string(data: bytes) -> str:
    """The Go string of these bytes."""
    return data.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """The bytes of a Go string."""
    return text.encode("utf-8", "surrogateescape")


def byte_length(text: str) -> int:
    """What Go's `len` gives for a string."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def sorted_keys(items: dict[str, object]) -> list[str]:
    """A map's keys in the order in which Go prints and ranges over them: by their bytes."""
    keys = list(items)
    if all([key.isascii() for key in keys]):  # noqa: C419 - a list is faster than a generator here
        keys.sort()
    else:
        keys.sort(key=to_bytes)
    return keys


def join_strings(parts: Iterable[str]) -> str:
    """Concatenation. Bytes that only together are UTF-8 become the character, so that equal strings stay equal."""
    return normalise("".join(parts))


def normalise(text: str) -> str:
    """The one way to write a Go string in Python; needed after cutting or joining texts that are not ASCII."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return text
