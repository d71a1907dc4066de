"""A syntax tree survives being written and read: `parse(to_text(tree)) == tree`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from virtrigaud_secrets.template.functions import NAMES
from virtrigaud_secrets.template.nodes import (
    Action,
    Bool,
    Chain,
    Command,
    Conditional,
    Dot,
    Field,
    Identifier,
    Invocation,
    Jump,
    Module,
    Nil,
    Operand,
    Pipeline,
    Range,
    Statement,
    String,
    Text,
    Variable,
    is_empty,
    to_text,
)
from virtrigaud_secrets.template.numbers import parse_number
from virtrigaud_secrets.template.parser import parse
from virtrigaud_secrets.template.source import Source

names = st.sampled_from(["a", "b_1", "é", "Ünï", "_"])
paths = st.lists(names, min_size=1, max_size=3).map(tuple)
go_strings = st.binary(max_size=6).map(lambda data: data.decode("utf-8", "surrogateescape"))
numbers = st.one_of(
    st.sampled_from(["0", "-1", "0x1F", "1.5", "1e3", "2i", "0b11", "1_000"]).map(
        lambda text: parse_number("number", text, 0)
    ),
    st.sampled_from(["1+2i", "-.5-1i"]).map(lambda text: parse_number("complex", text, 0)),
    st.sampled_from(["'a'", "'\\n'", "'€'"]).map(lambda text: parse_number("character", text, 0)),
)
fields = paths.map(lambda path: Field(path, 0))
roots = st.builds(Variable, st.just("$"), st.one_of(st.just(()), paths), st.just(0))
functions = st.sampled_from(["print", "len", "b64dec", "and"]).map(lambda name: Identifier(name, 0))
constants = st.one_of(
    st.builds(Bool, st.booleans(), st.just(0)), numbers, st.builds(String, go_strings, st.just(0)), st.just(Dot(0))
)
callables = st.one_of(fields, roots, functions)
simple = st.one_of(constants, callables, st.just(Nil(0)))


def operands(pipelines: st.SearchStrategy[Pipeline]) -> st.SearchStrategy[Operand]:
    chains = st.builds(Chain, st.one_of(pipelines, functions), paths, st.just(0))
    return st.one_of(simple, pipelines, chains)


def pipelines_of(inner: st.SearchStrategy[Pipeline]) -> st.SearchStrategy[Pipeline]:
    arguments = st.lists(operands(inner), max_size=3)
    first = st.builds(lambda head, rest: Command((head, *rest), 0), operands(inner), arguments)
    later = st.builds(lambda head, rest: Command((head, *rest), 0), st.one_of(callables, inner), arguments)
    return st.builds(
        lambda head, rest: Pipeline((head, *rest), (), assigns=False, offset=0), first, st.lists(later, max_size=2)
    )


one_command = simple.map(lambda node: Pipeline((Command((node,), 0),), (), assigns=False, offset=0))
pipelines = st.recursive(one_command, pipelines_of, max_leaves=4)
texts = st.text(alphabet="{}ab \n-`*/é", min_size=1, max_size=8)
leaves = st.one_of(
    texts.map(lambda text: Text(text, 0)),
    pipelines.map(lambda pipeline: Action(pipeline, 0)),
    st.builds(Invocation, go_strings, st.one_of(st.none(), pipelines), st.just(0)),
)


def bodies_of(statements: st.SearchStrategy[Statement]) -> st.SearchStrategy[tuple[Statement, ...]]:
    return st.lists(statements, max_size=4).map(merge_texts)


def merge_texts(statements: list[Statement]) -> tuple[Statement, ...]:
    merged: list[Statement] = []
    for node in statements:
        if isinstance(node, Text) and merged and isinstance(last := merged[-1], Text):
            merged[-1] = Text(last.value + node.value, 0)
        else:
            merged.append(node)
    return tuple(merged)


def clauses(statements: st.SearchStrategy[Statement]) -> st.SearchStrategy[Statement]:
    bodies = bodies_of(statements)
    otherwise = st.one_of(st.none(), bodies)
    jumps = st.sampled_from([Jump("break", 0), Jump("continue", 0)])
    branches = st.lists(st.tuples(pipelines, bodies), min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Conditional, st.sampled_from(["if", "with"]), branches, otherwise, st.just(0)),
        st.builds(Range, pipelines, bodies_of(st.one_of(statements, jumps)), otherwise, st.just(0)),
    )


bodies = bodies_of(st.recursive(leaves, clauses, max_leaves=5))


@st.composite
def modules(draw: st.DrawFn) -> Module:
    defined = draw(st.dictionaries(go_strings, bodies, max_size=2))
    main = draw(bodies)
    return Module("tpl", {**{name: body for name, body in defined.items() if name != "tpl"}, "tpl": main})


@given(modules())
@settings(max_examples=200, deadline=None)
def test_text_of_a_tree_gives_the_tree(module: Module) -> None:
    again = parse(Source("tpl", to_text(module)), function_names=NAMES)
    assert again.bodies == module.bodies


@pytest.mark.parametrize("name", ["tpl", "other"])
def test_empty_bodies_are_kept(name: str) -> None:
    module = Module("tpl", {"tpl": (), name: ()})
    assert parse(Source("tpl", to_text(module)), function_names=NAMES).bodies == module.bodies
    assert is_empty(module.bodies[name])
