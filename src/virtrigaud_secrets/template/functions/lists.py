"""Sprig's lists. Every function makes a new list; the plain ones panic in Go where the `must` ones return an error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from virtrigaud_secrets.golang.cast import to_int
from virtrigaud_secrets.golang.equality import deep_equal
from virtrigaud_secrets.golang.reflect import (
    ANY,
    ANY_SLICE,
    BOOL,
    INT,
    TypedSlice,
    Uint8,
    is_slice,
    slice_of,
    type_name,
)
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

_NESTED_SLICE: Final = slice_of(ANY_SLICE)
_SCALARS: Final = (str, bool, int, float)


def items_of(values: object, action: str) -> Sequence[object]:
    """The elements of a list or of bytes.

    Raises:
        FunctionError: the value is neither.
    """
    if is_slice(values):
        return values
    if isinstance(values, bytes):
        return [Uint8(byte) for byte in values]
    raise FunctionError(f"Cannot {action} type {type_name(values)}")


def _nil_list() -> TypedSlice:
    return TypedSlice(ANY_SLICE, is_nil=True)


def _list(*values: object) -> list[object]:
    return list(values)


def _push(context: Context, values: object, value: object) -> list[object]:
    items = items_of(values, "push on")
    context.check_items(len(items) + 1)
    return [*items, value]


def _prepend(context: Context, values: object, value: object) -> list[object]:
    items = items_of(values, "prepend on")
    context.check_items(len(items) + 1)
    return [value, *items]


def _concat(context: Context, *lists: object) -> list[object]:
    parts = [items_of(values, "concat as list") for values in lists]
    context.check_items(sum(map(len, parts)))
    joined = [item for part in parts for item in part]
    return joined or _nil_list()


def _first(values: object) -> object:
    items = items_of(values, "find first on")
    return items[0] if items else None


def _last(values: object) -> object:
    items = items_of(values, "find last on")
    return items[-1] if items else None


def _rest(context: Context, values: object) -> list[object]:
    items = items_of(values, "find rest on")
    context.check_items(len(items))
    return list(items[1:]) if items else _nil_list()


def _initial(context: Context, values: object) -> list[object]:
    items = items_of(values, "find initial on")
    context.check_items(len(items))
    return list(items[:-1]) if items else _nil_list()


def _reverse(context: Context, values: object) -> list[object]:
    items = items_of(values, "find reverse on")
    context.check_items(len(items))
    return list(reversed(items))


class _Seen:
    """Values met so far, as `reflect.DeepEqual` tells them apart; comparing containers is counted as work."""

    def __init__(self, context: Context, values: Sequence[object] = ()) -> None:
        self._context = context
        self._scalars: set[tuple[type, object]] = set()
        self._others: list[object] = []
        for value in values:
            self.add(value)

    def add(self, value: object) -> None:
        if isinstance(value, _SCALARS) or value is None:
            # Two zeros are equal; NaN is equal to nothing, not even to itself in a Python set.
            if value == value:  # noqa: PLR0124  # NaN
                self._scalars.add((type(value), value))
        else:
            self._others.append(value)

    def __contains__(self, value: object) -> bool:
        if isinstance(value, _SCALARS) or value is None:
            return (type(value), value) in self._scalars
        self._context.spend(len(self._others))
        return any(deep_equal(other, value) for other in self._others)


def _uniq(context: Context, values: object) -> list[object]:
    items = items_of(values, "find uniq on")
    context.check_items(len(items))
    seen = _Seen(context)
    kept: list[object] = []
    for item in items:
        if item not in seen:
            kept.append(item)
            seen.add(item)
    return kept


def _without(context: Context, values: object, *omitted: object) -> list[object]:
    items = items_of(values, "find without on")
    context.check_items(len(items))
    seen = _Seen(context, omitted)
    return [item for item in items if item not in seen]


def _has(context: Context, needle: object, values: object) -> bool:
    if values is None:
        return False
    return needle in _Seen(context, items_of(values, "find has on"))


def _slice(values: object, *indices: object) -> object:
    items = items_of(values, "slice")
    if not items:
        return None
    start = to_int(indices[0]) if indices else 0
    end = to_int(indices[1]) if len(indices) > 1 else len(items)
    if not 0 <= start <= end <= len(items):
        raise FunctionError("reflect.Value.Slice: slice index out of bounds")
    if isinstance(values, bytes):
        return values[start:end]
    if isinstance(values, TypedSlice):
        return TypedSlice(values.go_type, items[start:end])
    return list(items[start:end])


def _chunk(context: Context, size: int, values: object) -> TypedSlice:
    items = items_of(values, "chunk")
    if size <= 0:
        return TypedSlice(_NESTED_SLICE, _chunk_backwards(size, items))
    context.check_items(math.ceil(len(items) / size))
    return TypedSlice(_NESTED_SLICE, [list(items[start : start + size]) for start in range(0, len(items), size)])


def _chunk_backwards(size: int, items: Sequence[object]) -> list[object]:
    """What Go's arithmetic makes of a size below one: nothing, one chunk, or a panic."""
    if len(items) == 1 and size < -1:
        return [list(items)]
    if len(items) > 1 and len(items) - 1 <= -size:
        return []
    raise FunctionError("runtime error: makeslice: len out of range")


FUNCTIONS: Final = table(
    Function("list", _list, (), ANY_SLICE, variadic=ANY),
    Function("tuple", _list, (), ANY_SLICE, variadic=ANY),
    Function("concat", _concat, (), ANY, variadic=ANY, context=True),
    Function("append", _push, (ANY, ANY), ANY_SLICE, context=True),
    Function("mustAppend", _push, (ANY, ANY), ANY_SLICE, context=True),
    Function("push", _push, (ANY, ANY), ANY_SLICE, context=True),
    Function("mustPush", _push, (ANY, ANY), ANY_SLICE, context=True),
    Function("prepend", _prepend, (ANY, ANY), ANY_SLICE, context=True),
    Function("mustPrepend", _prepend, (ANY, ANY), ANY_SLICE, context=True),
    Function("first", _first, (ANY,), ANY),
    Function("mustFirst", _first, (ANY,), ANY),
    Function("last", _last, (ANY,), ANY),
    Function("mustLast", _last, (ANY,), ANY),
    Function("rest", _rest, (ANY,), ANY_SLICE, context=True),
    Function("mustRest", _rest, (ANY,), ANY_SLICE, context=True),
    Function("initial", _initial, (ANY,), ANY_SLICE, context=True),
    Function("mustInitial", _initial, (ANY,), ANY_SLICE, context=True),
    Function("reverse", _reverse, (ANY,), ANY_SLICE, context=True),
    Function("mustReverse", _reverse, (ANY,), ANY_SLICE, context=True),
    Function("uniq", _uniq, (ANY,), ANY_SLICE, context=True, walks=True),
    Function("mustUniq", _uniq, (ANY,), ANY_SLICE, context=True, walks=True),
    Function("without", _without, (ANY,), ANY_SLICE, variadic=ANY, context=True, walks=True),
    Function("mustWithout", _without, (ANY,), ANY_SLICE, variadic=ANY, context=True, walks=True),
    Function("has", _has, (ANY, ANY), BOOL, context=True, walks=True),
    Function("mustHas", _has, (ANY, ANY), BOOL, context=True, walks=True),
    Function("slice", _slice, (ANY,), ANY, variadic=ANY),
    Function("mustSlice", _slice, (ANY,), ANY, variadic=ANY),
    Function("chunk", _chunk, (INT, ANY), _NESTED_SLICE, context=True),
    Function("mustChunk", _chunk, (INT, ANY), _NESTED_SLICE, context=True),
)
"""Lists."""
