from __future__ import annotations

import pytest

from virtrigaud_secrets.gjson.limits import Budget
from virtrigaud_secrets.gjson.pretty import Layout, pretty, ugly


def layout(text: str, **options: object) -> str:
    return pretty(text, Layout(**options), Budget(text))  # type: ignore[arg-type]  # a test's shorthand


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("x", ""),
        ('"a\\"b"', '"a\\"b"\n'),
        ('"a', '"a\n'),
        ("tru", "true\n"),
        ("-1.5e3", "-1.5e3\n"),
        ("nan", "nan\n"),
        ("{}", "{}\n"),
        ("[]", "[]\n"),
        ('{"a":[1,[2],"x"],"b":{"c":null}}', '{\n  "a": [1, [2], "x"],\n  "b": {\n    "c": null\n  }\n}\n'),
        ('[{"a":1}]', '[\n  {\n    "a": 1\n  }\n]\n'),
        ('{x 1, "a" : false', '{\n  "a": false'),
        ("[1", "[1\n"),
    ],
)
def test_default_layout(text: str, expected: str) -> None:
    assert layout(text) == expected.rstrip("\n") + ("\n" if expected else "")


def test_widths_count_bytes() -> None:
    assert layout('["\u00e9\u00e9"]', width=8) == '["\u00e9\u00e9"]\n'
    assert layout('["\u00e9\u00e9"]', width=7) == '[\n  "\u00e9\u00e9"\n]\n'
    assert layout("[1, 2]", width=3) == "[\n  1,\n  2\n]\n"
    assert layout("[1,2]", width=-1) == "[\n  1,\n  2\n]\n"
    assert layout("[1,2]", width=0) == "[\n  1,\n  2\n]\n"


def test_keys_are_sorted_then_values_by_kind() -> None:
    text = '{"b":1,"a":{},"a":true,"a":"x","a":"\\u0061","a":"\\q","a":10,"a":9,"a":false,"a":null}'

    assert layout(text, sort_keys=True, indent="") == (
        '{\n"a": null,\n"a": false,\n"a": 9,\n"a": 10,\n"a": "\\q",\n"a": "\\u0061",\n"a": "x",\n"a": true,\n"a": {},\n'
        '"b": 1\n}\n'
    )


def test_equal_members_keep_their_order() -> None:
    assert layout('{"a":1,"a":1.0}', sort_keys=True, indent="") == '{\n"a": 1,\n"a": 1.0\n}\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [(' { "a b" : [ 1 , 2 ] }\n', '{"a b":[1,2]}'), ('" a', '" a'), ('"a\\" b" c', '"a\\" b"c'), ('["a \\', '["a \\')],
)
def test_ugly(text: str, expected: str) -> None:
    assert ugly(text) == expected
