from __future__ import annotations

import pytest

from virtrigaud_secrets import gjson
from virtrigaud_secrets.gjson.evaluate import evaluate
from virtrigaud_secrets.gjson.limits import Budget
from virtrigaud_secrets.gjson.shortcut import compile_path

DOCUMENTS = (
    '{"a":1,"b":"x","c":{"a":[1,2],"d.e":null},"f":[{}],"g":true}',
    '{"a":{"b":1},"a":{"c":2},"b":[[1]],"c":3}',
    ' x {"\\u0061":5,"a":"\\n","b":"un',
    '{"a" b:1} , {"b":2}',
    "[1,2]",
    '{"b":"a","c":"b","a":nan}',
    '{"x":(1),"a":n',
)


@pytest.mark.parametrize("path", ["a", "b", "c", "c.a", r"c.d\.e", "f", "g", "a.b", "a.c", "0"])
def test_it_agrees_with_the_evaluator(path: str) -> None:
    expression = compile_path(path)
    assert expression is not None
    for document in DOCUMENTS:
        found, slow = gjson.get(document, path), evaluate(document, path, Budget(document))
        assert (found.kind, found.raw) == (slow.kind, slow.raw)


def test_it_finds_plain_members() -> None:
    expression = compile_path("c.a")

    assert expression is not None
    assert expression.match(DOCUMENTS[0]) is not None


@pytest.mark.parametrize("path", ["", "a|b", "a.#", "*", "@this", "a..b", ".".join("abcdefghi"), "a" * 300])
def test_other_paths_are_left_to_the_evaluator(path: str) -> None:
    assert compile_path(path) is None
