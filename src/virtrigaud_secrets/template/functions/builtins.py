"""The functions that are Go's own: logic, comparison, `index`, `len`, printing and escaping.

`and`, `or` and `call` are listed for their signatures; the compiler gives the first two their short circuit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from virtrigaud_secrets.golang.fmt import TooLargeError, sprint, sprintf, sprintln
from virtrigaud_secrets.golang.reflect import (
    ANY,
    BOOL,
    INT,
    REFLECT_VALUE,
    STRING,
    GoType,
    SizedInt,
    TypedMap,
    TypedSlice,
    Uint8,
    byte_length,
    is_map,
    is_nil,
    is_slice,
    kind_of,
    to_bytes,
    type_name,
    type_of,
)
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

_HTML: Final = {0: "\ufffd", 34: "&#34;", 38: "&amp;", 39: "&#39;", 60: "&lt;", 62: "&gt;"}
_JS: Final = {
    **{code: f"\\u{code:04X}" for code in (*range(32), *map(ord, "<>&="))},
    **{ord(char): f"\\{char}" for char in "\\'\""},
}
_ZERO_OF_KIND: Final[Mapping[str, object]] = {"string": "", "bool": False, "int": 0, "float64": 0.0}
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_NOT_QUERY: Final = re.compile(rb"[^A-Za-z0-9_.~-]")
_ESCAPED_BYTES: Final = range(0xDC80, 0xDD00)


def _not(value: object) -> bool:
    """`not`."""
    return not value


def _index(item: object, *indices: object) -> object:
    """`index`: elements of lists, maps and strings, one inside the other."""
    if item is None:
        raise FunctionError("index of untyped nil")
    for index in indices:
        item = _element(item, index)
    return item


def _element(item: object, index: object) -> object:
    """One element. A key that a map does not have gives the zero value."""
    if is_map(item):
        if not isinstance(index, str):
            raise FunctionError(f"a map's key must be a string, not {type_name(index)}")
        return item[index] if index in item else zero_value(type_of(item))
    if item is None:
        raise FunctionError("index of nil pointer")
    if isinstance(item, str):
        data = to_bytes(item)
        return Uint8(data[_position(index, len(data))])
    if isinstance(item, bytes):
        return Uint8(item[_position(index, len(item))])
    if is_slice(item):
        return item[_position(index, len(item))]
    raise FunctionError(f"can't index item of type {type_name(item)}")


def _position(index: object, length: int) -> int:
    """A list's index, checked."""
    if isinstance(index, bool) or not isinstance(index, int):
        raise FunctionError(f"cannot index slice/array with {'nil' if index is None else f'type {type_name(index)}'}")
    if not 0 <= index < length:
        raise FunctionError("index out of range")
    return int(index)


def zero_value(map_type: GoType | None) -> object:
    """The zero value of a map's elements."""
    elem = map_type.elem if map_type is not None else None
    if elem is None:
        return None
    if elem.kind == "slice":
        return TypedSlice(elem, is_nil=True)
    if elem.kind == "map":
        return TypedMap(elem, is_nil=True)
    return _ZERO_OF_KIND.get(elem.kind)


def _len(item: object) -> int:
    """`len`."""
    if isinstance(item, str):
        return byte_length(item)
    if isinstance(item, bytes) or is_slice(item) or is_map(item):
        return len(item)
    raise FunctionError("len of nil pointer" if item is None else f"len of type {type_name(item)}")


def _basic_kind(value: object) -> str:
    """What a value can be compared as; empty if not at all."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "uint" if isinstance(value, SizedInt) and not value.signed else "int"
    if isinstance(value, str):
        return "string"
    if isinstance(value, float):
        return "float"
    return "complex" if isinstance(value, complex) else ""


def _incomparable(left: object, right: object) -> FunctionError:
    """The error for two values of different kinds."""
    return FunctionError(f"incompatible types for comparison: {type_name(left)} and {type_name(right)}")


def _eq(left: object, *others: object) -> bool:
    """`eq`: whether the first equals any of the others."""
    if not others:
        raise FunctionError("missing argument for comparison")
    return any(_equal(left, right) for right in others)


def _equal(left: object, right: object) -> bool:
    """Whether two values are equal."""
    kind, other = _basic_kind(left), _basic_kind(right)
    if kind != other:
        if {kind, other} == {"int", "uint"}:
            return left == right
        if left is None or right is None:
            return False
        raise _incomparable(left, right)
    if kind:
        return left == right
    if left is None or right is None or is_nil(left) or is_nil(right):
        if left is not None and right is not None and kind_of(left) != kind_of(right):
            raise _incomparable(left, right)
        return is_nil(left) and is_nil(right)
    if kind_of(left) != kind_of(right):
        raise _incomparable(left, right)
    if kind_of(right) in {"map", "slice", "func"}:
        raise FunctionError(f"non-comparable type {type_name(right)}")
    return type_of(left) is type_of(right) and left == right


def _ne(left: object, right: object) -> bool:
    """`ne`."""
    return not _equal(left, right)


def _lt(left: object, right: object) -> bool:
    """`lt`."""
    kind, other = _basic_kind(left), _basic_kind(right)
    if not kind or not other:
        raise FunctionError("invalid type for comparison")
    if kind != other and {kind, other} != {"int", "uint"}:
        raise _incomparable(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left < right if left.isascii() and right.isascii() else to_bytes(left) < to_bytes(right)
    if isinstance(left, bool) or not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        raise FunctionError("invalid type for comparison")
    return left < right


def _le(left: object, right: object) -> bool:
    """`le`."""
    return _lt(left, right) or _equal(left, right)


def _gt(left: object, right: object) -> bool:
    """`gt`."""
    return not _le(left, right)


def _ge(left: object, right: object) -> bool:
    """`ge`."""
    return not _lt(left, right)


def _print(context: Context, *values: object) -> str:
    """`print`."""
    try:
        return sprint(*values, limit=context.limits.value_size)
    except TooLargeError as error:
        reason = str(error)
    raise FunctionError(reason)


def _println(context: Context, *values: object) -> str:
    """`println`."""
    try:
        return sprintln(*values, limit=context.limits.value_size)
    except TooLargeError as error:
        reason = str(error)
    raise FunctionError(reason)


def _printf(context: Context, form: str, *values: object) -> str:
    """`printf`."""
    try:
        return sprintf(form, *values, limit=context.limits.value_size)
    except TooLargeError as error:
        reason = str(error)
    raise FunctionError(reason)


def _text_of(context: Context, values: tuple[object, ...]) -> str:
    """What the escaping functions escape: a string, or what the values print as."""
    if len(values) == 1 and isinstance(value := values[0], str):
        return value
    return _print(context, *["<no value>" if value is None else value for value in values])


def _html(context: Context, *values: object) -> str:
    """`html`."""
    return _text_of(context, values).translate(_HTML)


def _js(context: Context, *values: object) -> str:
    """`js`."""
    text = _text_of(context, values).translate(_JS)
    return text if text.isascii() else _NOT_ASCII.sub(_js_rune, text)


def _js_rune(found: re.Match[str]) -> str:
    """A character beyond ASCII: as it is if it can be printed."""
    char = found.group()
    return char if char.isprintable() or ord(char) in _ESCAPED_BYTES else f"\\u{ord(char):04X}"


def _urlquery(context: Context, *values: object) -> str:
    """`urlquery`."""
    data = to_bytes(_text_of(context, values))
    return _NOT_QUERY.sub(lambda found: b"+" if found[0] == b" " else b"%%%02X" % found[0][0], data).decode("ascii")


def _call(function: object, *arguments: object) -> object:
    """`call`: no value of a template is a function."""
    del arguments
    raise FunctionError("call of nil" if function is None else f"non-function of type {type_name(function)}")


def _never(*arguments: object) -> object:
    """`and` and `or`, which the compiler handles."""
    raise FunctionError(f"{len(arguments)} arguments were given to a function that is never called")


FUNCTIONS: Final[Mapping[str, Function]] = table(
    Function("and", _never, (REFLECT_VALUE,), REFLECT_VALUE, variadic=REFLECT_VALUE),
    Function("or", _never, (REFLECT_VALUE,), REFLECT_VALUE, variadic=REFLECT_VALUE),
    Function("not", _not, (REFLECT_VALUE,), BOOL),
    Function("eq", _eq, (REFLECT_VALUE,), BOOL, variadic=REFLECT_VALUE),
    Function("ne", _ne, (REFLECT_VALUE, REFLECT_VALUE), BOOL),
    Function("lt", _lt, (REFLECT_VALUE, REFLECT_VALUE), BOOL),
    Function("le", _le, (REFLECT_VALUE, REFLECT_VALUE), BOOL),
    Function("gt", _gt, (REFLECT_VALUE, REFLECT_VALUE), BOOL),
    Function("ge", _ge, (REFLECT_VALUE, REFLECT_VALUE), BOOL),
    Function("index", _index, (REFLECT_VALUE,), REFLECT_VALUE, variadic=REFLECT_VALUE),
    Function("len", _len, (REFLECT_VALUE,), INT),
    Function("print", _print, (), STRING, variadic=ANY, context=True, walks=True),
    Function("printf", _printf, (STRING,), STRING, variadic=ANY, context=True, walks=True),
    Function("println", _println, (), STRING, variadic=ANY, context=True, walks=True),
    Function("html", _html, (), STRING, variadic=ANY, context=True, walks=True),
    Function("js", _js, (), STRING, variadic=ANY, context=True, walks=True),
    Function("urlquery", _urlquery, (), STRING, variadic=ANY, context=True, walks=True),
    Function("call", _call, (REFLECT_VALUE,), REFLECT_VALUE, variadic=REFLECT_VALUE),
)
