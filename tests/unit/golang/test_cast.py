from __future__ import annotations

import math

import pytest

from virtrigaud_secrets.golang.cast import float_to_int, to_float, to_int
from virtrigaud_secrets.golang.reflect import MAX_INT, MIN_INT, Float32, Int8, Uint64


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5), (True, 1), (None, 0), (Int8(-3), -3), (Uint64((1 << 64) - 1), -1), (2.9, 2), (-2.9, -2),
        (1e30, MIN_INT), (Float32(1.5), 1), ("42", 42), ("0x1f", 31), ("0b11", 3), ("0o17", 15), ("017", 15), ("08", 0),
        ("1_000", 1000), ("3.7", 3),
        ("-.5", 0), (".", 0), ("+.", 0), ("1.5e3", 0), ("", 0), ("x", 0), (str(MAX_INT), MAX_INT),
        (str(MAX_INT + 1), 0), ([1], 0), ({}, 0), ("9" * 5000, 0),
    ],
)  # fmt: skip
def test_integers(value: object, number: int) -> None:
    assert to_int(value) == number


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5.0), (True, 1.0), (None, 0.0), (2.5, 2.5), ("3.75", 3.75), ("1e3", 1000.0), ("0x1p-2", 0.25),
        ("inf", math.inf), ("1e400", 0.0), ("", 0.0), ("x", 0.0), ([], 0.0),
    ],
)  # fmt: skip
def test_floats(value: object, number: float) -> None:
    assert to_float(value) == number


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e19, -1e19])
def test_floats_beyond_an_integer_are_the_smallest(number: float) -> None:
    assert float_to_int(number) == MIN_INT
