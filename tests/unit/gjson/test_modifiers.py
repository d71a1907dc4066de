from __future__ import annotations

import pytest

from virtrigaud_secrets import gjson
from virtrigaud_secrets.gjson.modifiers import MODIFIERS, quote
from virtrigaud_secrets.gjson.path import MODIFIER_NAMES


def test_every_name_has_a_function() -> None:
    assert set(MODIFIERS) == MODIFIER_NAMES


@pytest.mark.parametrize(
    ("document", "path", "raw"),
    [
        ("[1, [2], 3]", "@reverse", "[3,[2],1]"),
        ('{"a":1,"b":2}', "@reverse", '{"b":2,"a":1}'),
        ('"x"', "@reverse", '"x"'),
        ('{"a": [1, 2]}', "@ugly", '{"a":[1,2]}'),
        ('{"a":1}', "@this|a", "1"),
        ('{"a":1}', "@this.a", "1"),
        ('{"a":1}', "@this:x|a", "1"),
        ('{"a":1}', "@this:{x|y}|a", "1"),
        ('{"a":1}', "@this:(x|y)z|a", "1"),
        ('{"a":1}', "@this:", '{"a":1}'),
        ("[1,[2],[3,[4,[ ]]], [ ]]", "@flatten", "[1,2,3,[4,[ ]]]"),
        ("[1,[2],[3,[4,[ ]]], [ ]]", '@flatten:{"deep":true}', "[1,2,3,4]"),
        ("[1,[2]]", '@flatten:{"shallow":true}', "[1,2]"),
        ("{}", "@flatten", "{}"),
        ('[{"a":1,"b":2},{"a":3}, 5]', "@join", '{"a":3,"b":2}'),
        ('[{"a":1},{"a":3}, 5]', '@join:{"preserve":true}', '{"a":1,"a":3}'),
        ('[{"a":1}]', '@join:{"other":true}', '{"a":1}'),
        ("{}", "@join", "{}"),
        ("[1]", "@valid", "[1]"),
        ("[1", "@valid", ""),
        ('{"a":1,"b":2}', "@keys", '["a","b"]'),
        ("[5,6]", "@keys", "[null,null]"),
        ("5", "@keys", "[null]"),
        ("", "@keys", "[]"),
        ('{"a":1,"b":[ 2 ]}', "@values", "[1,[ 2 ]]"),
        ("[5, 6]", "@values", "[5, 6]"),
        ("5", "@values", "[5]"),
        ('{"a":"<"}', "@tostr", '"{\\"a\\":\\"\\u003c\\"}"'),
        ('"{\\"a\\":1}"', "@fromstr", '{"a":1}'),
        ('"x', "@fromstr", ""),
        ('{"a":[1,2],"b":[3],"c":4}', "@group", '[{"a":1,"b":3},{"a":2}]'),
        ("[1]", "@group", ""),
        ('{"a":{"a":1},"b":[{"a":2}]}', "@dig:a", '[{"a":1},1,2]'),
        ('{"b":5}', "@dig:a", "[]"),
        ('{"b": 1, "a": 2}', "@pretty", '{\n  "b": 1,\n  "a": 2\n}\n'),
        (
            '{"b": 1, "a": 2}',
            '@pretty:{"sortKeys":true,"indent":"x\\t","prefix":" ","width":1,"other":1}',
            '{\n \t"a": 2,\n \t"b": 1\n }\n',
        ),
        ("[1,2]", '@pretty:{"width":"0"}', "[\n  1,\n  2\n]\n"),
        ("[1,2]", '@pretty:{"width":"x"}', "[\n  1,\n  2\n]\n"),
        ("[1,2]", '@pretty:{"width":true}', "[\n  1,\n  2\n]\n"),
        ("[1,2]", '@pretty:{"width":1e400}', "[\n  1,\n  2\n]\n"),
        ("[1,2]", '@pretty:{"width":null}', "[\n  1,\n  2\n]\n"),
    ],
)
def test_modifiers(document: str, path: str, raw: str) -> None:
    assert gjson.get(document, path).raw == raw


def test_quote() -> None:
    assert quote('<\u2028\n\x01"\\\udcff\u00e9>') == '"\\u003c\\u2028\\n\\u0001\\"\\\\\\ufffd\u00e9\\u003e"'
