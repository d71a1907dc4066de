from __future__ import annotations

import math

import pytest

from virtrigaud_secrets.golang.yaml_resolve import MAX_NUMBER, key_text, resolve_plain


@pytest.mark.parametrize("text", ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
def test_words_that_are_true(text: str) -> None:
    assert resolve_plain(text) is True


@pytest.mark.parametrize("text", ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
def test_words_that_are_false(text: str) -> None:
    assert resolve_plain(text) is False


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_words_that_are_null(text: str) -> None:
    assert resolve_plain(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-12", -12),
        ("+12", 12),
        ("0600", 0o600),
        ("0o600", 0o600),
        ("0x1F", 31),
        ("-0b101", -5),
        ("1_000", 1000),
        ("18446744073709551616", 2**64),
        ("08", 8.0),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5E-2", -0.015),
        ("+.inf", math.inf),
        ("-.INF", -math.inf),
    ],
)
def test_numbers(text: str, number: float) -> None:
    found = resolve_plain(text)

    assert (found, type(found)) == (number, type(number))


def test_not_a_number() -> None:
    found = resolve_plain(".nan")

    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-31",
        "2001-12-14t21:59:43.10-05:00",
        "1:30",
        "190:20:30",
        "=",
        "yEs",
        "1e999",
        "0x",
        "1__e",
        "._5",
        ".",
        "-",
        "1.2.3",
        "\u0661",
        "1d",
        "9" * (MAX_NUMBER + 1),
    ],
)
def test_all_else_is_text(text: str) -> None:
    assert resolve_plain(text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (True, "true"),
        (False, "false"),
        (8, "8"),
        (1.5, "1.5"),
        (1000.0, "1000"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
        (None, None),
    ],
)
def test_key_text(value: float | str | None, text: str | None) -> None:
    assert key_text(value) == text
