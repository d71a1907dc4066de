import math

import pytest

from virtrigaud_secrets.golang.strconv import (
    NumberError,
    can_backquote,
    format_float,
    is_print,
    parse_float,
    parse_int,
    parse_uint,
    quote,
    quote_rune,
    shortest_digits,
    to_float32,
    unquote,
    unquote_char,
)


@pytest.mark.parametrize(
    ("text", "base", "number"),
    [
        ("0", 0, 0),
        ("42", 10, 42),
        ("-42", 10, -42),
        ("+5", 10, 5),
        ("0x1F", 0, 31),
        ("0b101", 0, 5),
        ("0o17", 0, 15),
        ("017", 0, 15),
        ("0_7", 0, 7),
        ("1_000", 0, 1000),
        ("0x_1", 0, 1),
        ("ff", 16, 255),
        ("-0", 0, 0),
        ("9223372036854775807", 0, 9223372036854775807),
        ("-9223372036854775808", 0, -9223372036854775808),
    ],
)
def test_integers(text: str, base: int, number: int) -> None:
    assert parse_int(text, base) == number


@pytest.mark.parametrize(
    "text", ["", "-", "08", "0x", "1__0", "_1", "1_", "0b2", "1.5", "a", "é", "٣", "0_x1", " 1", "1_000z"]
)
def test_no_integers(text: str) -> None:
    with pytest.raises(NumberError, match="invalid syntax"):
        parse_int(text, 0)
    with pytest.raises(NumberError, match="invalid syntax"):
        parse_uint(text, 0)


def test_underscores_need_base_zero() -> None:
    with pytest.raises(NumberError):
        parse_int("1_0", 10)


@pytest.mark.parametrize(
    ("text", "bits", "nearest"), [("9223372036854775808", 64, 9223372036854775807), ("-129", 8, -128), ("128", 8, 127)]
)
def test_integers_out_of_range(text: str, bits: int, nearest: int) -> None:
    with pytest.raises(NumberError, match="out of range") as caught:
        parse_int(text, 10, bits)
    assert caught.value.nearest == nearest


def test_unsigned_integers() -> None:
    assert parse_uint("18446744073709551615", 0) == 18446744073709551615
    assert parse_uint("0", 0) == 0
    with pytest.raises(NumberError, match="out of range") as caught:
        parse_uint("256", 10, 8)
    assert caught.value.nearest == 255
    with pytest.raises(NumberError, match="invalid syntax"):
        parse_uint("-1", 0)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("1_0.2_5", 10.25),
        ("0x1p4", 16.0),
        ("0x1.8p1", 3.0),
        ("0x.8p0", 0.5),
        ("-0x1p-1074", -5e-324),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("0x1p-9999999999", 0.0),
    ],
)
def test_floats(text: str, number: float) -> None:
    assert parse_float(text) == number


def test_nan() -> None:
    assert math.isnan(parse_float("NaN"))
    assert format_float(math.nan) == "NaN"


@pytest.mark.parametrize(
    "text",
    ["", "e5", "1e", "1__0.5", "1_.5", "0x1", "0xp1", "0x1_p1", "0x_p1", "+nan", " 1", "1 ", "0x1p_5", "0x1._8p1"],
)
def test_no_floats(text: str) -> None:
    with pytest.raises(NumberError, match="invalid syntax"):
        parse_float(text)


@pytest.mark.parametrize(("text", "bits"), [("1e400", 64), ("0x1p1024", 64), ("1e39", 32)])
def test_floats_out_of_range(text: str, bits: int) -> None:
    with pytest.raises(NumberError, match="out of range") as caught:
        parse_float(text, bits)
    assert caught.value.nearest == math.inf


def test_float32() -> None:
    assert to_float32(0.1) == 0.10000000149011612
    assert to_float32(-1e39) == -math.inf
    assert parse_float("0.1", 32) == 0.10000000149011612
    assert shortest_digits(0.10000000149011612, 32) == ("1", 0)


@pytest.mark.parametrize(
    ("number", "verb", "precision", "text"),
    [
        (0.0, "g", -1, "0"),
        (-0.0, "g", -1, "-0"),
        (1.0, "g", -1, "1"),
        (1e6, "g", -1, "1e+06"),
        (123456.0, "g", -1, "123456"),
        (1234567.5, "g", -1, "1.2345675e+06"),
        (1e-4, "g", -1, "0.0001"),
        (1e-5, "G", -1, "1E-05"),
        (1e22, "f", -1, "1" + "0" * 22),
        (0.001, "f", -1, "0.001"),
        (12.5, "f", -1, "12.5"),
        (0.0, "f", -1, "0"),
        (12.5, "e", -1, "1.25e+01"),
        (1.0, "E", -1, "1E+00"),
        (2.5, "f", 0, "2"),
        (1.005, "f", 2, "1.00"),
        (1234.0, "g", 2, "1.2e+03"),
        (1.5, "g", 0, "2"),
        (1.5, "e", 3, "1.500e+00"),
        (1.0, "b", -1, "4503599627370496p-52"),
        (-2.5, "b", -1, "-5629499534213120p-51"),
        (1.0, "x", -1, "0x1p+00"),
        (1.5, "X", -1, "0X1.8P+00"),
        (0.0, "x", -1, "0x0p+00"),
        (-0.0, "x", 2, "-0x0.00p+00"),
        (1.9999, "x", 0, "0x1p+01"),
        (1.5, "x", 3, "0x1.800p+00"),
        (5e-324, "x", -1, "0x1p-1074"),
        (1.03125, "x", 1, "0x1.0p+00"),
        (1.09375, "x", 1, "0x1.2p+00"),
        (math.inf, "g", -1, "+Inf"),
        (-math.inf, "f", 2, "-Inf"),
    ],
)
def test_written_floats(number: float, verb: str, precision: int, text: str) -> None:
    assert format_float(number, verb, precision) == text


def test_written_float32() -> None:
    assert format_float(to_float32(0.1), "g", -1, 32) == "0.1"
    assert format_float(1.0, "b", -1, 32) == "8388608p-23"


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("a", '"a"'),
        ('a"b\\', '"a\\"b\\\\"'),
        ("\a\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'),
        ("\x00\x7f", '"\\x00\\x7f"'),
        ("é€", '"é€"'),
        ("\u2028", '"\\u2028"'),
        ("\U000e0001", '"\\U000e0001"'),
        ("\udcff", '"\\xff"'),
        ("\ufffd", '"\ufffd"'),
    ],
)
def test_quotes(text: str, quoted: str) -> None:
    assert quote(text) == quoted
    assert unquote(quoted) == text


def test_quotes_in_ascii() -> None:
    assert quote("é😀", ascii_only=True) == '"\\u00e9\\U0001f600"'
    assert quote_rune(0xE9, ascii_only=True) == "'\\u00e9'"
    assert quote_rune(39) == "'\\''"
    assert quote_rune(-1) == quote_rune(0xD800) == quote_rune(1 << 40) == "'\ufffd'"


@pytest.mark.parametrize(
    ("quoted", "text"),
    [("`a\\n\r`", "a\\n"), ('"\\x41\\u00e9\\101"', "AéA"), ('"\\xc3\\xa9"', "é"), ('"\\xff"', "\udcff")],
)
def test_unquotes(quoted: str, text: str) -> None:
    assert unquote(quoted) == text


@pytest.mark.parametrize(
    "quoted",
    [
        "",
        '"',
        '"a',
        "a",
        '"\\q"',
        '"\\x4"',
        '"\\xzz"',
        '"\\400"',
        '"\\18a"',
        '"\\ud800"',
        '"\\U00110000"',
        '"\\\'"',
        '"a"b"',
        '"\n"',
        "`a`b`",
    ],
)
def test_what_cannot_be_unquoted(quoted: str) -> None:
    with pytest.raises(NumberError):
        unquote(quoted)


def test_one_quoted_character() -> None:
    assert unquote_char("\\'x", "'") == (39, 2, False)
    assert unquote_char("\\x80", "'") == (0x80, 4, True)
    with pytest.raises(NumberError):
        unquote_char("'", "'")


def test_what_may_stand_between_back_quotes() -> None:
    assert can_backquote("a\tb")
    assert not any(map(can_backquote, ["`", "\x7f", "\n", "\ufeff", "\udcff"]))


def test_what_can_be_printed() -> None:
    assert is_print("é")
    assert not is_print("\u00a0")
