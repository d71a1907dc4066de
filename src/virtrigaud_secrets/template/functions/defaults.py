"""Sprig's choices between values: the first that is not empty, one of two, all or any."""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.golang.reflect import ANY, ANY_SLICE, BOOL, Float32, is_nil, kind_of
from virtrigaud_secrets.template.functions.lists import items_of
from virtrigaud_secrets.template.functions.table import Context, Function, table


def is_empty(value: object) -> bool:
    """Whether sprig takes the value for empty: nil, zero, false, no length; never a struct or pointer."""
    if isinstance(value, (str, bytes, list, dict, bool, int, float, complex, Float32)):
        return not value
    return is_nil(value) and kind_of(value) != "struct"


def _default(fallback: object, *given: object) -> object:
    return fallback if not given or is_empty(given[0]) else given[0]


def _coalesce(*values: object) -> object:
    return next((value for value in values if not is_empty(value)), None)


def _all(*values: object) -> bool:
    return not any(is_empty(value) for value in values)


def _any(*values: object) -> bool:
    return not all(is_empty(value) for value in values)


def _ternary(yes: object, no: object, condition: bool) -> object:  # noqa: FBT001  # the template's own order
    return yes if condition else no


def _compact(context: Context, values: object) -> list[object]:
    items = items_of(values, "compact on")
    context.check_items(len(items))
    return [item for item in items if not is_empty(item)]


FUNCTIONS: Final = table(
    Function("default", _default, (ANY,), ANY, variadic=ANY),
    Function("empty", is_empty, (ANY,), BOOL),
    Function("coalesce", _coalesce, (), ANY, variadic=ANY),
    Function("all", _all, (), BOOL, variadic=ANY),
    Function("any", _any, (), BOOL, variadic=ANY),
    Function("ternary", _ternary, (ANY, ANY, BOOL), ANY),
    Function("compact", _compact, (ANY,), ANY_SLICE, context=True),
    Function("mustCompact", _compact, (ANY,), ANY_SLICE, context=True),
)
"""Choices."""
