from __future__ import annotations

import pytest

from virtrigaud_secrets import gjson

FRIENDS = (
    '{"name": {"first": "Tom"}, "friends": ['
    '{"first": "Dale", "age": 44, "nets": ["ig", "fb"]}, '
    '{"first": "Roger", "age": 68, "nets": ["fb"]}, '
    '{"first": "Jane", "age": 47, "nets": []}], "n|m": [[1, 2], [3]], "t": [true, false, null, "x"]}'
)


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("friends.#", "3"),
        ("friends.1.first", '"Roger"'),
        ("friends.#.first", '["Dale","Roger","Jane"]'),
        ("friends.#.first|0", '"Dale"'),
        ("friends.#.nets.#", "[2,1,0]"),
        ('friends.#(first=="Roger").age', "68"),
        ("friends.#(age>45)#.first", '["Roger","Jane"]'),
        ("friends.#(age>100)#", "[]"),
        ('friends.#(nets.#(=="fb"))#.first', '["Dale","Roger"]'),
        ("friends.#(age>45)#.first|1", '"Jane"'),
        ("friends.#(age>45)#|@reverse|#.first", '["Jane","Roger"]'),
        ("friends.#(age>45).nets.0", '"fb"'),
        ('t.#(=="x")', '"x"'),
        ("t.#(a)", ""),
        ("t.#(==true)", "true"),
        ("na*.f?rst", '"Tom"'),
        (r"n\|m.1.0", "3"),
        ("name.first.x", ""),
        ("friends.5", ""),
        ("friends.x#", ""),
        ("friends.0.nets.1", '"fb"'),
        ("friends.0.first.0", ""),
        ("{name.first,friends.#}", '{"first":"Tom","_":3}'),
        ('{"a<":name.first,b:t.0,"x":nope}', '{"a<":"Tom","b":true}'),
        ("[name.first,t.3].1", '"x"'),
        ("[name.first]x", ""),
        ("[name", ""),
        ("{t.9,!nan}", '{"!nan":nan}'.replace("!nan", "_")),
        ('!"static"', '"static"'),
        ("!true", "true"),
        ("!nope", ""),
        ("!null|@this", "null"),
        ("!{a}.b", ""),
        ("name|first", '"Tom"'),
        ("name.@keys", '["first"]'),
        ("@nope", ""),
        ("@", ""),
        ("", ""),
        ("name|", ""),
    ],
)
def test_paths(path: str, raw: str) -> None:
    assert gjson.get(FRIENDS, path).raw == raw


@pytest.mark.parametrize(
    ("document", "path", "raw"),
    [
        ('{"a":1}\n{"a":2}\n', "..#", "2"),
        ('{"a":1}\n{"a":2}', "..#.a", "[1,2]"),
        ('{"a":1}\n{"a":2}', "..1.a", "2"),
        ('{"a":{"b":1},"a":{"c":2}}', "a.c", "2"),
        ('[{"b":1},{"c":2}]', "0.c", ""),
        ('{"x":[1,"', "x.#", ""),
        ('{"x":[1,{"a":"', "x.#", ""),
        ('{"x":[1,2', "x.#", "2"),
        ('{"x":[1,"', "x.#(>5)", ""),
        ('{"x":["', "x.0", ""),
        ('{"x', "x", ""),
        ('{"x":"', "x", ""),
        ('{"x" ', "y", ""),
        ("x", "x", ""),
        ('{"\\u0061":1}', "a", "1"),
        ('{"a\\n":1}', "a*", "1"),
        ("[1,,2]", "#.a", "[]"),
        ('[{"a":1},]', "#.a", "[1]"),
        ('[{"a":1},', "#.a", "[1]"),
        ('[{"a":1},x', "#.a", "[1]"),
        ('{"a":[{"b":1}],"a":[{"b":2}]}', "a.#(b>0)#.b", "[1]"),
        ('[[{"a":1}],[{"a":2}]]', "#.#.a", "[[1],[2]]"),
        ('{"a":{"b":[1]}}', "a.@this.b.0", "1"),
        ("[1,2]", "#(>0)#.x", "[]"),
        ('["a"]', "#()#", '["a"]'),
        ('{"a":"b"}', "a.#", ""),
    ],
)
def test_documents_of_all_sorts(document: str, path: str, raw: str) -> None:
    assert gjson.get(document, path).raw == raw
