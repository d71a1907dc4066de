"""From a syntax tree to closures: statements, scopes of variables, and templates that invoke each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from virtrigaud_secrets.golang.reflect import (
    STRING,
    GoType,
    SizedInt,
    Uint8,
    is_map,
    is_slice,
    sorted_keys,
    to_bytes,
    type_name,
)
from virtrigaud_secrets.template.calls import Code, located
from virtrigaud_secrets.template.expressions import ExpressionCompiler, Scope, Setter
from virtrigaud_secrets.template.frame import Frame, Run
from virtrigaud_secrets.template.functions.table import FunctionError
from virtrigaud_secrets.template.nodes import (
    Action,
    Body,
    Command,
    Conditional,
    Field,
    Invocation,
    Jump,
    Module,
    Pipeline,
    Range,
    Statement,
    Text,
)
from virtrigaud_secrets.template.values import show

_COUNTED_PIECES: Final = 1024
"""Pieces of output that a loop may write before their size is held against the limit."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One compiled template."""

    run: Run
    slots: int
    """Variables it needs."""
    weight: int
    """Statements in it, loops' bodies counted once."""


@dataclass(frozen=True, slots=True)
class Program:
    """All templates of one text."""

    main: Unit
    """The text's own template."""
    units: dict[str, Unit]
    uses_root: bool
    """Whether the main template uses the data in other ways than entry by entry."""
    copied: tuple[tuple[bytes, str | None], ...] | None
    """Texts and names of entries behind them, if the main template does nothing but copy entries of the data."""


def compile_module(module: Module, *, strict: bool, root_type: GoType | None) -> Program:
    """Closures for every template of a module.

    Args:
        module: The syntax tree.
        strict: Whether a key that a map does not have is an error.
        root_type: Type of all values of the root map, if they have one.
    """
    units: dict[str, Unit] = {}
    uses_root = True
    for name, body in module.bodies.items():
        scope = Scope(root=name == module.name)
        compiler = _BodyCompiler(scope, units, strict=strict, root_type=root_type)
        run = compiler.body(body)
        units[name] = Unit(run, scope.slots, _weight(body))
        if name == module.name:
            uses_root = scope.uses_root
    copied = _copied(module.bodies[module.name]) if strict and root_type is not None else None
    return Program(units[module.name], units, uses_root, copied)


def _copied(body: Body) -> tuple[tuple[bytes, str | None], ...] | None:
    """What a body copies, if it has only text and single fields in it; `None` for any other."""
    pieces: list[tuple[bytes, str | None]] = []
    text = b""
    for node in body:
        match node:
            case Text():
                text += to_bytes(node.value)
            case Action(pipeline=Pipeline(commands=(Command(operands=(Field(names=(name,)),)),), variables=())):
                pieces.append((text, name))
                text = b""
            case _:
                return None
    pieces.append((text, None))
    return tuple(pieces)


def _weight(body: Body) -> int:
    """Number of statements that one run may execute, each loop's body counted once."""
    total = 1
    for node in body:
        match node:
            case Conditional():
                total += max(_weight(branch) for _, branch in node.branches) + len(node.branches)
                total += _weight(node.otherwise or ())
            case Range():
                total += 1 + _weight(node.otherwise or ())
            case _:
                total += 1
    return total


class _BodyCompiler:
    """Compiles the statements of one template."""

    def __init__(self, scope: Scope, units: dict[str, Unit], *, strict: bool, root_type: GoType | None) -> None:
        self.scope = scope
        self.units = units
        self.expressions = ExpressionCompiler(scope, strict=strict, root_type=root_type)

    def body(self, body: Body) -> Run:
        """Statements one after the other."""
        runs: list[Run] = []
        jumps = False
        text = ""
        for index, node in enumerate(body):
            if isinstance(node, Text):
                following = body[index + 1] if index + 1 < len(body) else None
                if isinstance(following, Action) and not following.pipeline.variables:
                    text = node.value
                else:
                    runs.append(_write_text(node.value))
                continue
            jumps = jumps or _may_jump(node)
            runs.append(self.action(node, text) if isinstance(node, Action) else self.clause(node))
            text = ""
        return _sequence(runs, jumps=jumps)

    def clause(self, node: Conditional | Range | Jump | Invocation) -> Run:
        """One statement other than text and actions."""
        match node:
            case Conditional():
                return self.conditional(node)
            case Range():
                return self.range(node)
            case Invocation():
                return self.invocation(node)
            case _:
                word = node.word
                return lambda _: word

    def action(self, node: Action, text: str) -> Run:
        """Text and the value of the pipeline behind it."""
        code = self.expressions.pipeline(node.pipeline)
        if node.pipeline.variables:
            return _discard(code.run)
        return _write_value(text, code, node.pipeline.offset)

    # Clauses

    def conditional(self, node: Conditional) -> Run:
        """`if` or `with`."""
        scope = self.scope
        mark = len(scope.declared)
        branches: list[tuple[Run, Run]] = []
        for pipeline, body in node.branches:
            condition = self.expressions.pipeline(pipeline).run
            inner = len(scope.declared)
            run = self.inside(body) if node.word == "with" else self.body(body)
            del scope.declared[inner:]
            branches.append((condition, run))
        otherwise = self.body(node.otherwise) if node.otherwise is not None else None
        del scope.declared[mark:]
        if node.word == "with":
            return _with(branches, otherwise)
        return _if_one(*branches[0], otherwise) if len(branches) == 1 else _if(branches, otherwise)

    def inside(self, body: Body, *, element: bool = False) -> Run:
        """A body whose dot is another value."""
        scope = self.scope
        saved = scope.dot_is_root, scope.dot_is_element
        scope.dot_is_root, scope.dot_is_element = False, element
        run = self.body(body)
        scope.dot_is_root, scope.dot_is_element = saved
        return run

    def range(self, node: Range) -> Run:
        """`range`."""
        scope = self.scope
        mark = len(scope.declared)
        pipeline = node.pipeline
        code, setters = self.range_pipeline(pipeline)
        inner = len(scope.declared)
        body = self.inside(node.body, element=True)
        del scope.declared[inner:]
        otherwise = self.body(node.otherwise) if node.otherwise is not None else None
        del scope.declared[mark:]
        return _range(code.run, setters, body, otherwise, weight=_weight(node.body), offset=pipeline.offset)

    def range_pipeline(self, pipeline: Pipeline) -> tuple[Code, list[Setter]]:
        """What is ranged over, and code that sets the variables to an index and an element."""
        code = self.expressions.pipeline(Pipeline(pipeline.commands, (), assigns=False, offset=pipeline.offset))
        setters: list[Setter] = []
        for name in pipeline.variables:
            if pipeline.assigns:
                setters.append(self.expressions.assignment(name, pipeline.offset))
            else:
                setters.append(self.expressions.declaration(name, element=True))
        return code, setters

    def invocation(self, node: Invocation) -> Run:
        """`template`."""
        argument = self.expressions.pipeline(node.pipeline).run if node.pipeline is not None else None
        units, name, offset = self.units, node.name, node.offset

        def run(frame: Frame) -> object:
            unit = units.get(name)
            if unit is None:
                raise located(FunctionError("the template that is invoked is not defined"), offset)
            context = frame.context
            if frame.depth >= context.limits.recursion:
                raise located(
                    FunctionError(f"templates are invoked inside each other more than {frame.depth} deep"), offset
                )
            dot = argument(frame) if argument is not None else None
            _spend(frame, unit.weight, offset)
            unit.run(Frame(context, frame.out, dot, frame.root, unit.slots, frame.depth + 1))
            return None

        return run


def _may_jump(node: Statement) -> bool:
    """Whether a statement can end the loop around it, or its iteration."""
    match node:
        case Jump():
            return True
        case Conditional():
            bodies = [body for _, body in node.branches]
            return any(_may_jump(inner) for body in [*bodies, node.otherwise or ()] for inner in body)
        case Range():
            return any(_may_jump(inner) for inner in node.otherwise or ())
        case _:
            return False


def _spend(frame: Frame, steps: int, offset: int) -> None:
    """Count work."""
    try:
        frame.context.spend(steps)
    except FunctionError as error:
        raise located(error, offset) from None


def _sequence(runs: list[Run], *, jumps: bool) -> Run:
    """Statements one after the other, stopping at a jump."""
    if len(runs) == 1:
        return runs[0]
    steps = tuple(runs)
    if jumps:

        def run_jumping(frame: Frame) -> object:
            for step in steps:
                word = step(frame)
                if word is not None:
                    return word
            return None

        return run_jumping

    def run(frame: Frame) -> object:
        for step in steps:
            step(frame)
        return None

    return run


def _write_text(text: str) -> Run:
    """Code that writes text."""
    return lambda frame: frame.write(text)


def _discard(code: Run) -> Run:
    """Code that computes a value for its effects."""

    def run(frame: Frame) -> object:
        code(frame)
        return None

    return run


def _write_value(text: str, code: Code, offset: int) -> Run:
    """Code that writes text and a value."""
    value_of = code.run
    if code.type is STRING:

        def write_string(frame: Frame) -> object:
            write = frame.write
            if text:
                write(text)
            write(value_of(frame))  # type: ignore[arg-type]  # the type is known
            return None

        return write_string

    def write_any(frame: Frame) -> object:
        write = frame.write
        if text:
            write(text)
        value = value_of(frame)
        if type(value) is str:
            write(value)
            return None
        try:
            write(show(value, frame.context))
        except FunctionError as error:
            raise located(error, offset) from None
        return None

    return write_any


def _if_one(condition: Run, body: Run, otherwise: Run | None) -> Run:
    """`if` with one condition."""

    def run(frame: Frame) -> object:
        if condition(frame):
            return body(frame)
        return otherwise(frame) if otherwise is not None else None

    return run


def _if(branches: list[tuple[Run, Run]], otherwise: Run | None) -> Run:
    """`if` with several conditions."""

    def run(frame: Frame) -> object:
        for condition, body in branches:
            if condition(frame):
                return body(frame)
        return otherwise(frame) if otherwise is not None else None

    return run


def _with(branches: list[tuple[Run, Run]], otherwise: Run | None) -> Run:
    """`with`."""

    def run(frame: Frame) -> object:
        for condition, body in branches:
            value = condition(frame)
            if value:
                outer, frame.dot = frame.dot, value
                word = body(frame)
                frame.dot = outer
                return word
        return otherwise(frame) if otherwise is not None else None

    return run


def _pairs(value: object, *, indexed: bool, offset: int) -> Iterator[tuple[object, object]]:
    """What a loop goes through: indices or keys, and elements."""
    if is_slice(value):
        return iter(enumerate(value))
    if is_map(value):
        return iter([(key, value[key]) for key in sorted_keys(value)])
    if value is None:
        return iter(())
    if isinstance(value, bytes):
        return ((index, Uint8(byte)) for index, byte in enumerate(value))
    if isinstance(value, int) and not isinstance(value, bool):
        if indexed:
            raise located(FunctionError("can't iterate over an integer with more than one variable"), offset)
        number = type(value) if isinstance(value, SizedInt) else int
        return ((None, number(count)) for count in range(value))
    raise located(FunctionError(f"range can't iterate over a value of type {type_name(value)}"), offset)


def _range(source: Run, setters: list[Setter], body: Run, otherwise: Run | None, *, weight: int, offset: int) -> Run:
    """`range`."""
    indexed = len(setters) > 1
    set_index = setters[0] if indexed else None
    set_element = setters[-1] if setters else None

    def run(frame: Frame) -> object:
        value = source(frame)
        for setter in setters:
            setter(frame, value)
        outer, context, counted, empty = frame.dot, frame.context, len(frame.out), True
        for index, element in _pairs(value, indexed=indexed, offset=offset):
            empty = False
            context.steps += weight
            if context.steps > context.limits.steps:
                _spend(frame, 0, offset)
            if set_index is not None:
                set_index(frame, index)
            if set_element is not None:
                set_element(frame, element)
            frame.dot = element
            if body(frame) == "break":
                break
            if len(frame.out) - counted > _COUNTED_PIECES:
                counted = _count_output(frame, counted, offset)
        frame.dot = outer
        if not empty or otherwise is None:
            return None
        # Go takes a break in the else branch for one of this loop, a continue for one of the loop around it.
        return "continue" if otherwise(frame) == "continue" else None

    return run


def _count_output(frame: Frame, counted: int, offset: int) -> int:
    """Hold the size of new output against the limit; how many pieces there are now."""
    context = frame.context
    context.written += sum(map(len, frame.out[counted:]))
    if context.written > context.limits.output_size:
        raise located(FunctionError(f"the output is larger than {context.limits.output_size} bytes"), offset)
    return len(frame.out)
