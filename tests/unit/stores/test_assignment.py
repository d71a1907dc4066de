from __future__ import annotations

import json

import pytest

from virtrigaud_secrets.stores.assignment import Refusal, assign, remove, string


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("", "a", '{"a":"V"}'),
        ("{}", "a", '{"a":"V"}'),
        (' {\n "a" : 1 }', "a", ' {\n "a" : "V" }'),
        ('{"a":1,"b":2}', "a", '{"a":"V","b":2}'),
        ('{"a":1 }', "b", '{"a":1 ,"b":"V"}'),
        ('{"b":1.50,"a":{"x":[1, 2]}}', "c", '{"b":1.50,"a":{"x":[1, 2]},"c":"V"}'),
        ("", "a.b.c", '{"a":{"b":{"c":"V"}}}'),
        ('{"a":{"b":1}}', "a.c", '{"a":{"b":1,"c":"V"}}'),
        ('{"a":"text"}', "a.c", '{"a":{"c":"V"}}'),
        ("", r"a\.b", '{"a.b":"V"}'),
        ('{"a.b":1}', r"a\.b", '{"a.b":"V"}'),
        ('{"a\\u0062":1}', "ab", '{"a\\u0062":"V"}'),
        ('{"a":[1,2]}', "a.1", '{"a":[1,"V"]}'),
        ('{"a":[1]}', "a.3", '{"a":[1,null,null,"V"]}'),
        ('{"a":[1]}', "a.-1", '{"a":[1,"V"]}'),
        ('{"a":[]}', "a.-1", '{"a":["V"]}'),
        ('{"a":[{"x":1}]}', "a.0.x", '{"a":[{"x":"V"}]}'),
        ("", "a.1", '{"a":[null,"V"]}'),
        ("", "a.-1", '{"a":["V"]}'),
        ("", "a.:1", '{"a":{"1":"V"}}'),
        ('{"1":0}', "1", '{"1":"V"}'),
        ('{"a":1,"a":2}', "a", '{"a":"V","a":2}'),
        ('{"a":"}"}', "b", '{"a":"}","b":"V"}'),
        ("[1]", "0", '["V"]'),
    ],
)
def test_a_value_is_written_where_sjson_writes_it(text: str, path: str, expected: str) -> None:
    made = assign(text, path, "V")

    assert made == expected
    json.loads(expected)


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ("no json", "a", "not JSON"),
        ('{"a":1', "a", "not JSON"),
        ("{}", "", "no path"),
        ("{}", "a.*", r'holds "\*"'),
        ("{}", "a.#", 'holds "#"'),
        ("{}", "a|b", r'holds "\|"'),
        ("{}", "@this", 'holds "@"'),
        ('{"a":[1]}', "a.x", "no index"),
        ('{"a":[1]}', "a.99999999", "no index"),
        ("{}", "a." * 70 + "b", "more than 64 steps"),
        ("{}", "a" * 20_000, "no path"),
    ],
)
def test_what_cannot_be_written_is_told(text: str, path: str, reason: str) -> None:
    import re

    made = assign(text, path, "V")

    assert isinstance(made, Refusal)
    assert re.search(reason, made.reason)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<a&b>", '"<a&b>"'),
        ('"<', '"\\"\\u003c"'),
        ("ä<", '"ä\\u003c"'),
        ("\n", '"\\n"'),
        ("", '""'),
        ("\\", '"\\\\"'),
    ],
)
def test_html_is_escaped_where_something_else_is(value: str, expected: str) -> None:
    assert string(value) == expected


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ('{"a":1}', "a", "{}"),
        ('{"a":1,"b":2}', "a", '{"b":2}'),
        ('{"a":1, "b":2}', "b", '{"a":1}'),
        ('{"a":1,"b":2,"c":3}', "b", '{"a":1,"c":3}'),
        ('{"a":{"b":1,"c":2}}', "a.b", '{"a":{"c":2}}'),
        ('{"a":[1,2]}', "a.0", '{"a":[2]}'),
        ('{"a":1}', "b", None),
        ('{"a":1}', "a.b", None),
        ('{"a":[1]}', "a.4", None),
        ("no json", "a", None),
        ("5", "a", None),
        ("{}", "*", None),
    ],
)
def test_a_value_is_removed_with_its_comma(text: str, path: str, expected: str | None) -> None:
    assert remove(text, path) == expected
