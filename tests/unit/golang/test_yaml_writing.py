# ruff: noqa: E501 - a value and what becomes of it on one line
from __future__ import annotations

import math

import pytest

from virtrigaud_secrets.golang import encoding_json
from virtrigaud_secrets.golang.encoding_json import Number
from virtrigaud_secrets.golang.yaml_writing import YAMLWriteError, marshal

VALUES = [
    ({"a": 1, "b": [1, "x", {"c": None}], "d": {}, "e": []}, "a: 1\nb:\n- 1\n- x\n- c: null\nd: {}\ne: []"),
    ([[1, 2], [], {}], "- - 1\n  - 2\n- []\n- {}"),
    ([[["deep"]]], "- - - deep"),
    ("plain", "plain"),
    ("", '""'),
    ("yes", '"yes"'),
    ("null", '"null"'),
    ("1", '"1"'),
    ("1.5", '"1.5"'),
    ("0x1F", '"0x1F"'),
    ("12:30", '"12:30"'),
    ("12:30:45", '"12:30:45"'),
    ("2024-01-01", '"2024-01-01"'),
    ("- a", "'- a'"),
    ("-", "'-'"),
    ("--- x", "'--- x'"),
    ("? q", "'? q'"),
    (": c", "': c'"),
    ("a: b", "'a: b'"),
    ("a #b", "'a #b'"),
    ("&x", "'&x'"),
    ("*x", "'*x'"),
    ("!t", "'!t'"),
    ("`b`", "'`b`'"),
    ("{a}", "'{a}'"),
    ("[a]", "'[a]'"),
    ("a, b", "a, b"),
    ("=", "="),
    ("<<", "<<"),
    ("@x", "'@x'"),
    ("%x", "'%x'"),
    ("|", "'|'"),
    (">", "'>'"),
    ("'x'", "'''x'''"),
    ('"x"', "'\"x\"'"),
    ("#x", "'#x'"),
    (" lead", "' lead'"),
    ("trail ", "'trail '"),
    ("tab\tin", '"tab\\tin"'),
    ("a\nb", "|-\n  a\n  b"),
    ("a\nb\n", "|\n  a\n  b"),
    ("a\n\n", "|+\n  a\n"),
    (" a\nb", "|2-\n   a\n  b"),
    ("a \nb", '"a \\nb"'),
    ("\na", "|2-\n\n  a"),
    ("a\n b", "|-\n  a\n   b"),
    ("\r", '"\\r"'),
    ("a\rb", '"a\\rb"'),
    ("\x1b[0m", '"\\e[0m"'),
    ("\xa0x", "\xa0x"),
    ("\ufeffx", '"\\uFEFF\\x78"'),
    ("é", "é"),
    ("世🚀", '"世\\U0001F680"'),
    ("\u2028x", "'\u2028  x'"),
    ("a\u2028 b", '"a\\L b"'),
    ("\x85", "' '"),
    ("a \x85 b", "a b"),
    ("a\x85\x85b", "|-\n  a\n  b"),
    ("\x7f", ""),
    ("\ufffe", ""),
    ("it's", "it's"),
    ({"k": "a\nb\n"}, "k: |\n  a\n  b"),
    (
        {
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": 1
        },
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: 1",
    ),
    (
        {
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": 1
        },
        "? xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n: 1",
    ),
    (
        {"ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé": [1]},
        "? ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé\n: - 1",
    ),
    (
        {
            "a1": 1,
            "a10": 2,
            "a2": 3,
            "A": 4,
            "_": 5,
            "é": 6,
            "1": 7,
            "": 8,
            "-": 9,
            "true": 10,
            "x y": 11,
            "a:b": 12,
            "01": 1,
            "10": 2,
            "a01": 3,
            "a001": 4,
        },
        '"": 8\n\'-\': 9\n_: 5\n"1": 7\n"01": 1\n"10": 2\nA: 4\na:b: 12\na1: 1\na01: 3\na001: 4\na2: 3\na10: 2\n"true": 10\nx y: 11\né: 6',
    ),
    ({"a\nb": 1}, "? |-\n  a\n  b\n: 1"),
    (
        {
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": 1
        },
        "",
    ),
    (
        "word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word ",
        "'word word word word word word word word word word word word word word word word word\n  word word word word word word word word word word word word word '",
    ),
    (
        'it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" it\'s "q" ',
        "'it''s \"q\" it''s \"q\" it''s \"q\" it''s \"q\" it''s \"q\" it''s \"q\" it''s \"q\" it''s \"q\" it''s\n  \"q\" it''s \"q\" it''s \"q\" it''s \"q\" it''s \"q\" it''s \"q\" it''s \"q\" it''s \"q\" it''s\n  \"q\" it''s \"q\" it''s \"q\" it''s \"q\" '",
    ),
    (
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ),
    (
        "a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb a\nb ",
        '"a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb\n  a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb a\\nb "',
    ),
    (
        "\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word\x01 word",
        '"\\x01 word\\x01 word\\x01 word\\x01 word\\x01 word\\x01 word\\x01 word\\x01 word\\x01 word\\x01\n  word\\x01 word\\x01 word\\x01 word\\x01 word\\x01 word\\x01 word\\x01 word\\x01 word\\x01\n  word\\x01 word\\x01 word\\x01 word\\x01 word\\x01 word\\x01 word\\x01 word\\x01 word\\x01\n  word\\x01 word\\x01 word"',
    ),
    (
        "\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word\x01  word",
        '"\\x01  word\\x01  word\\x01  word\\x01  word\\x01  word\\x01  word\\x01  word\\x01  word\\x01\n  \\ word\\x01  word\\x01  word\\x01  word\\x01  word\\x01  word\\x01  word\\x01  word\\x01\n  \\ word\\x01  word\\x01  word\\x01  word\\x01  word\\x01  word\\x01  word\\x01  word\\x01\n  \\ word\\x01  word\\x01  word\\x01  word\\x01  word\\x01  word"',
    ),
    (1, "1"),
    (1.5, "1.5"),
    (1e20, "1e+20"),
    (1e21, "1e+21"),
    (1e-07, "1e-07"),
    (123456789.125, "1.23456789125e+08"),
    (1000000000000000.0, "1000000000000000"),
    (True, "true"),
    (False, "false"),
    (None, "null"),
    (9223372036854775808, "9223372036854776000"),
    (-1.5e300, "-1.5e+300"),
    ({"l": ["a\nb", {"m": "c\nd"}]}, "l:\n- |-\n  a\n  b\n- m: |-\n    c\n    d"),
    ("...", "'...'"),
    ("a:", "'a:'"),
    ("a:b", "a:b"),
    ("-x", "-x"),
    ("?x", "?x"),
    (":x", ":x"),
    ("~", '"~"'),
    ("y", '"y"'),
    (" ", "' '"),
]
"""Values and what `toYaml` makes of them; nothing where Go fails."""


@pytest.mark.parametrize(("value", "expected"), VALUES)
def test_values_are_written_as_go_does(value: object, expected: str) -> None:
    # Through JSON, as the values come from there.
    plain = encoding_json.unmarshal(encoding_json.marshal(value))  # type: ignore[arg-type]  # a table of JSON values
    if expected:
        assert marshal(plain).removesuffix("\n") == expected
    else:
        with pytest.raises(YAMLWriteError):
            marshal(plain)


def test_integers_numbers_and_bytes() -> None:
    assert (
        marshal([2**63, -(2**63), Number("1.50"), Number("7")])
        == "- 9223372036854775808\n- -9223372036854775808\n- 1.5\n- 7\n"
    )
    assert marshal(b"abc") == "YWJj\n"
    assert marshal("a\udcff") == "a\ufffd\n"


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf], "\x80", {"\x7f": 1}, {"x" * 1023: 1}, {"\x85": 1}])
def test_what_yaml_does_not_take_is_refused(value: object) -> None:
    with pytest.raises(YAMLWriteError):
        marshal(value)  # type: ignore[arg-type]  # a table of JSON values
