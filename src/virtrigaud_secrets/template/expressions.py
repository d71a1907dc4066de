"""Compiling pipelines, commands and operands: which value each gives. Statements are `compiler`'s."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.golang.reflect import BOOL, STRING, GoType, is_map, to_string
from virtrigaud_secrets.template.calls import Code, call, call_method, constant, convert, failing, located, wrong_count
from virtrigaud_secrets.template.calls import untyped_constant as number_value
from virtrigaud_secrets.template.frame import Frame, Run
from virtrigaud_secrets.template.functions import find_function
from virtrigaud_secrets.template.functions.table import Function, FunctionError
from virtrigaud_secrets.template.nodes import (
    Bool,
    Chain,
    Command,
    Dot,
    Field,
    Identifier,
    Nil,
    Number,
    Operand,
    Pipeline,
    String,
    Variable,
)
from virtrigaud_secrets.template.values import find_method, get_field

Setter: TypeAlias = Callable[[Frame, object], None]
"""Code that sets a variable."""
_UNSET: Final = object()
"""What a variable's slot holds whose declaration was skipped by `and` or `or`."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One declaration of a variable."""

    name: str
    index: int
    element: bool = False
    """Whether `range` sets it to elements."""
    optional: bool = False
    """Whether its declaration may not have run."""


class Scope:
    """What an expression may refer to, inside one template."""

    __slots__ = ("declared", "dot_is_element", "dot_is_root", "optional", "slots", "uses_root")

    def __init__(self, *, root: bool) -> None:
        self.declared = [Slot("$", 0)]
        """Variables in sight, innermost last: Go's stack of variables, as it will be when this code runs."""
        self.slots = 1
        """Slots in use."""
        self.dot_is_root = root
        """Whether the dot is surely the data that the caller gave."""
        self.dot_is_element = False
        """Whether the dot is an element of a list or map, and may be a nil of its own kind."""
        self.uses_root = False
        """Whether the data is used in other ways than entry by entry."""
        self.optional = 0
        """Arguments of `and` and `or` around this place that may not run."""

    def declare(self, name: str, *, element: bool = False) -> int:
        """A new variable's slot."""
        slot = Slot(name, self.slots, element, self.optional > 0)
        self.slots += 1
        self.declared.append(slot)
        return slot.index

    def find(self, name: str) -> list[Slot]:
        """Where the variable may be, first choice first: one place, or several if declarations may be skipped."""
        self.uses_root = self.uses_root or name == "$"
        found: list[Slot] = []
        for slot in reversed(self.declared):
            if slot.name == name:
                found.append(slot)
                if not slot.optional:
                    break
        return found


class ExpressionCompiler:
    """Compiles the expressions of one template."""

    def __init__(self, scope: Scope, *, strict: bool, root_type: GoType | None) -> None:
        self.scope = scope
        self.strict = strict
        """Whether a missing key is an error."""
        self.root_type = root_type
        """Type of the values of the root map, if all have one type."""

    def pipeline(self, pipeline: Pipeline) -> Code:
        """A pipeline's value; it sets the variables."""
        code: Code | None = None
        for command in pipeline.commands:
            code = self.command(command, code)
        assert code is not None  # noqa: S101 - the parser refuses empty pipelines
        if not pipeline.variables:
            return Code(code.run, pipeline.offset, code.type)
        # The parser allows more than one variable only in `range`, which sets them itself.
        (name,) = pipeline.variables
        setter = self.assignment(name, pipeline.offset) if pipeline.assigns else self.declaration(name)
        run = code.run

        def set_variable(frame: Frame) -> object:
            value = run(frame)
            setter(frame, value)
            return value

        return Code(set_variable, pipeline.offset, code.type)

    def declaration(self, name: str, *, element: bool = False) -> Setter:
        """Code that sets a new variable."""
        return _set_slot(self.scope.declare(name, element=element))

    def assignment(self, name: str, offset: int) -> Setter:
        """Code that sets an existing variable."""
        slots = self.scope.find(name)
        if len(slots) == 1 and not slots[0].optional:
            return _set_slot(slots[0].index)

        def assign(frame: Frame, value: object) -> None:
            for slot in slots:
                if not slot.optional or frame.variables[slot.index] is not _UNSET:
                    frame.variables[slot.index] = value
                    return
            raise located(FunctionError(f"undefined variable: {name}"), offset)

        return assign

    # Commands

    def command(self, command: Command, final: Code | None) -> Code:
        """A command's value; `final` is the value of the command before, its last argument."""
        first, *arguments = command.operands
        if isinstance(first, Identifier):
            return self.function_call(first, arguments, final)
        if arguments or final is not None:
            if isinstance(first, (Field, Chain, Variable)) and first.names:
                return self.method_call(first, arguments, final)
            return Code(failing("can't give argument to non-function", first.offset), first.offset)
        if isinstance(first, Nil):
            return Code(failing("nil is not a command", first.offset), first.offset)
        return self.operand(first)

    def function_call(self, identifier: Identifier, arguments: Sequence[Operand], final: Code | None) -> Code:
        """A function's value."""
        function = find_function(identifier.name)
        assert function is not None  # noqa: S101 - the parser knows the names
        if function.name in {"and", "or"}:
            return Code(self.junction(function, arguments, final, identifier.offset), identifier.offset)
        codes = [self.operand(argument) for argument in arguments]
        run = call(function, codes, final, identifier.offset)
        known = function.result if function.result.kind in {"string", "bool", "int"} else None
        return Code(run, identifier.offset, known)

    def junction(self, function: Function, arguments: Sequence[Operand], final: Code | None, offset: int) -> Run:
        """`and` or `or`: the first argument that decides, or the last."""
        reason = wrong_count(function, len(arguments) + (final is not None))
        if reason is not None:
            return failing(reason, offset)
        stop = function.name == "or"
        first_slot = self.scope.slots
        runs: list[Run] = []
        for index, argument in enumerate(arguments):
            self.scope.optional += index > 0
            runs.append(convert(self.operand(argument), function.params[0]))
            self.scope.optional -= index > 0
        skipped = range(first_slot, self.scope.slots)
        final_run = final.run if final is not None else None

        def run(frame: Frame) -> object:
            last = final_run(frame) if final_run is not None else None
            for slot in skipped:
                frame.variables[slot] = _UNSET
            value: object = None
            for argument in runs:
                value = argument(frame)
                if bool(value) is stop:
                    return value
            return value if final_run is None else last

        return run

    # Operands

    def operand(self, node: Operand) -> Code:
        """An operand's value."""
        match node:
            case Field() | Variable() | Chain() | Dot():
                return self.fields(self.base(node), () if isinstance(node, Dot) else node.names, node.offset)
            case Identifier():
                return self.function_call(node, (), None)
            case Pipeline():
                return self.pipeline(node)
            case _:
                return self.constant(node)

    def base(self, node: Field | Variable | Chain | Dot) -> Code:
        """What an operand's fields are fields of."""
        if isinstance(node, Variable):
            return self.variable(node)
        if not isinstance(node, Chain):
            return Code(_get_dot, node.offset, node=Dot(node.offset), element=self.scope.dot_is_element)
        return self.operand(node.operand)

    def constant(self, node: Nil | Bool | Number | String) -> Code:
        """A constant's value."""
        match node:
            case String():
                return Code(constant(node.value), node.offset, STRING, node)
            case Bool():
                return Code(constant(node.value), node.offset, BOOL, node)
            case Nil():
                return Code(constant(None), node.offset, None, node)
            case _:
                try:
                    return Code(constant(number_value(node)), node.offset, None, node)
                except FunctionError as error:
                    return Code(failing(error.reason, node.offset), node.offset, None, node)

    def variable(self, node: Variable) -> Code:
        """A variable's value."""
        slots = self.scope.find(node.name)
        if len(slots) == 1 and not slots[0].optional:
            return Code(_get_slot(slots[0].index), node.offset, element=slots[0].element)

        def run(frame: Frame) -> object:
            for slot in slots:
                value = frame.variables[slot.index]
                if value is not _UNSET:
                    return value
            raise located(FunctionError(f"undefined variable: {node.name}"), node.offset)

        return Code(run, node.offset, element=any(slot.element for slot in slots))

    def fields(self, base: Code, names: tuple[str, ...], offset: int) -> Code:
        """Fields of a value, one inside the other."""
        if not names:
            self.scope.uses_root = self.scope.uses_root or isinstance(base.node, Dot)
            return base
        first, *rest = names
        if isinstance(base.node, Dot) and self.scope.dot_is_root and self.root_type is not None and self.strict:
            code = Code(_root_entry(first, offset), offset, self.root_type)
            return self.fields(code, tuple(rest), offset) if rest else code
        self.scope.uses_root = self.scope.uses_root or isinstance(base.node, Dot)
        if len(names) == 1 and self.strict:
            return Code(_field(base.run, first, offset), offset, element=True)
        return Code(_chain(base, names, offset, strict=self.strict), offset, element=self.strict)

    def method_call(self, first: Field | Variable | Chain, arguments: Sequence[Operand], final: Code | None) -> Code:
        """A field with arguments, which must be a method."""
        names, base = first.names, self.base(first)
        offset = first.offset
        receiver = self.fields(base, names[:-1], offset).run
        name = names[-1]
        codes = [self.operand(argument) for argument in arguments]
        final_run = final.run if final is not None else None

        def run(frame: Frame) -> object:
            given = codes
            if final_run is not None:
                given = [*codes, Code(constant(final_run(frame)), offset)]
            value = receiver(frame)
            method = find_method(value, name)
            if method is not None:
                return call_method(method, value, given, frame, offset)
            try:
                get_field(value, name, strict=True)
            except FunctionError as error:
                raise located(error, offset) from None
            raise located(FunctionError(f"{name} is not a method but has arguments"), offset)

        return Code(run, offset)


def _get_dot(frame: Frame) -> object:
    """The dot."""
    return frame.dot


def _get_slot(index: int) -> Run:
    """Code that gives a variable."""
    return lambda frame: frame.variables[index]


def _set_slot(index: int) -> Setter:
    """Code that sets a variable."""

    def assign(frame: Frame, value: object) -> None:
        frame.variables[index] = value

    return assign


def _root_entry(name: str, offset: int) -> Run:
    """Code that gives an entry of the data, where the dot is the data."""

    def run(frame: Frame) -> object:
        try:
            value = frame.root[name]
        except KeyError:
            pass
        else:
            return value.decode("utf-8", "surrogateescape") if type(value) is bytes else data_text(name, value)
        raise located(FunctionError(f'map has no entry for key "{name}"'), offset)

    return run


def data_text(name: str, value: object) -> str:
    """A text of the caller's data as a Go string.

    Raises:
        ConfigurationError: it is no text.
    """
    if isinstance(value, bytes):
        return to_string(value)
    if isinstance(value, str):
        return value
    raise ConfigurationError(f"the template's data must be texts, and {name!r} is none")


def _field(base: Run, name: str, offset: int) -> Run:
    """Code that gives one field, a missing one being an error."""

    def run(frame: Frame) -> object:
        value = base(frame)
        if is_map(value) and name in value:
            return value[name]
        return _member(value, name, frame, offset, strict=True)

    return run


def _member(value: object, name: str, frame: Frame, offset: int, *, strict: bool) -> object:
    """A method's result or a field."""
    method = find_method(value, name)
    if method is not None:
        return call_method(method, value, (), frame, offset)
    try:
        return get_field(value, name, strict=strict)
    except FunctionError as error:
        raise located(error, offset) from None


def _chain(base: Code, names: tuple[str, ...], offset: int, *, strict: bool) -> Run:
    """Code that gives a field of a field. A nil inside a map has no fields, even where a missing entry would pass."""
    base_run = base.run

    def run(frame: Frame) -> object:
        value = base_run(frame)
        inner_nil = value is None and base.element
        for name in names:
            if inner_nil:
                raise located(FunctionError(f"nil pointer evaluating interface {{}}.{name}"), offset)
            holder = value
            value = _member(holder, name, frame, offset, strict=strict)
            inner_nil = value is None and is_map(holder) and name in holder
        return value

    return run
