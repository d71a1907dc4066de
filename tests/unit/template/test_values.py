from collections.abc import Mapping

import pytest

from virtrigaud_secrets.golang.reflect import STRING, GoObject, GoType
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table
from virtrigaud_secrets.template.limits import Limits
from virtrigaud_secrets.template.values import (
    Receiver,
    check_result,
    check_weight,
    children,
    find_method,
    get_field,
    show,
)


class Pair(GoObject):
    go_type = GoType("box.Pair", "struct")

    def go_fields(self) -> Mapping[str, object]:
        return {"A": 1}


class Timer(Receiver):
    go_type = GoType("box.Timer", "struct")
    go_methods = table(Function("Name", lambda _: "timer", (), STRING))
    secret = "hunter2"


def test_fields() -> None:
    assert get_field({"a": 1}, "a", strict=True) == 1
    assert get_field(Pair(), "A", strict=True) == 1
    assert get_field({}, "a", strict=False) is None
    assert get_field(None, "a", strict=False) is None


@pytest.mark.parametrize(
    ("value", "name", "reason"),
    [
        ({}, "a", 'map has no entry for key "a"'),
        (None, "a", 'nil data; no entry for key "a"'),
        (Pair(), "B", "can't evaluate field B in type box.Pair"),
        (Timer(), "secret", "can't evaluate field secret in type box.Timer"),
        ("text", "upper", "can't evaluate field upper in type string"),
        ([], "append", "can't evaluate field append in type"),
        ({}, "keys", "no entry"),
        ("x", "__class__", "can't evaluate"),
        (Pair(), "go_type", "can't evaluate"),
    ],
)
def test_no_such_field(value: object, name: str, reason: str) -> None:
    with pytest.raises(FunctionError) as caught:
        get_field(value, name, strict=True)
    assert reason in caught.value.reason


def test_methods_are_those_listed() -> None:
    method = find_method(Timer(), "Name")
    assert method is not None
    assert method.name == "Name"
    assert find_method(Timer(), "secret") is None
    assert find_method(Pair(), "go_fields") is None
    assert find_method("x", "upper") is None


def test_what_an_action_writes() -> None:
    assert show(None, Context()) == "<no value>"
    assert show([1, "a"], Context()) == "[1 a]"
    with pytest.raises(FunctionError, match="too large"):
        show(["abcdef"], Context(Limits(value_size=5)))


def test_results() -> None:
    limits = Limits(value_size=5000, items=3, made_size=10_000)
    check_result("x" * 5000, Context(limits))
    check_result(1, Context(limits))
    check_result([1, 2, 3], Context(limits))
    with pytest.raises(FunctionError, match="larger than 5000 bytes"):
        check_result(b"x" * 5001, Context(limits))
    with pytest.raises(FunctionError, match="more than 3 elements"):
        check_result({"a": 1, "b": 2, "c": 3, "d": 4}, Context(limits))


def test_children() -> None:
    assert list(children([1, 2])) == [1, 2]
    assert list(children({"a": 1})) == [1]
    assert list(children("ab")) == []


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth_is_limited() -> None:
    limits = Limits(depth=5)
    check_weight(nested(5), Context(limits))
    with pytest.raises(FunctionError, match="nested more than 5 deep"):
        check_weight(nested(6), Context(limits))


def test_depth_counts_what_is_reached_a_second_time_deeper() -> None:
    shared = nested(4)
    check_weight([shared, [shared]], Context(Limits(depth=6)))
    with pytest.raises(FunctionError, match="nested"):
        check_weight([shared, [[shared]]], Context(Limits(depth=6)))


def test_shared_values_weigh_each_time() -> None:
    value: list[object] = ["x"]
    for _ in range(40):
        value = [value, value]
    with pytest.raises(FunctionError, match="holds more than 200000 values"):
        check_weight(value, Context())


def test_a_value_that_contains_itself_is_refused() -> None:
    value: dict[str, object] = {}
    value["self"] = [value]
    with pytest.raises(FunctionError, match="contains itself"):
        check_weight(value, Context())


def test_weighing_costs_steps() -> None:
    context = Context()
    check_weight(["x"] * 6400, context)
    assert context.steps == 100
    check_weight("x" * 6400, context)
    assert context.steps == 100
