"""Sprig's arithmetic, conversions and sequences.

Conversions follow `golang.cast`; floats are added and multiplied as decimals, as sprig does. Random numbers are
`randomness`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Final

from virtrigaud_secrets.golang.cast import to_float, to_int
from virtrigaud_secrets.golang.reflect import (
    ANY,
    FLOAT64,
    INT,
    INT64,
    INT_SLICE,
    STRING,
    Int64,
    TypedSlice,
    wrap_int,
)
from virtrigaud_secrets.golang.strconv import NumberError, parse_int
from virtrigaud_secrets.template.functions.conversion import printed
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

_DIVISION_DIGITS: Final = 10**16
"""Quotients are rounded to sixteen decimal places."""
_HALF: Final = 0.5
_POWER_LIMIT: Final = 1 << 12


def _atoi(text: str) -> int:
    try:
        return parse_int(text)
    except NumberError as error:
        return int(error.nearest)


def _to_decimal(context: Context, value: object) -> Int64:
    try:
        return Int64(parse_int(printed(context, value), 8))
    except NumberError:
        return Int64(0)


def _int64(value: object) -> Int64:
    return Int64(to_int(value))


def _add(*values: object) -> Int64:
    return Int64.wrap(sum(to_int(value) for value in values))


def _add1(value: object) -> Int64:
    return Int64.wrap(to_int(value) + 1)


def _sub(one: object, other: object) -> Int64:
    return Int64.wrap(to_int(one) - to_int(other))


def _mul(first: object, *values: object) -> Int64:
    product = to_int(first)
    for value in values:
        product = wrap_int(product * to_int(value))
    return Int64(product)


def _div_mod(one: object, other: object) -> tuple[int, int]:
    """Quotient and remainder, cut towards zero."""
    dividend, divisor = to_int(one), to_int(other)
    if divisor == 0:
        raise FunctionError("integer divide by zero")
    quotient = abs(dividend) // abs(divisor)
    if (dividend < 0) != (divisor < 0):
        quotient = -quotient
    return quotient, dividend - quotient * divisor


def _div(one: object, other: object) -> Int64:
    return Int64.wrap(_div_mod(one, other)[0])


def _mod(one: object, other: object) -> Int64:
    return Int64.wrap(_div_mod(one, other)[1])


def _max(first: object, *values: object) -> Int64:
    return Int64(max(to_int(value) for value in (first, *values)))


def _min(first: object, *values: object) -> Int64:
    return Int64(min(to_int(value) for value in (first, *values)))


def _exact(value: object) -> Fraction:
    number = to_float(value)
    if not math.isfinite(number):
        raise FunctionError("cannot calculate with NaN or an infinity")
    # The shortest decimal that reads back, not the binary value: 0.1 is a tenth.
    return Fraction(repr(number))


def _nearest(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _quotient(one: Fraction, other: Fraction) -> Fraction:
    if other == 0:
        raise FunctionError("decimal division by 0")
    scaled = one / other * _DIVISION_DIGITS
    rounded = (2 * abs(scaled.numerator) + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(rounded if scaled >= 0 else -rounded, _DIVISION_DIGITS)


def _decimals(operation: Callable[[Fraction, Fraction], Fraction]) -> Callable[..., float]:
    def calculate(first: object, *values: object) -> float:
        total = _exact(first)
        for value in values:
            total = operation(total, _exact(value))
        return _nearest(total)

    return calculate


_plus = _decimals(lambda one, other: one + other)


def _addf(*values: object) -> float:
    return _plus(0, *values)


def _add1f(value: object) -> float:
    return _plus(value, 1)


def _maxf(first: object, *values: object) -> float:
    largest = to_float(first)
    for value in values:
        number = to_float(value)
        if math.inf in {largest, number}:
            largest = math.inf
        elif math.isnan(largest) or math.isnan(number):
            largest = math.nan
        elif number > largest or (number == largest == 0 and math.copysign(1, largest) < 0):
            largest = number
    return largest


def _minf(first: object, *values: object) -> float:
    return -_maxf(-to_float(first), *(-to_float(value) for value in values))


def _whole(number: float, rounding: Callable[[float], int]) -> float:
    return math.copysign(float(rounding(number)), number) if math.isfinite(number) else number


def _floor(value: object) -> float:
    return _whole(to_float(value), math.floor)


def _ceil(value: object) -> float:
    return _whole(to_float(value), math.ceil)


def _power_of_ten(exponent: int) -> float:
    """Go's `math.Pow(10, exponent)`, whose last digits are its own for large exponents."""
    factor, factor_exponent = math.frexp(10.0)
    result, result_exponent = 1.0, 0
    rest = abs(exponent)
    while rest:
        if abs(factor_exponent) > _POWER_LIMIT:
            result_exponent += factor_exponent
            break
        if rest & 1:
            result *= factor
            result_exponent += factor_exponent
        factor *= factor
        factor_exponent <<= 1
        if factor < _HALF:
            factor += factor
            factor_exponent -= 1
        rest >>= 1
    if exponent < 0:
        result, result_exponent = 1 / result, -result_exponent
    try:
        return math.ldexp(result, result_exponent)
    except OverflowError:
        return math.inf


def _round(value: object, places: int, *round_on: float) -> float:
    threshold = round_on[0] if round_on else _HALF
    power = _power_of_ten(places)
    digits = power * to_float(value)
    fraction = math.modf(digits)[0] if math.isfinite(digits) else math.nan
    rounded = _ceil(digits) if fraction >= threshold else _floor(digits)
    if power == 0:
        return math.nan if rounded == 0 or math.isnan(rounded) else math.copysign(math.inf, rounded)
    return rounded / power


def _count(start: int, stop: int, step: int) -> int:
    return max(0, -(-(stop - start) // step)) if step else 0


def _sequence(context: Context, start: int, stop: int, step: int) -> range:
    """`start` up or down to, but without, `stop`; empty if the step goes the other way."""
    if (stop < start) != (step < 0):
        return range(0)
    context.check_items(_count(start, stop, step))
    return range(start, stop, step) if step else range(0)


def _until_step(context: Context, start: int, stop: int, step: int) -> TypedSlice:
    return TypedSlice(INT_SLICE, _sequence(context, start, stop, step))


def _until(context: Context, count: int) -> TypedSlice:
    return _until_step(context, 0, count, -1 if count < 0 else 1)


def _seq(context: Context, *params: int) -> str:
    if len(params) == 1:
        start, step, end = 1, 1 if params[0] >= 1 else -1, params[0]
    elif len(params) == 2:  # noqa: PLR2004  # start, end
        start, step, end = params[0], 1 if params[1] >= params[0] else -1, params[1]
    elif len(params) == 3:  # noqa: PLR2004  # start, step, end
        start, step, end = params
    else:
        return ""
    if end < start and step > 0:
        return ""
    past = wrap_int(end + (-1 if end < start else 1))
    return " ".join(map(str, _sequence(context, start, past, step)))


FUNCTIONS: Final = table(
    Function("atoi", _atoi, (STRING,), INT),
    Function("int", to_int, (ANY,), INT),
    Function("int64", _int64, (ANY,), INT64),
    Function("float64", to_float, (ANY,), FLOAT64),
    Function("toDecimal", _to_decimal, (ANY,), INT64, context=True, walks=True),
    Function("add", _add, (), INT64, variadic=ANY),
    Function("add1", _add1, (ANY,), INT64),
    Function("sub", _sub, (ANY, ANY), INT64),
    Function("mul", _mul, (ANY,), INT64, variadic=ANY),
    Function("div", _div, (ANY, ANY), INT64),
    Function("mod", _mod, (ANY, ANY), INT64),
    Function("max", _max, (ANY,), INT64, variadic=ANY),
    Function("biggest", _max, (ANY,), INT64, variadic=ANY),
    Function("min", _min, (ANY,), INT64, variadic=ANY),
    Function("addf", _addf, (), FLOAT64, variadic=ANY),
    Function("add1f", _add1f, (ANY,), FLOAT64),
    Function("subf", _decimals(lambda one, other: one - other), (ANY,), FLOAT64, variadic=ANY),
    Function("mulf", _decimals(lambda one, other: one * other), (ANY,), FLOAT64, variadic=ANY),
    Function("divf", _decimals(_quotient), (ANY,), FLOAT64, variadic=ANY),
    Function("maxf", _maxf, (ANY,), FLOAT64, variadic=ANY),
    Function("minf", _minf, (ANY,), FLOAT64, variadic=ANY),
    Function("floor", _floor, (ANY,), FLOAT64),
    Function("ceil", _ceil, (ANY,), FLOAT64),
    Function("round", _round, (ANY, INT), FLOAT64, variadic=FLOAT64),
    Function("until", _until, (INT,), INT_SLICE, context=True),
    Function("untilStep", _until_step, (INT, INT, INT), INT_SLICE, context=True),
    Function("seq", _seq, (), STRING, variadic=INT, context=True),
)
"""Numbers."""
