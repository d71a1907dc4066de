import pytest

from virtrigaud_secrets.golang.reflect import (
    ANY_MAP,
    ANY_SLICE,
    BOOL,
    INT,
    STRING,
    STRING_MAP,
    UINT8,
    GoObject,
    GoType,
    Int64,
    TypedMap,
    TypedSlice,
    Uint64,
    map_of,
    slice_of,
    to_string,
    type_name,
)
from virtrigaud_secrets.template import TemplateExecutionError, render
from virtrigaud_secrets.template.functions.builtins import FUNCTIONS, zero_value
from virtrigaud_secrets.template.functions.table import Context, FunctionError
from virtrigaud_secrets.template.limits import Limits


class Stamp(GoObject):
    go_type = GoType("box.Stamp", "struct")

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stamp) and other.number == self.number

    def __hash__(self) -> int:
        return self.number


class Other(GoObject):
    go_type = GoType("box.Other", "struct")


def call(name: str, *arguments: object) -> object:
    function = FUNCTIONS[name]
    return function.call(Context(), *arguments) if function.context else function.call(*arguments)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1, True),
        (1, 2, False),
        (1, Int64(1), True),
        (1, Uint64(1), True),
        (-1, Uint64(2**64 - 1), False),
        ("a", "a", True),
        (1.5, 1.5, True),
        (True, False, False),
        (1j, 1j, True),
        (None, None, True),
        (None, 1, False),
        ("", None, False),
        ([], None, False),
        (TypedSlice(ANY_SLICE, is_nil=True), None, True),
        (TypedSlice(ANY_SLICE, is_nil=True), [], False),
        (Stamp(1), Stamp(1), True),
        (Stamp(1), Stamp(2), False),
        (Stamp(1), Other(), False),
        (None, Stamp(1), False),
    ],
)
def test_equality(left: object, right: object, equal: bool) -> None:
    assert call("eq", left, right) is equal
    assert call("ne", left, right) is not equal


def test_equal_to_any() -> None:
    assert call("eq", 1, 2, 3, 1, "a") is True
    assert call("eq", 1, 2, 3) is False


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        (1, "a", "incompatible types for comparison: int and string"),
        (1, 1.0, "int and float64"),
        (True, 1, "bool and int"),
        ([], {}, "incompatible types"),
        ([], "a", "incompatible types"),
        (TypedSlice(ANY_SLICE, is_nil=True), {}, "incompatible types"),
        ([], [], "non-comparable type"),
        (b"a", b"a", "non-comparable type"),
        ({}, {}, "non-comparable type"),
    ],
)
def test_what_cannot_be_equal(left: object, right: object, reason: str) -> None:
    with pytest.raises(FunctionError, match=reason):
        call("eq", left, right)


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        (1, 2, -1),
        (2, 2, 0),
        ("a", "b", -1),
        ("é", "z", 1),
        (to_string(b"\xff"), "\U0001f600", 1),
        (1.5, 2.5, -1),
        (-1, Uint64(0), -1),
        (Uint64(2**64 - 1), -1, 1),
    ],
)
def test_order(left: object, right: object, order: int) -> None:
    assert call("lt", left, right) is (order < 0)
    assert call("le", left, right) is (order <= 0)
    assert call("gt", left, right) is (order > 0)
    assert call("ge", left, right) is (order >= 0)


@pytest.mark.parametrize(("left", "right"), [(1, "a"), (True, False), (None, 1), ([], []), (1j, 1j), (1, 1.5)])
def test_what_has_no_order(left: object, right: object) -> None:
    with pytest.raises(FunctionError, match="comparison"):
        call("lt", left, right)


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ((["a", "b"], 1), "b"),
        (({"a": 1}, "a"), 1),
        (({"a": 1}, "b"), None),
        ((TypedMap(STRING_MAP, {}), "b"), ""),
        (("aé", 1), 0xC3),
        ((b"ab", 1), 98),
        (({"a": [1, 2]}, "a", 1), 2),
        (([1],), [1]),
        (([1, 2], Int64(1)), 2),
    ],
)
def test_index(arguments: tuple[object, ...], result: object) -> None:
    assert call("index", *arguments) == result


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((None,), "untyped nil"),
        (({"a": None}, "a", "b"), "nil pointer"),
        (([1], 1), "out of range"),
        (([1], -1), "out of range"),
        (([1], "a"), "with type string"),
        (([1], None), "with nil"),
        (([1], True), "with type bool"),
        (({}, 1), "must be a string"),
        ((5, 1), "can't index item of type int"),
    ],
)
def test_what_has_no_index(arguments: tuple[object, ...], reason: str) -> None:
    with pytest.raises(FunctionError, match=reason):
        call("index", *arguments)


def test_zero_values() -> None:
    elements = [STRING, BOOL, INT, ANY_MAP, ANY_SLICE, UINT8]
    zeros = [zero_value(map_of(STRING, element)) for element in elements]
    assert zeros == ["", False, 0, {}, [], None]
    assert type_name(zeros[3]) == "map[string]interface {}"
    assert zero_value(None) is None
    assert zero_value(ANY_MAP) is None
    assert zero_value(map_of(STRING, slice_of(INT))) == []


def test_len() -> None:
    assert [call("len", value) for value in ("aé", b"abc", [1], {}, to_string(b"\xff"))] == [3, 3, 1, 0, 1]
    with pytest.raises(FunctionError, match="nil pointer"):
        call("len", None)
    with pytest.raises(FunctionError, match="len of type int"):
        call("len", 1)


def test_logic() -> None:
    assert call("not", "") is True
    assert call("not", [0]) is False
    assert call("not", None) is True
    for name in ("and", "or"):
        with pytest.raises(FunctionError):
            call(name, 1)


def test_nothing_can_be_called() -> None:
    with pytest.raises(FunctionError, match="call of nil"):
        call("call", None)
    with pytest.raises(FunctionError, match="non-function of type string"):
        call("call", "x", 1)


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("print", ("a", 1, 2), "a1 2"),
        ("println", ("a", 1), "a 1\n"),
        ("printf", ("%d-%s", 1, "x"), "1-x"),
        ("html", ("<a href='x'>&\"\x00",), "&lt;a href=&#39;x&#39;&gt;&amp;&#34;\ufffd"),
        ("html", (None,), "&lt;no value&gt;"),
        ("html", (1, 2), "1 2"),
        ("js", ("'\"\\<>&=\n\x7fé\u2028\u00a0",), "\\'\\\"\\\\\\u003C\\u003E\\u0026\\u003D\\u000A\x7fé\\u2028\\u00A0"),
        ("js", (to_string(b"\xff"),), to_string(b"\xff")),
        ("urlquery", ("a b&c/é~-_.",), "a+b%26c%2F%C3%A9~-_."),
        ("urlquery", (to_string(b"\xff"),), "%FF"),
    ],
)
def test_text(name: str, arguments: tuple[object, ...], result: str) -> None:
    assert call(name, *arguments) == result


@pytest.mark.parametrize(
    ("name", "arguments"), [("print", ("abcdef", 1)), ("println", ("abcdef",)), ("printf", ("%s", "abcdef"))]
)
def test_text_is_limited(name: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(FunctionError, match="too large"):
        FUNCTIONS[name].call(Context(Limits(value_size=5)), *arguments)


def test_a_comparison_needs_two() -> None:
    with pytest.raises(TemplateExecutionError, match="missing argument for comparison"):
        render("{{ eq 1 }}", {})
