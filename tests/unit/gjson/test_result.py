from __future__ import annotations

import math

import pytest

from virtrigaud_secrets.gjson.result import (
    MISSING,
    Kind,
    Result,
    format_number,
    from_bytes,
    read_number,
    to_bytes,
    truth_of,
    unescape,
)


def test_repr_hides_the_value() -> None:
    assert repr(Result(Kind.STRING, '"hunter2"')) == "Result(String, exists=True)"
    assert repr(MISSING) == "Result(Null, exists=False)"


@pytest.mark.parametrize(
    ("kind", "raw", "text"),
    [
        (Kind.STRING, '"a\\n"', "a\n"),
        (Kind.JSON, "[ 1 ]", "[ 1 ]"),
        (Kind.NUMBER, "-9007199254740993", "-9007199254740993"),
        (Kind.NUMBER, "1e3", "1000"),
        (Kind.TRUE, "tru", "true"),
        (Kind.FALSE, "f", "false"),
        (Kind.NULL, "null", ""),
    ],
)
def test_text(kind: Kind, raw: str, text: str) -> None:
    assert Result(kind, raw).text == text


@pytest.mark.parametrize(
    ("kind", "raw", "truth"),
    [
        (Kind.TRUE, "true", True),
        (Kind.FALSE, "false", False),
        (Kind.NUMBER, "0.0", False),
        (Kind.NUMBER, "2", True),
        (Kind.STRING, '"TRUE"', True),
        (Kind.STRING, '"F"', False),
        (Kind.STRING, '"yes"', None),
        (Kind.NULL, "null", None),
        (Kind.JSON, "{}", None),
    ],
)
def test_truth(kind: Kind, raw: str, truth: bool | None) -> None:
    result = Result(kind, raw)

    assert truth_of(result) is truth
    assert result.is_set is (truth is True)


def test_containers() -> None:
    assert Result(Kind.JSON, "[]").is_array
    assert Result(Kind.JSON, "{}").is_object
    assert not Result(Kind.STRING, '"["').is_array


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("1_0", 10.0),
        ("1__0", 0.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("x", 0.0),
        ("-Inf", -math.inf),
        ("+infinity", math.inf),
        ("1e400", math.inf),
        ("0x1p4", 16.0),
        ("0x_1_0p1", 32.0),
        ("0x1", 0.0),
        ("0x1p5000", math.inf),
        ("-0x1p5000", -math.inf),
    ],
)
def test_read_number(literal: str, value: float) -> None:
    assert read_number(literal) == value


def test_nan_is_read() -> None:
    assert math.isnan(read_number("NaN"))
    assert read_number("+nan") == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.5, "-0.5"),
        (1.5e20, "150000000000000000000"),
        (-1e22, "-10000000000000000000000"),
        (1.5e-7, "0.00000015"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
)
def test_format_number(value: float, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"\"\\\/\b\f\n\r\t\u00e9", '"\\/\b\f\n\r\t\u00e9'),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\ud800", "\ufffd"),
        (r"\ud800\u0041b", "\ufffdb"),
        (r"\udc00\ud800x", "\ufffdx"),
        (r"\ud800\u", "\ufffd"),
        (r"\ud800\uzzzz", "\ufffd"),
        (r"a\qb", "a"),
        ("a\\", "a"),
        (r"a\u12", "a"),
        (r"\uzzzz!", "\x00!"),
        ("a\\n\x01b", "a\n"),
        ("\udcff\\q", "\udcff"),
    ],
)
def test_unescape(body: str, text: str) -> None:
    assert unescape(body) == text


def test_bytes_and_text() -> None:
    assert from_bytes(to_bytes("\u00e9\udcff")) == "\u00e9\udcff"
    assert to_bytes("\ud800") == b"\xed\xa0\x80"
