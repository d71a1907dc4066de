"""Compiled templates give what a naive evaluator of the same tree gives: one that walks it and looks names up."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from virtrigaud_secrets.errors import TemplateError
from virtrigaud_secrets.golang.fmt import sprint
from virtrigaud_secrets.template import render
from virtrigaud_secrets.template.functions import NAMES
from virtrigaud_secrets.template.nodes import (
    Action,
    Body,
    Bool,
    Command,
    Conditional,
    Dot,
    Field,
    Identifier,
    Jump,
    Module,
    Nil,
    Number,
    Operand,
    Pipeline,
    Range,
    String,
    Text,
    Variable,
    to_text,
)
from virtrigaud_secrets.template.numbers import parse_number
from virtrigaud_secrets.template.parser import parse
from virtrigaud_secrets.template.source import Source

DATA = {"a": "x", "b": "", "c": "héllo"}


class FailedError(Exception):
    """The naive evaluator cannot go on."""


class JumpError(Exception):
    """`break` or `continue`."""


@dataclass
class Naive:
    """Go's rules, one recursive function each, and a stack of variables searched by name."""

    stack: list[list[object]] = field(default_factory=lambda: [["$", DATA]])
    out: list[str] = field(default_factory=list)

    def body(self, body: Body, dot: object) -> None:
        for node in body:
            match node:
                case Text():
                    self.out.append(node.value)
                case Action():
                    value = self.pipeline(node.pipeline, dot)
                    if not node.pipeline.variables:
                        self.out.append("<no value>" if value is None else sprint(value))
                case Jump():
                    raise JumpError(node.word)
                case Conditional():
                    mark = len(self.stack)
                    try:
                        self.conditional(node, dot)
                    finally:
                        del self.stack[mark:]
                case Range():
                    mark = len(self.stack)
                    try:
                        self.range(node, dot)
                    finally:
                        del self.stack[mark:]
                case _:
                    raise AssertionError(node)

    def conditional(self, node: Conditional, dot: object) -> None:
        for pipeline, body in node.branches:
            value = self.pipeline(pipeline, dot)
            if value:
                self.body(body, value if node.word == "with" else dot)
                return
        self.body(node.otherwise or (), dot)

    def range(self, node: Range, dot: object) -> None:
        pairs = pairs_of(self.pipeline(node.pipeline, dot), indexed=len(node.pipeline.variables) > 1)
        mark = len(self.stack)
        try:
            for pair in pairs:
                self.iteration(node, pair)
                del self.stack[mark:]
            if not pairs:
                self.body(node.otherwise or (), dot)
        except JumpError as jump:
            if jump.args[0] != "break":
                raise

    def iteration(self, node: Range, pair: tuple[object, object]) -> None:
        names = node.pipeline.variables
        for name, content in zip(names, pair if len(names) > 1 else pair[1:], strict=False):
            self.assign(name, content)
        try:
            self.body(node.body, pair[1])
        except JumpError as jump:
            if jump.args[0] == "break":
                raise

    def assign(self, name: str, value: object) -> None:
        for slot in reversed(self.stack):
            if slot[0] == name:
                slot[1] = value
                return
        raise FailedError

    def pipeline(self, pipeline: Pipeline, dot: object) -> object:
        final: list[object] = []
        for command in pipeline.commands:
            final = [self.command(command, final, dot)]
        for name in pipeline.variables:
            if pipeline.assigns:
                self.assign(name, final[0])
            else:
                self.stack.append([name, final[0]])
        return final[0]

    def command(self, command: Command, final: list[object], dot: object) -> object:
        first, *rest = command.operands
        if isinstance(first, Identifier):
            return self.call(first.name, rest, final, dot)
        if rest or final or isinstance(first, Nil):
            raise FailedError
        return self.operand(first, dot)

    def operand(self, node: Operand, dot: object) -> object:  # noqa: PLR0911 - one line a kind of node
        match node:
            case Pipeline():
                return self.pipeline(node, dot)
            case Dot():
                return dot
            case Field():
                return self.fields(dot, node.names)
            case Variable():
                for name, value in reversed(self.stack):
                    if name == node.name:
                        return self.fields(value, node.names)
                raise FailedError
            case Number():
                return node.integer if "." not in node.text else node.real
            case String() | Bool():
                return node.value
            case _:
                return None

    def fields(self, value: object, names: tuple[str, ...]) -> object:
        for name in names:
            if not isinstance(value, dict) or name not in value:
                raise FailedError
            value = value[name]
        return value

    def call(self, name: str, arguments: list[Operand], final: list[object], dot: object) -> object:
        if name in {"and", "or"}:
            return self.junction(name, arguments, final, dot)
        values = [self.operand(argument, dot) for argument in arguments] + final
        if name == "list":
            return values
        if name == "print":
            return sprint(*values)
        if len(values) != 1:
            raise FailedError
        return not values[0] if name == "not" else length(values[0])

    def junction(self, name: str, arguments: list[Operand], final: list[object], dot: object) -> object:
        value: object = None
        for argument in arguments:
            value = self.operand(argument, dot)
            if bool(value) is (name == "or"):
                return value
        if not arguments and not final:
            raise FailedError
        return final[0] if final else value


def pairs_of(value: object, *, indexed: bool) -> list[tuple[object, object]]:
    if isinstance(value, list):
        return list(enumerate(value))
    if isinstance(value, dict):
        return [(key, value[key]) for key in sorted(value)]
    if isinstance(value, int) and not isinstance(value, bool) and not indexed:
        return [(None, number) for number in range(value)]
    if value is not None:
        raise FailedError
    return []


def length(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, (list, dict)):
        return len(value)
    raise FailedError


names = st.sampled_from(["$x", "$y", "$"])
numbers = st.sampled_from(["0", "1", "3", "2.5", "0.0"]).map(lambda text: parse_number("number", text, 0))
simple = st.one_of(
    numbers,
    st.sampled_from(["", "s", "é"]).map(lambda text: String(text, 0)),
    st.builds(Bool, st.booleans(), st.just(0)),
    st.sampled_from(["a", "b", "c", "missing"]).map(lambda name: Field((name,), 0)),
    st.just(Dot(0)),
    st.builds(Variable, names, st.sampled_from([(), (), ("a",)]), st.just(0)),
)
heads = st.sampled_from(["print", "list", "list", "not", "len", "and", "or"]).map(lambda name: Identifier(name, 0))


def pipelines_of(inner: st.SearchStrategy[Pipeline]) -> st.SearchStrategy[Pipeline]:
    arguments = st.lists(st.one_of(simple, inner, st.just(Nil(0))), max_size=3)
    command = st.builds(lambda head, rest: Command((head, *rest), 0), heads, arguments)
    one = st.one_of(simple, inner).map(lambda node: Command((node,), 0))
    variables = st.sampled_from([(), (), (), (), ("$x",), ("$y",)])
    return st.builds(
        lambda head, rest, names, assigns: Pipeline((head, *rest), names, assigns=assigns and bool(names), offset=0),
        st.one_of(one, command),
        st.lists(command, max_size=1),
        variables,
        st.booleans(),
    )


base = simple.map(lambda node: Pipeline((Command((node,), 0),), (), assigns=False, offset=0))
pipelines = st.recursive(base, pipelines_of, max_leaves=5)
plain = pipelines.map(lambda pipeline: Pipeline(pipeline.commands, (), assigns=False, offset=0))
leaves = st.one_of(
    st.sampled_from(["a", "é", " "]).map(lambda text: Text(text, 0)),
    pipelines.map(lambda pipeline: Action(pipeline, 0)),
)


def clauses(statements: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    bodies = st.lists(statements, max_size=3).map(tuple)
    jumps = st.sampled_from([Jump("break", 0), Jump("continue", 0)])
    otherwise = st.one_of(st.none(), bodies)
    ranged = st.builds(
        lambda pipeline, variables: Pipeline(pipeline.commands, variables, assigns=bool(variables), offset=0),
        plain,
        st.sampled_from([(), ("$x",), ("$x", "$y")]),
    )
    branches = st.lists(st.tuples(pipelines, bodies), min_size=1, max_size=2).map(tuple)
    return st.one_of(
        st.builds(Conditional, st.sampled_from(["if", "with"]), branches, otherwise, st.just(0)),
        st.builds(Range, ranged, st.lists(st.one_of(statements, jumps), max_size=3).map(tuple), otherwise, st.just(0)),
    )


templates = st.lists(st.recursive(leaves, clauses, max_leaves=8), min_size=1, max_size=4).map(tuple)
PREFIX = "{{ $x := 1 }}{{ $y := list 1 2 }}"


@given(templates)
@settings(max_examples=200, deadline=None)
def test_the_output_is_the_naive_one(body: Body) -> None:
    text = PREFIX + to_text(Module("tpl", {"tpl": body}))
    tree = parse(Source("tpl", text), function_names=NAMES).bodies["tpl"]
    naive = Naive()
    try:
        naive.body(tree, DATA)
        expected = "".join(naive.out)
    except FailedError:
        expected = None
    try:
        output = render(text, {key: value.encode() for key, value in DATA.items()}).decode()
    except TemplateError as error:
        output = "crash" if "internal error" in error.reason else None
    assert output == expected, text
