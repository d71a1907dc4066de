from __future__ import annotations

import pytest

from virtrigaud_secrets.gjson.path import (
    ArrayStep,
    ObjectStep,
    Query,
    Selector,
    Step,
    array_step,
    last_name,
    object_step,
    selectors,
    split_pipe,
    trim,
)


@pytest.mark.parametrize(
    ("path", "part", "rest", "pipe", "wild"),
    [
        ("a.b.c", "a", "b.c", None, False),
        ("a|b", "a", None, "b", False),
        ("a", "a", None, None, False),
        (r"a\.b.c", "a.b", "c", None, False),
        (r"a\*b*", "a*b*", None, None, True),
        ("a?", "a?", None, None, True),
        ("a\\", "a", None, None, False),
        ("a.@this", "a", None, "@this", False),
        ("a.@nope", "a", "@nope", None, False),
        ("a.@keys:1", "a", None, "@keys:1", False),
        ("a.[b]", "a", None, "[b]", False),
        ("a.", "a", "", None, False),
        (r"a\|b|c", "a|b", None, "c", False),
    ],
)
def test_object_step(path: str, part: str, rest: str | None, pipe: str | None, wild: bool) -> None:
    assert object_step(path) == ObjectStep(Step(part, rest, pipe), wild)


@pytest.mark.parametrize(
    ("path", "step", "counting", "each"),
    [
        ("0.a", Step("0", "a", None), False, None),
        ("0|a", Step("0", None, "a"), False, None),
        ("0.@this", Step("0", None, "@this"), False, None),
        ("#", Step("#", None, None), True, None),
        ("#.a", Step("#", "a", None), True, "a"),
        ("#.@this", Step("#", "@this", None), True, "@this"),
        ("a#", Step("a#", None, None), True, None),
    ],
)
def test_array_step(path: str, step: Step, counting: bool, each: str | None) -> None:
    assert array_step(path) == ArrayStep(step, counting, each, None)


@pytest.mark.parametrize(
    ("part", "position"),
    [("0", 0), ("007", 7), ("x", -1), ("", -1), ("-1", -1), (str(2**64 + 3), 3), (str(2**63), -1), ("\u0663", -1)],
)
def test_positions(part: str, position: int) -> None:
    assert array_step(part).position == position


@pytest.mark.parametrize(
    ("path", "query", "rest"),
    [
        ("#(a)", Query("a", "", "", every=False), None),
        ("#(a==1)#.b", Query("a", "=", "1", every=True), "b"),
        ('#( a != "x)" ).b', Query("a", "!=", "x)", every=False), "b"),
        ('#(a%"x\\"y")', Query("a", "%", 'x"y', every=False), None),
        ("#[a!%x*]", Query("a", "!%", "x*", every=False), None),
        ("#(>=5)", Query("", ">=", "5", every=False), None),
        ("#(<5)", Query("", "<", "5", every=False), None),
        ("#(a.#(b==1).c)", Query("a.#(b==1).c", "", "", every=False), None),
        ("#(a=)", Query("a", "=", "", every=False), None),
        ("#(a!)", Query("a", "!", "", every=False), None),
        ("#(a!b)", Query("a", "", "!b", every=False), None),
        (r"#(a\)=1)", Query(r"a\)", "=", "1", every=False), None),
        ("#(a", Query("", "", "", every=False), None),
        ('#(a="', Query("", "", "", every=False), None),
    ],
)
def test_queries(path: str, query: Query, rest: str | None) -> None:
    step = array_step(path)

    assert step.query == query
    assert step.step.rest == rest


@pytest.mark.parametrize(
    ("path", "left", "right"),
    [
        ("a.b", "a.b", None),
        ("a|b|c", "a", "b|c"),
        (r"a\|b", r"a\|b", None),
        ("a.#(b|c)|d", "a.#(b|c)", "d"),
        ('a.#["|\\"]"=="[]"]|d', 'a.#["|\\"]"=="[]"]', "d"),
        (r"a.#[b\]|[c]]|d", r"a.#[b\]|[c]]", "d"),
        ("a.#(b|c", "a.#(b|c", None),
        ("a.#|b", "a.#|b", None),
        ("a|.", "a", "."),
        (".|", ".", ""),
        ("{a|b}|c", "{a|b}", "c"),
        ("{a|b}.c", "{a|b}.c", None),
    ],
)
def test_split_pipe(path: str, left: str, right: str | None) -> None:
    assert split_pipe(path) == (left, right)


@pytest.mark.parametrize(
    ("path", "members", "rest"),
    [
        ("[a,b]", [Selector("", "a"), Selector("", "b")], ""),
        ('{"x":a,y:b}.c', [Selector('"x"', "a"), Selector("y", "b")], ".c"),
        ("[a.@join:1,#(b,c)]|d", [Selector("", "a.@join:1"), Selector("", "#(b,c)")], "|d"),
        (r'[a\,b,"c,\"d"]', [Selector("", r"a\,b"), Selector("", r'"c,\"d"')], ""),
        ("[a]b", None, "b"),
        ("[a", None, ""),
    ],
)
def test_selectors(path: str, members: list[Selector] | None, rest: str) -> None:
    assert selectors(path) == (members, rest)


@pytest.mark.parametrize(
    ("path", "name"), [("a.b", "b"), ("a|b", "b"), (r"a\.b", r"a\.b"), ("a", "a"), ("a.#", "_"), (".x", "x")]
)
def test_last_name(path: str, name: str) -> None:
    assert last_name(path) == name


def test_trim() -> None:
    assert trim("\x00 \n a b\x1f") == "a b"
