"""Calls of functions and methods: Go's rules for the number and types of arguments, and the checks around a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from virtrigaud_secrets.golang.reflect import (
    ANY,
    REFLECT_VALUE,
    STRING,
    Float32,
    GoType,
    Int8,
    Int16,
    Int32,
    Int64,
    TypedMap,
    TypedSlice,
    Uint,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    type_name,
    type_of,
)
from virtrigaud_secrets.template.frame import Frame, Run
from virtrigaud_secrets.template.functions.table import BYTES_PER_STEP, Context, Function, FunctionError
from virtrigaud_secrets.template.nodes import Bool, Nil, Number, Operand, Pipeline, String
from virtrigaud_secrets.template.values import check_result, check_weight

_SIGNED: Final[dict[str, Callable[[int], object]]] = {
    "int": int, "int8": Int8.wrap, "int16": Int16.wrap, "int32": Int32.wrap, "int64": Int64.wrap,
}  # fmt: skip
_UNSIGNED: Final = {
    "uint": Uint.wrap, "uint8": Uint8.wrap, "uint16": Uint16.wrap, "uint32": Uint32.wrap, "uint64": Uint64.wrap,
}  # fmt: skip
_EXPECTED: Final = {
    "bool": "bool", "string": "string", "float64": "float", "float32": "float", "complex128": "complex",
    **dict.fromkeys(_SIGNED, "integer"), **dict.fromkeys(_UNSIGNED, "unsigned integer"),
}  # fmt: skip
_GROWING: Final = frozenset({"string", "slice", "map", "interface"})
"""Kinds of results that may be large."""
_CONTAINERS: Final = frozenset({list, dict, TypedSlice, TypedMap})
_CONSTANTS: Final = (Bool, Number, String, Nil)


@dataclass(frozen=True, slots=True)
class Code:
    """A compiled expression."""

    run: Run
    offset: int
    """Where it stands."""
    type: GoType | None = None
    """The type of its value, where that is known before it runs."""
    node: Operand | Pipeline | None = None
    """The constant that it is, if it is one."""
    element: bool = False
    """Whether a nil that it gives is one inside a list or map: Go passes such a nil only as `any`."""


def constant(value: object) -> Run:
    """Code that gives this value."""
    return lambda _: value


def failing(reason: str, offset: int) -> Run:
    """Code that fails."""

    def run(_: Frame) -> object:
        raise located(FunctionError(reason), offset)

    return run


def located(error: FunctionError, offset: int) -> FunctionError:
    """A new error with its place."""
    error.offset = offset
    return error


def untyped_constant(number: Number) -> object:
    """The value of a number where nothing says which type it should have.

    Raises:
        FunctionError: an integer beyond Go's `int`.
    """
    if number.imaginary is not None:
        return number.imaginary
    text = number.text
    is_hexadecimal = text[:2] in {"0x", "0X"} and not any(char in text for char in "pP")
    if number.real is not None and not is_hexadecimal and text[0] != "'" and any(char in text for char in ".eEpP"):
        return number.real
    if number.integer is None:
        raise FunctionError(f"{text} overflows int")
    return number.integer


# Arguments


def convert(code: Code, wanted: GoType) -> Run:
    """Code that gives the argument as the wanted type, or fails as Go does."""
    if isinstance(code.node, _CONSTANTS):
        return _convert_constant(code.node, code, wanted)
    if wanted is ANY or wanted is REFLECT_VALUE or code.type is wanted:
        return code.run
    run, offset, element = code.run, code.offset, code.element
    if wanted is STRING:

        def text(frame: Frame) -> object:
            value = run(frame)
            if type(value) is str:
                if len(value) > BYTES_PER_STEP:
                    frame.context.spend(len(value) // BYTES_PER_STEP)
                return value
            return _assign(value, wanted, offset, element=element)

        return text

    def other(frame: Frame) -> object:
        value = run(frame)
        if type_of(value) is wanted:
            return value
        return _assign(value, wanted, offset, element=element)

    return other


def _assign(value: object, wanted: GoType, offset: int, *, element: bool) -> object:
    """The value as a type that is not its own: only nil can be."""
    if value is None and not element:
        if wanted.nilable:
            return _nil_of(wanted)
        raise located(FunctionError(f"invalid value; expected {wanted.name}"), offset)
    found = "interface {}" if value is None else type_name(value)
    raise located(FunctionError(f"wrong type for value; expected {wanted.name}; got {found}"), offset)


def _nil_of(wanted: GoType) -> object:
    """The nil of a type."""
    if wanted.kind == "map":
        return TypedMap(wanted, is_nil=True)
    return TypedSlice(wanted, is_nil=True) if wanted.kind == "slice" else None


def _convert_constant(node: Operand, code: Code, wanted: GoType) -> Run:
    """Constants take the type that is wanted, if their syntax allows it."""
    if isinstance(node, Nil):
        if wanted.nilable or wanted is REFLECT_VALUE:
            return lambda _: _nil_of(wanted)
        return failing(f"cannot assign nil to {wanted.name}", code.offset)
    if wanted is ANY or wanted is REFLECT_VALUE:
        return code.run
    value = _constant_as(node, wanted.kind)
    if value is None:
        expected = _EXPECTED.get(wanted.kind)
        if expected is None:
            return failing(f"can't handle a constant for an argument of type {wanted.name}", code.offset)
        return failing(f"expected {expected}; found another constant", code.offset)
    return constant(value)


def _constant_as(node: Operand, kind: str) -> object:
    """The constant in a type of this kind; `None` if it has none."""
    if isinstance(node, Number):
        if kind in _SIGNED:
            return None if node.integer is None else _SIGNED[kind](node.integer)
        if kind in _UNSIGNED:
            return None if node.unsigned is None else _UNSIGNED[kind](node.unsigned)
        if kind == "float32":
            return None if node.real is None else Float32(node.real)
        return {"float64": node.real, "complex128": node.imaginary}.get(kind)
    if isinstance(node, String) and kind == "string":
        return node.value
    return node.value if isinstance(node, Bool) and kind == "bool" else None


def wrong_count(function: Function, given: int) -> str | None:
    """What is wrong with the number of arguments."""
    fixed = len(function.params)
    if function.variadic is not None:
        return (
            None if given >= fixed else f"wrong number of args for {function.name}: want at least {fixed} got {given}"
        )
    return None if given == fixed else f"wrong number of args for {function.name}: want {fixed} got {given}"


def argument_codes(function: Function, arguments: Sequence[Code]) -> list[Run]:
    """The arguments, converted to the parameters' types."""
    params = function.params
    variadic = function.variadic or ANY
    return [convert(code, params[index] if index < len(params) else variadic) for index, code in enumerate(arguments)]


# Calls


def call(function: Function, arguments: Sequence[Code], final: Code | None, offset: int) -> Run:
    """Code that calls a function; `final` is the result of the command before, which is computed first."""
    given = [*arguments, final] if final is not None else list(arguments)
    reason = wrong_count(function, len(given))
    if reason is not None:
        return failing(reason, offset)
    # A constant that comes through a pipe has taken its default type: Go converts only those that stand as arguments.
    piped = [replace(final, node=None)] if final is not None else []
    runs = argument_codes(function, [*arguments, *piped])
    shown = all(isinstance(code.node, _CONSTANTS) for code in given)
    if len(runs) == 1:
        return _unary_call(function, runs[0], offset, shown=shown)
    if len(runs) == 2 and isinstance(given[0].node, _CONSTANTS) and not function.walks:  # noqa: PLR2004 - as it says
        return _partial_call(function, runs, offset, shown=shown)
    return _general_call(function, runs, offset, last_first=final is not None, shown=shown)


def refusal(error: FunctionError, name: str, offset: int, *, shown: bool) -> FunctionError:
    """The error of a function with its place, its name, and without what it may not show."""
    if error.offset is None:
        error.offset = offset
        reason = error.reason
        if error.constant_only and not shown:
            reason = "the message is computed and not shown"
        error.reason = f"error calling {name}: {reason}"
    return error


def _unary_call(function: Function, argument: Run, offset: int, *, shown: bool) -> Run:
    """A call with one argument."""
    target, name, with_context, walks = function.call, function.name, function.context, function.walks
    check, threshold = _check_of(function)

    def run(frame: Frame) -> object:
        value = argument(frame)
        try:
            if walks and type(value) in _CONTAINERS:
                check_weight(value, frame.context)
            result = target(frame.context, value) if with_context else target(value)
            if check is not None and (threshold < 0 or len(result) > threshold):  # type: ignore[arg-type]  # a string
                check(result, frame.context)
        except FunctionError as error:
            raise refusal(error, name, offset, shown=shown) from None
        return result

    return run


def _partial_call(function: Function, runs: list[Run], offset: int, *, shown: bool) -> Run:
    """A call with a constant and one argument."""
    target, name, with_context = function.call, function.name, function.context
    check, threshold = _check_of(function)
    first, argument = runs

    def run(frame: Frame) -> object:
        value = argument(frame)
        try:
            result = target(frame.context, first(frame), value) if with_context else target(first(frame), value)
            if check is not None and (threshold < 0 or len(result) > threshold):  # type: ignore[arg-type]  # a string
                check(result, frame.context)
        except FunctionError as error:
            raise refusal(error, name, offset, shown=shown) from None
        return result

    return run


def _check_of(function: Function) -> tuple[Callable[[object, Context], None] | None, int]:
    """How a function's result is held against the limits, and the length from which on a text need be."""
    check = check_result if function.result.kind in _GROWING and not function.bounded else None
    return check, BYTES_PER_STEP if function.result.kind == "string" else -1


def _general_call(function: Function, runs: list[Run], offset: int, *, last_first: bool, shown: bool) -> Run:
    """A call with any number of arguments."""
    target, name, walks, with_context = function.call, function.name, function.walks, function.context
    others, last = (runs[:-1], runs[-1]) if last_first else (runs, None)
    check, threshold = _check_of(function)

    def run(frame: Frame) -> object:
        context = frame.context
        if last is None:
            values = [argument(frame) for argument in others]
        else:
            final = last(frame)
            values = [argument(frame) for argument in others]
            values.append(final)
        try:
            if walks:
                for value in values:
                    if type(value) in _CONTAINERS:
                        check_weight(value, context)
            result = target(context, *values) if with_context else target(*values)
            if check is not None and (threshold < 0 or len(result) > threshold):  # type: ignore[arg-type]  # a string
                check(result, context)
        except FunctionError as error:
            raise refusal(error, name, offset, shown=shown) from None
        return result

    return run


def call_method(method: Function, receiver: object, arguments: Sequence[Code], frame: Frame, offset: int) -> object:
    """Call a method now: which one it is was not known before."""
    reason = wrong_count(method, len(arguments))
    if reason is not None:
        raise located(FunctionError(reason), offset)
    values = [argument(frame) for argument in argument_codes(method, arguments)]
    try:
        if method.context:
            values.insert(0, receiver)
            result = method.call(frame.context, *values)
        else:
            result = method.call(receiver, *values)
        check_result(result, frame.context)
    except FunctionError as error:
        raise refusal(error, method.name, offset, shown=False) from None
    return result
