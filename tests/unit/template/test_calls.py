import pytest

from virtrigaud_secrets.golang.reflect import (
    ANY,
    ANY_MAP,
    ANY_SLICE,
    BOOL,
    COMPLEX128,
    FLOAT32,
    FLOAT64,
    INT,
    INT64,
    REFLECT_VALUE,
    STRING,
    UINT8,
    UINT32,
    Float32,
    GoType,
    Int64,
    Uint8,
    Uint32,
    is_nil,
    pointer_to,
    type_name,
)
from virtrigaud_secrets.template.calls import Code, call, call_method, constant, convert, untyped_constant, wrong_count
from virtrigaud_secrets.template.frame import Frame
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError
from virtrigaud_secrets.template.limits import Limits
from virtrigaud_secrets.template.nodes import Bool, Nil, Number, Operand, String
from virtrigaud_secrets.template.numbers import parse_number
from virtrigaud_secrets.template.values import Receiver

ALGORITHM = GoType("sprig.HashAlgorithm", "string")


def frame(limits: Limits = Limits()) -> Frame:  # noqa: B008 - frozen
    return Frame(Context(limits), [], None, {}, 1, 0)


def value(content: object, *, element: bool = False) -> Code:
    return Code(constant(content), 9, element=element)


def literal(node: Operand) -> Code:
    content = untyped_constant(node) if isinstance(node, Number) else getattr(node, "value", None)
    return Code(constant(content), 9, None, node)


def number(text: str) -> Number:
    return parse_number("number", text, 0)


@pytest.mark.parametrize(
    ("code", "wanted", "result"),
    [
        (literal(number("3")), INT, 3),
        (literal(number("3.0")), INT, 3),
        (literal(number("3")), INT64, Int64(3)),
        (literal(number("300")), UINT8, Uint8(44)),
        (literal(number("3")), UINT32, Uint32(3)),
        (literal(number("3")), FLOAT64, 3.0),
        (literal(number("3")), FLOAT32, Float32(3)),
        (literal(number("3i")), COMPLEX128, 3j),
        (literal(number("3")), ANY, 3),
        (literal(String("a", 0)), STRING, "a"),
        (literal(String("a", 0)), ALGORITHM, "a"),
        (literal(Bool(value=False, offset=0)), BOOL, False),
        (literal(Nil(0)), ANY, None),
        (literal(Nil(0)), REFLECT_VALUE, None),
        (literal(Nil(0)), pointer_to(INT), None),
        (value("a"), STRING, "a"),
        (value("a"), REFLECT_VALUE, "a"),
        (value(Int64(1)), INT64, Int64(1)),
        (value(True), BOOL, True),
        (value(None), ANY, None),
        (value({}), ANY_MAP, {}),
    ],
)
def test_arguments_that_fit(code: Code, wanted: GoType, result: object) -> None:
    converted = convert(code, wanted)(frame())
    assert converted == result
    assert type(converted) is type(result)


@pytest.mark.parametrize(
    ("code", "wanted", "reason"),
    [
        (literal(number("2.5")), INT, "expected integer"),
        (literal(number("-1")), UINT32, "expected unsigned integer"),
        (literal(number("1i")), FLOAT64, "expected float"),
        (literal(String("a", 0)), INT, "expected integer"),
        (literal(number("1")), STRING, "expected string"),
        (literal(number("1")), BOOL, "expected bool"),
        (literal(number("1")), ANY_MAP, "can't handle a constant for an argument of type map"),
        (literal(Nil(0)), STRING, "cannot assign nil to string"),
        (value(1), STRING, "wrong type for value; expected string; got int"),
        (value(1), INT64, "expected int64; got int"),
        (value("sha"), ALGORITHM, "expected sprig.HashAlgorithm; got string"),
        (value(None), STRING, "invalid value; expected string"),
        (value(None, element=True), ANY_MAP, "wrong type for value; expected map.*; got interface {}"),
    ],
)
def test_arguments_that_do_not_fit(code: Code, wanted: GoType, reason: str) -> None:
    with pytest.raises(FunctionError, match=reason) as caught:
        convert(code, wanted)(frame())
    assert caught.value.offset == 9


def test_nil_becomes_the_nil_of_the_type() -> None:
    for code in (literal(Nil(0)), value(None)):
        for wanted in (ANY_MAP, ANY_SLICE):
            converted = convert(code, wanted)(frame())
            assert is_nil(converted)
            assert type_name(converted) == wanted.name


def test_large_texts_cost_steps() -> None:
    running = frame()
    convert(value("x" * 100_000), STRING)(running)
    assert running.context.steps == 24


def test_counts() -> None:
    fixed = Function("f", print, (INT, INT))
    assert wrong_count(fixed, 2) is None
    assert wrong_count(fixed, 1) == "wrong number of args for f: want 2 got 1"
    variadic = Function("v", print, (INT,), variadic=INT)
    assert wrong_count(variadic, 5) is None
    assert wrong_count(variadic, 0) == "wrong number of args for v: want at least 1 got 0"


def joined(*values: object) -> str:
    return "".join(map(str, values))


@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize("context", [False, True])
@pytest.mark.parametrize("with_final", [False, True])
def test_calls_of_any_size(count: int, context: bool, with_final: bool) -> None:
    def target(*values: object) -> str:
        return joined(*values[1:]) if context else joined(*values)

    function = Function("f", target, (), STRING, variadic=ANY, context=context)
    arguments = [literal(number("1")), value("b"), value("c")][:count]
    final = value("z") if with_final else None
    assert call(function, arguments, final, 5)(frame()) == "1bc"[:count] + "z" * with_final


@pytest.mark.parametrize("count", [1, 2, 3])
def test_refusals_carry_the_name_and_the_place(count: int) -> None:
    def refuse(*_: object) -> str:
        raise FunctionError("no")

    function = Function("f", refuse, (), STRING, variadic=ANY)
    with pytest.raises(FunctionError) as caught:
        call(function, [literal(number("1")), *[value("x")] * (count - 1)], None, 5)(frame())
    assert (caught.value.reason, caught.value.offset) == ("error calling f: no", 5)


def test_the_innermost_place_counts() -> None:
    def refuse(_: object) -> object:
        raise FunctionError("no")

    inner = Code(call(Function("f", refuse, (ANY,)), [value(1)], None, 3), 3)
    with pytest.raises(FunctionError) as caught:
        call(Function("g", joined, (ANY,)), [inner], None, 7)(frame())
    assert (caught.value.reason, caught.value.offset) == ("error calling f: no", 3)


def test_a_text_with_an_argument_in_it_is_shown_for_constants_only() -> None:
    def refuse(text: str) -> object:
        raise FunctionError(text, constant_only=True)

    function = Function("fail", refuse, (STRING,))
    with pytest.raises(FunctionError) as caught:
        call(function, [literal(String("stop", 0))], None, 0)(frame())
    assert caught.value.reason == "error calling fail: stop"
    with pytest.raises(FunctionError) as caught:
        call(function, [value("hunter2")], None, 0)(frame())
    assert "hunter2" not in str(caught.value.reason)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_are_held_against_the_limits(count: int) -> None:
    def long(*_: object) -> str:
        return "x" * 5000

    arguments = [literal(number("1")), *[value("x")] * (count - 1)]
    run = call(Function("f", long, (), STRING, variadic=ANY), arguments, None, 0)
    assert run(frame()) == "x" * 5000
    with pytest.raises(FunctionError, match="larger than 4999 bytes"):
        run(frame(Limits(value_size=4999)))
    bounded = call(Function("f", long, (), STRING, variadic=ANY, bounded=True), arguments, None, 0)
    assert bounded(frame(Limits(value_size=4999))) == "x" * 5000


@pytest.mark.parametrize("count", [1, 2])
def test_walkers_get_no_cycles(count: int) -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    function = Function("f", joined, (), STRING, variadic=ANY, walks=True)
    with pytest.raises(FunctionError, match="contains itself"):
        call(function, [value(cycle)] * count, None, 0)(frame())


class Box(Receiver):
    go_type = GoType("box.Box", "struct")


def test_methods() -> None:
    def plus(_: object, amount: int) -> int:
        return 1 + amount

    def limit(context: Context, _: object) -> int:
        return context.limits.items

    box = Box()
    assert call_method(Function("Plus", plus, (INT,), INT), box, [literal(number("2"))], frame(), 4) == 3
    assert call_method(Function("Limit", limit, (), INT, context=True), box, [], frame(), 4) == Limits().items
    with pytest.raises(FunctionError, match="wrong number of args for Plus: want 1 got 0") as caught:
        call_method(Function("Plus", plus, (INT,), INT), box, [], frame(), 4)
    assert caught.value.offset == 4


def test_methods_refuse() -> None:
    def refuse(_: object) -> object:
        raise FunctionError("no")

    with pytest.raises(FunctionError, match="no") as caught:
        call_method(Function("M", refuse), Box(), [], frame(), 4)
    assert (caught.value.reason, caught.value.offset) == ("error calling M: no", 4)


def test_constants_without_a_wanted_type() -> None:
    texts = ["1", "1.0", "0x1F", "1e3", "0x1p1", "2i", "-1"]
    assert [untyped_constant(number(text)) for text in texts] == [1, 1.0, 31, 1000.0, 2.0, 2j, -1]
    assert untyped_constant(parse_number("character", "'.'", 0)) == 46
    with pytest.raises(FunctionError, match="overflows int"):
        untyped_constant(number("18446744073709551615"))
