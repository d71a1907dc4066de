from __future__ import annotations

import math

import pytest

from virtrigaud_secrets.golang.yaml_scalars import PREFIX, TagError, needs_quotes, resolve, resolve_tagged


@pytest.mark.parametrize(
    ("text", "tag", "value"),
    [
        ("", "null", None), ("~", "null", None), ("NULL", "null", None), ("yes", "bool", True), ("Off", "bool", False),
        ("y", "bool", True), ("x", "str", "x"), ("5", "int", 5), ("-7", "int", -7), ("+5", "int", 5),
        ("0x1F", "int", 31), ("010", "int", 8), ("08", "float", 8.0), ("0o7", "int", 7), ("0b11", "int", 3),
        ("0b-11", "int", -3),
        ("0b2", "str", "0b2"), ("1_000", "int", 1000), ("1e3", "float", 1000.0), (".5", "float", 0.5),
        ("5.", "float", 5.0), ("-.5", "float", -0.5), (".inf", "float", math.inf),
        ("-.INF", "float", -math.inf), (".", "str", "."),
        ("-", "str", "-"), ("1e400", "str", "1e400"), ("18446744073709551615", "int", 2**64 - 1),
        ("18446744073709551616", "float", 2.0**64), ("2024-01-31", "timestamp", "2024-01-31"),
        ("9" * 5000, "str", "9" * 5000), ("2024-1-5", "timestamp", "2024-1-5"),
        ("2024-13-01", "str", "2024-13-01"), ("12:30", "str", "12:30"),
        ("2024-01-31T1:2:3Z", "timestamp", "2024-01-31T1:2:3Z"), ("<<", "str", "<<"), ("=", "str", "="),
    ],
)  # fmt: skip
def test_plain_scalars(text: str, tag: str, value: object) -> None:
    assert resolve(text) == (tag, value)


def test_no_number() -> None:
    assert resolve(".nan")[0] == "float"
    assert math.isnan(float(str(resolve(".nan")[1])))


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [
        ("str", "5", "5"), ("int", "0x10", 16), ("float", "3", 3.0), ("float", "1.5", 1.5), ("bool", "on", True),
        ("null", "~", None), ("timestamp", "2024-01-31", "2024-01-31"), ("custom", "5", "5"),
    ],
)  # fmt: skip
def test_tagged_scalars(tag: str, text: str, value: object) -> None:
    assert resolve_tagged(PREFIX + tag, text) == value


def test_tags_of_others_leave_the_text() -> None:
    assert resolve_tagged("!int", "5") == "5"


@pytest.mark.parametrize(
    ("tag", "text"), [("int", "x"), ("bool", "5"), ("null", "x"), ("float", "18446744073709551615"), ("timestamp", "5")]
)
def test_scalars_of_another_type_are_refused(tag: str, text: str) -> None:
    with pytest.raises(TagError):
        resolve_tagged(PREFIX + tag, text)


@pytest.mark.parametrize("text", ["", "yes", "5", "1.5", "2024-01-01", "12:30", "-1:59.5"])
def test_texts_that_need_quotes(text: str) -> None:
    assert needs_quotes(text)


@pytest.mark.parametrize("text", ["x", "12:60x", ":", "1:99", "a: b"])
def test_texts_that_need_none(text: str) -> None:
    assert not needs_quotes(text)
