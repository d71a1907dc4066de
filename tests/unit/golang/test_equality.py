from __future__ import annotations

import math

import pytest

from virtrigaud_secrets.golang.equality import deep_equal
from virtrigaud_secrets.golang.reflect import ANY_MAP, ANY_SLICE, STRING_SLICE, Int64, TypedMap, TypedSlice

NAN = math.nan
SHARED: list[object] = [NAN]


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1, True), (1, 1.0, False), (1, True, False), (1, Int64(1), False), ("a", "a", True), (None, None, True),
        (None, 0, False), (NAN, NAN, False), (0.0, -0.0, True), ([1, [2]], [1, [2]], True), ([1], [1, 2], False),
        ([NAN], [math.nan], False), (SHARED, SHARED, True), ({"a": [1]}, {"a": [1]}, True), ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, {"a": 2}, False), ([], TypedSlice(ANY_SLICE, is_nil=True), False),
        (["a"], TypedSlice(STRING_SLICE, ["a"]), False),
        (TypedSlice(STRING_SLICE, ["a"]), TypedSlice(STRING_SLICE, ["a"]), True),
        (TypedMap(ANY_MAP, is_nil=True), {}, False), (b"a", b"a", True),
    ],
)  # fmt: skip
def test_deep_equality(one: object, other: object, equal: bool) -> None:
    assert deep_equal(one, other) is equal
    assert deep_equal(other, one) is equal
