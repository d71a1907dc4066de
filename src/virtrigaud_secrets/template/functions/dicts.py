"""Sprig's dictionaries, merging included.

Functions that change a dictionary in Go change it here: `set`, `unset`, `merge` and its kin. Keys come out sorted where
Go's order is random.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from virtrigaud_secrets.golang.reflect import (
    ANY,
    ANY_MAP,
    ANY_SLICE,
    BOOL,
    STRING,
    STRING_SLICE,
    TypedMap,
    TypedSlice,
    is_map,
    is_nil,
    is_slice,
    kind_of,
    to_bytes,
    type_of,
)
from virtrigaud_secrets.template.functions.conversion import strval
from virtrigaud_secrets.template.functions.objects import LibraryValue
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table
from virtrigaud_secrets.template.values import check_weight


def _by_bytes(keys: Mapping[str, object]) -> list[str]:
    return sorted(keys, key=to_bytes)


def _dict(context: Context, *pairs: object) -> dict[str, object]:
    values = (*pairs, "") if len(pairs) % 2 else pairs
    return {_key(context, values[index]): values[index + 1] for index in range(0, len(values), 2)}


def _key(context: Context, value: object) -> str:
    if not isinstance(value, str):
        check_weight(value, context)
    return strval(context, value)


def _get(values: dict[str, object], key: str) -> object:
    return values.get(key, "")


def _set(context: Context, values: dict[str, object], key: str, value: object) -> dict[str, object]:
    if is_nil(values):
        raise FunctionError("assignment to entry in nil map")
    context.check_items(len(values) + 1)
    values[key] = value
    return values


def _unset(values: dict[str, object], key: str) -> dict[str, object]:
    values.pop(key, None)
    return values


def _has_key(values: dict[str, object], key: str) -> bool:
    return key in values


def _pluck(key: str, *dicts: dict[str, object]) -> list[object]:
    return [values[key] for values in dicts if key in values]


def _keys(context: Context, *dicts: dict[str, object]) -> TypedSlice:
    context.check_items(sum(map(len, dicts)))
    return TypedSlice(STRING_SLICE, [key for values in dicts for key in _by_bytes(values)])


def _values(context: Context, values: dict[str, object]) -> list[object]:
    context.check_items(len(values))
    return [values[key] for key in _by_bytes(values)]


def _pick(values: dict[str, object], *keys: str) -> dict[str, object]:
    return {key: values[key] for key in keys if key in values}


def _omit(context: Context, values: dict[str, object], *keys: str) -> dict[str, object]:
    context.check_items(len(values))
    omitted = frozenset(keys)
    return {key: value for key, value in values.items() if key not in omitted}


def _dig(*params: object) -> object:
    if len(params) < 3:  # noqa: PLR2004  # a key, a default, a dictionary
        raise FunctionError("dig needs at least three arguments")
    *keys, default, found = params
    path = [key for key in keys if isinstance(key, str)]
    if len(path) != len(keys):
        raise FunctionError("dig takes texts for keys")
    for key in path:
        if not is_map(found) or type_of(found) is not ANY_MAP:
            raise FunctionError("dig found a value on its way that is no map[string]interface {}")
        if key not in found:
            return default
        found = found[key]
    return found


class _MergeError(Exception):
    """What `mergo` returns as an error instead of panicking."""


def _merger(*, overwrite: bool, must: bool) -> Callable[..., object]:
    def merge(target: dict[str, object], *sources: dict[str, object]) -> object:
        for source in sources:
            if is_nil(target) and not is_nil(source):
                target = {}
            try:
                _merge_into(target, source, overwrite=overwrite)
            except _MergeError:
                if must:
                    raise FunctionError("src and dst must be of same type") from None
                return ""
        return target

    return merge


def _merge_into(target: dict[str, object], source: Mapping[str, object], *, overwrite: bool) -> None:
    """What `mergo` does with two maps: nested maps are merged, a full list or value stays unless overwritten."""
    for key in list(source):
        new, missing = source[key], key not in target
        old = target.get(key)
        if new is None:
            if overwrite:
                _store(target, source, key, new)
            continue
        if kind_of(new) in {"map", "struct", "ptr"}:
            _merge_nested(old, new, overwrite=overwrite)
        if not missing and not _is_empty(old) and ((is_map(old) and is_map(new)) or (is_slice(new) and not overwrite)):
            continue
        if overwrite or missing or _is_empty(old):
            _store(target, source, key, new)


def _merge_nested(old: object, new: object, *, overwrite: bool) -> None:
    if is_map(old):
        if is_map(new) and not is_nil(old):
            _merge_into(old, new, overwrite=overwrite)
    elif kind_of(old) == "ptr" and kind_of(new) != "ptr" and not overwrite:
        raise _MergeError


def _store(target: dict[str, object], source: Mapping[str, object], key: str, value: object) -> None:
    wanted, given = type_of(target), type_of(source)
    if wanted is not None and wanted.elem is not ANY and given is not wanted:
        raise FunctionError("a value of type interface {} is not assignable to the map's values")
    target[key] = value


def _is_empty(value: object) -> bool:
    if isinstance(value, complex):
        return False
    if isinstance(value, LibraryValue) and not isinstance(value, (int, float)):
        return False
    return not value


def _deep_copy(value: object) -> object:
    if value is None:
        raise FunctionError("nil cannot be copied")
    return _copied(value)


def _copied(value: object) -> object:
    if isinstance(value, TypedSlice):
        return TypedSlice(value.go_type, [_copied(item) for item in value], is_nil=value.is_nil)
    if isinstance(value, TypedMap):
        items = {key: _copied(item) for key, item in value.items()}
        return TypedMap(value.go_type, items, is_nil=value.is_nil)
    if is_slice(value):
        return [_copied(item) for item in value]
    if is_map(value):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, LibraryValue):
        return value.go_copy()
    return value


FUNCTIONS: Final = table(
    Function("dict", _dict, (), ANY_MAP, variadic=ANY, context=True),
    Function("get", _get, (ANY_MAP, STRING), ANY),
    Function("set", _set, (ANY_MAP, STRING, ANY), ANY_MAP, context=True),
    Function("unset", _unset, (ANY_MAP, STRING), ANY_MAP),
    Function("hasKey", _has_key, (ANY_MAP, STRING), BOOL),
    Function("pluck", _pluck, (STRING,), ANY_SLICE, variadic=ANY_MAP),
    Function("keys", _keys, (), STRING_SLICE, variadic=ANY_MAP, context=True),
    Function("values", _values, (ANY_MAP,), ANY_SLICE, context=True),
    Function("pick", _pick, (ANY_MAP,), ANY_MAP, variadic=STRING),
    Function("omit", _omit, (ANY_MAP,), ANY_MAP, variadic=STRING, context=True),
    Function("dig", _dig, (), ANY, variadic=ANY),
    *(
        Function(name, _merger(overwrite=overwrite, must=must), (ANY_MAP,), ANY, variadic=ANY_MAP, walks=True)
        for name, overwrite, must in (
            ("merge", False, False),
            ("mustMerge", False, True),
            ("mergeOverwrite", True, False),
            ("mustMergeOverwrite", True, True),
        )
    ),
    Function("deepCopy", _deep_copy, (ANY,), ANY, walks=True),
    Function("mustDeepCopy", _deep_copy, (ANY,), ANY, walks=True),
)
"""Dictionaries."""
