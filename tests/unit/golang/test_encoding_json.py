from __future__ import annotations

import math
from typing import Any

import pytest

from virtrigaud_secrets.errors import DecodingError
from virtrigaud_secrets.golang import encoding_json
from virtrigaud_secrets.golang.encoding_json import JSONError, Number, marshal, marshal_indent, unmarshal


def test_keys_are_sorted_and_html_is_escaped() -> None:
    value = {"b": "<&>\u2028\u00e9", "a": Number("1.0"), "n": None}

    assert marshal(value) == '{"a":1.0,"b":"\\u003c\\u0026\\u003e\\u2028\u00e9","n":null}'
    assert marshal(value, escape_html=False) == '{"a":1.0,"b":"<&>\\u2028\u00e9","n":null}'


def test_keys_are_sorted_by_their_bytes() -> None:
    assert marshal({"\uffff": 1, "\U0001f600": 2, "Z": 3, "a": 4}) == '{"Z":3,"a":4,"\uffff":1,"\U0001f600":2}'
    assert marshal({chr(0xDCFF): 1, chr(0xD800): 2}) == '{"\\ufffd":2,"\\ufffd":1}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (12345678901234567890, "12345678901234567890"),
        (1.0, "1"),
        (-0.0, "-0"),
        (1.5e300, "1.5e+300"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e-6, "0.000001"),
        (1.5e-5, "0.000015"),
        (1e-7, "1e-7"),
        (-1.5e-10, "-1.5e-10"),
        (Number(""), "0"),
        (b"\xff\x00", '"/wA="'),
        ('\b\f\n\r\t"\\\x00\x7f\udcff', '"\\b\\f\\n\\r\\t\\"\\\\\\u0000\x7f\\ufffd"'),
        ([], "[]"),
        ((1, [2, {}], {"a": []}), '[1,[2,{}],{"a":[]}]'),
    ],
)
def test_marshal(value: Any, text: str) -> None:
    assert marshal(value) == text


def test_marshal_indent() -> None:
    text = marshal_indent({"b": [1, {}, []], "a": {"c": None}}, ">", "  ")

    assert text == '{\n>  "a": {\n>    "c": null\n>  },\n>  "b": [\n>    1,\n>    {},\n>    []\n>  ]\n>}'


@pytest.mark.parametrize("value", [math.nan, math.inf, Number("1.x"), {1: 2}, object()])
def test_what_json_does_not_have_is_refused(value: Any) -> None:
    with pytest.raises(JSONError):
        marshal(value)


def test_numbers_become_floats_or_stay_as_written() -> None:
    assert unmarshal("[12345678901234567890, 1.50]") == [12345678901234567000.0, 1.5]
    kept = unmarshal("[12345678901234567890, 1.50]", use_number=True)
    assert kept == ["12345678901234567890", "1.50"]
    assert marshal(kept) == "[12345678901234567890,1.50]"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'"\xff\xc3\xa9"', "\ufffd\u00e9"),
        ('"\udcff"', "\ufffd"),
        ('"\\ud800x"', "\ufffdx"),
        ('"\\ud83d\\ude00 \\\\ud800"', "\U0001f600 \\ud800"),
        ('{"\\ud800": 1, "\ufffd": 2}', {"\ufffd": 2.0}),
        ('{"a": 1, "a": {"b": 2}}', {"a": {"b": 2.0}}),
        (" \t\r\n null ", None),
    ],
)
def test_unmarshal(text: str | bytes, value: Any) -> None:
    assert unmarshal(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "NaN", "-Infinity", "[1,]", "01", '"\x01"', '"\\x"', "1e400", "\ufeff1", "{} {}", b"\xff", "{1:2}", "[1 2]"],
)
def test_what_go_refuses_is_refused(text: str | bytes) -> None:
    with pytest.raises(JSONError) as caught:
        unmarshal(text)

    assert isinstance(caught.value, DecodingError)
    assert encoding_json.valid(text) == (text == "1e400")


def test_errors_show_no_data() -> None:
    with pytest.raises(JSONError) as caught:
        unmarshal('{"password": "hunter2" oops')

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 9999 + "]" * 9999,
        '{"a":' * 9999 + "{}" + "}" * 9999,
        "[ [" * 3000 + '1, 2, {"a": 1, "b": []}' + "] ]" * 3000,
    ],
)
def test_deep_documents_are_read_and_written(text: str) -> None:
    assert marshal(unmarshal(text)) == text.replace(" ", "")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10_001,
        "[" * 5000,
        "[" * 5000 + "]" * 5001,
        "[" * 5000 + "1 2",
        "[" * 5000 + "x",
        "[" * 5000 + '"\x01"',
        "[" * 5000 + "{1",
        "[" * 5000 + '{"a" 1',
        "[" * 5000 + "[1}",
    ],
)
def test_deep_documents_are_no_less_strict(text: str) -> None:
    with pytest.raises(JSONError):
        unmarshal(text)


def test_quote() -> None:
    assert encoding_json.quote("<a>") == '"\\u003ca\\u003e"'
    assert encoding_json.quote("<a>", escape_html=False) == '"<a>"'
