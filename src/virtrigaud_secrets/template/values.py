"""What a template may do with a value: its fields and methods, its text, and how much of it there is.

Which Python value stands for which Go value says `golang.reflect`. Truth is Python's `bool(value)`: for every value of
that model it agrees with Go's (structs and pointers are true, `GoObject` defines neither `__bool__` nor `__len__`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

from virtrigaud_secrets.golang.fmt import TooLargeError, sprint
from virtrigaud_secrets.golang.reflect import GoObject, is_map, is_slice, type_name
from virtrigaud_secrets.template.functions.table import BYTES_PER_STEP, Context, Function, FunctionError

_NO_METHODS: Final[Mapping[str, Function]] = {}
NO_VALUE: Final = "<no value>"
"""What an action writes that has no value to write."""


class Receiver(GoObject):
    """A Go value with methods that templates may call.

    `go_methods` is the whole list. The callable of each gets the receiver first (after the context, if it asks for
    one).
    """

    go_methods: ClassVar[Mapping[str, Function]] = _NO_METHODS


def find_method(value: object, name: str) -> Function | None:
    """The method of that name, if the value has it."""
    return value.go_methods.get(name) if isinstance(value, Receiver) else None


def get_field(value: object, name: str, *, strict: bool) -> object:
    """A map's entry or a struct's exported field.

    Args:
        value: Anything; methods were looked for before.
        name: The field's name.
        strict: Whether an entry that is missing is an error instead of no value.

    Raises:
        FunctionError: there is no such field.
    """
    if is_map(value):
        if name in value:
            return value[name]
        if strict:
            raise FunctionError(f'map has no entry for key "{name}"')
        return None
    if value is None:
        if strict:
            raise FunctionError(f'nil data; no entry for key "{name}"')
        return None
    if isinstance(value, GoObject):
        fields = value.go_fields()
        if name in fields:
            return fields[name]
    raise FunctionError(f"can't evaluate field {name} in type {type_name(value)}")


def show(value: object, context: Context) -> str:
    """What an action writes.

    Raises:
        FunctionError: it is too large, too deep or contains itself.
    """
    if value is None:
        return NO_VALUE
    check_weight(value, context)
    try:
        text = sprint(value, limit=context.limits.value_size)
    except TooLargeError as error:
        reason = str(error)
    else:
        context.check_size(len(text))
        return text
    raise FunctionError(reason)


def check_result(value: object, context: Context) -> None:
    """Hold what a function made against the limits.

    Raises:
        FunctionError: it is too large.
    """
    kind = type(value)
    if kind is str or kind is bytes:
        if len(value) > BYTES_PER_STEP:  # type: ignore[arg-type]  # just seen
            context.check_size(len(value))  # type: ignore[arg-type]
    elif is_slice(value) or is_map(value):
        context.check_items(len(value))


def children(value: object) -> Iterable[object]:
    """The values directly inside a value."""
    if is_map(value):
        return value.values()
    return value if is_slice(value) else ()


def check_weight(value: object, context: Context) -> None:
    """Refuse a value that is too deep, too large when written out, or contains itself; count the work.

    A list that holds another list twice weighs it twice: printing would show it twice. Each object is weighed once, so
    a small value that would print as a huge one is found out cheaply.

    Raises:
        FunctionError: it is one of these.
    """
    if is_slice(value) or is_map(value):
        weight, _ = _weigh(value, context, {}, 1)
        context.spend(weight // 64)


def _weigh(value: object, context: Context, known: dict[int, tuple[int, int]], depth: int) -> tuple[int, int]:
    """Number of values inside, shared ones counted each time, and levels of nesting."""
    weight, height = 1, 1
    known[id(value)] = (0, 0)
    for child in children(value):
        if not (is_slice(child) or is_map(child)):
            weight += 1
            continue
        seen = known.get(id(child))
        if seen is None and depth < context.limits.depth:
            seen = _weigh(child, context, known, depth + 1)
        if seen is None or depth + seen[1] > context.limits.depth:
            raise FunctionError(f"the value is nested more than {context.limits.depth} deep")
        if seen[0] == 0:
            raise FunctionError("the value contains itself")
        weight += seen[0]
        height = max(height, 1 + seen[1])
    if weight > context.limits.weight:
        raise FunctionError(f"the value holds more than {context.limits.weight} values")
    known[id(value)] = (weight, height)
    return weight, height
