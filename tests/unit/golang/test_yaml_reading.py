# ruff: noqa: E501 - a document and what becomes of it on one line
from __future__ import annotations

import sys

import pytest
import yaml

from virtrigaud_secrets.golang.yaml_reading import YAMLError, unmarshal, unmarshal_map, unmarshal_strings

DOCUMENTS = [
    ("", {}),
    ("# c", {}),
    ("~", {}),
    ("a: 1", {"a": 1}),
    ("a: 1\nb: [x, 2.5, ~, yes]\nc: {d: e}", {"a": 1, "b": ["x", 2.5, None, True], "c": {"d": "e"}}),
    (
        "a: 0x1F\nb: 010\nc: 0o17\nd: 0b101\ne: 08\nf: 1_000\ng: 1e3\nh: .5\ni: 12:30",
        {"a": 31, "b": 8, "c": 15, "d": 5, "e": 8, "f": 1000, "g": 1000, "h": 0.5, "i": "12:30"},
    ),
    (
        "a: 2024-01-31\nb: 2024-01-31T10:20:30Z\nc: 2001-12-14 21:59:43.10 -5",
        {"a": "2024-01-31", "b": "2024-01-31T10:20:30Z", "c": "2001-12-14 21:59:43.10 -5"},
    ),
    ("y: n\non: off\n~x: 1", {"true": False, "~x": 1}),
    ("base: &a {x: 1, y: 2}\nm:\n  <<: *a\n  x: 3", {"base": {"true": 2, "x": 1}, "m": {"true": 2, "x": 3}}),
    ("base: &a {x: 1}\nm:\n  x: 3\n  <<: *a", {"base": {"x": 1}, "m": {"x": 1}}),
    (
        "a: &a {x: 1}\nb: &b {x: 2, z: 3}\nm: {<<: [*a, *b]}",
        {"a": {"x": 1}, "b": {"x": 2, "z": 3}, "m": {"x": 1, "z": 3}},
    ),
    (
        "m: {<<: 5}",
        {"Error": "error converting YAML to JSON: yaml: map merge requires map or sequence of maps as the value"},
    ),
    ("a: [1]\nm: {<<: *b}", {"Error": "error converting YAML to JSON: yaml: unknown anchor 'b' referenced"}),
    (
        "m:\n  <<: [1]",
        {"Error": "error converting YAML to JSON: yaml: map merge requires map or sequence of maps as the value"},
    ),
    ("a: &x [1, *x]", {"Error": "error converting YAML to JSON: yaml: anchor 'x' value contains itself"}),
    (
        'a: !!str 5\nb: !!int "7"\nc: !!binary aGVsbG8=\nd: !!float 3\ne: !x y\nf: !!null ~',
        {"a": "5", "b": 7, "c": "hello", "d": 3, "e": "y", "f": None},
    ),
    ("a: !!int x", {"Error": "error converting YAML to JSON: yaml: cannot decode !!str `x` as a !!int"}),
    ('a: !!binary "*"', {"Error": "error converting YAML to JSON: yaml: !!binary value contains invalid base64 data"}),
    (
        "a: !!float 18446744073709551615",
        {"Error": "error converting YAML to JSON: yaml: cannot decode !!int `18446744073709551615` as a !!float"},
    ),
    ("a: !!bool 5", {"Error": "error converting YAML to JSON: yaml: cannot decode !!int `5` as a !!bool"}),
    ('1: a\n1.5: b\ntrue: c\n"x": d\n1e100: e\n.inf: f', {".inf": "f", "1": "a", "1.5": "b", "true": "c", "x": "d"}),
    (
        '? [1, "x", 2.5, ~, {a: true}]\n: 2',
        {
            "Error": 'error converting YAML to JSON: yaml: invalid map key: []interface {}{1, "x", 2.5, interface {}(nil), map[interface {}]interface {}{"a":true}}'
        },
    ),
    (
        "? {a: 1}\n: 2",
        {"Error": 'error converting YAML to JSON: yaml: invalid map key: map[interface {}]interface {}{"a":1}'},
    ),
    ("~: 1", {"Error": "error converting YAML to JSON: unsupported map key of type: %!s(<nil>), key: <nil>, value: 1"}),
    (
        "18446744073709551615: 1",
        {
            "Error": "error converting YAML to JSON: unsupported map key of type: uint64, key: 0xffffffffffffffff, value: 1"
        },
    ),
    (
        "a: 18446744073709551615\nb: 18446744073709551616\nc: -9223372036854775808\nd: 1e400",
        {"a": 2.0**64, "b": 2.0**64, "c": -(2.0**63), "d": "1e400"},
    ),
    ("a: .nan", {"Error": "error converting YAML to JSON: json: unsupported value: NaN"}),
    ("a: -.inf", {"Error": "error converting YAML to JSON: json: unsupported value: -Inf"}),
    (
        "- 1",
        {
            "Error": "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}"
        },
    ),
    (
        "x",
        {
            "Error": "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value of type map[string]interface {}"
        },
    ),
    (
        "5",
        {
            "Error": "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number into Go value of type map[string]interface {}"
        },
    ),
    (
        "true",
        {
            "Error": "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal bool into Go value of type map[string]interface {}"
        },
    ),
    ("a: [", {"Error": "error converting YAML to JSON: yaml: line 1: did not find expected node content"}),
    ('a: "b\n', {"Error": "error converting YAML to JSON: yaml: line 2: found unexpected end of stream"}),
    ("a: *x", {"Error": "error converting YAML to JSON: yaml: unknown anchor 'x' referenced"}),
    (
        "a:\n\t- b",
        {"Error": "error converting YAML to JSON: yaml: line 2: found character that cannot start any token"},
    ),
    (
        "a: 1\n b: 2",
        {"Error": "error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context"},
    ),
    ("a: 1\n---\nb: [", {"a": 1}),
    ("%YAML 1.1\n---\na: 1\n...\n", {"a": 1}),
    ("a: |\n  x\n   y\nb: >-\n  p\n  q", {"a": "x\n y\n", "b": "p q"}),
    ("a: 'it''s'\nb: \"\\t\\u00e9\\x41\"", {"a": "it's", "b": "\téA"}),
    ("a: 1\na: 2", {"a": 2}),
    ("a: \udcff", {"Error": "error converting YAML to JSON: yaml: invalid leading UTF-8 octet"}),
    ("é: 世", {"é": "世"}),
    (
        'a: 0b-1\nb: -0b1\nc: 0b2\nd: +5\ne: -.5\nf: .\ng: 1.\nh: "5"',
        {"a": -1, "b": -1, "c": "0b2", "d": 5, "e": -0.5, "f": ".", "g": 1, "h": "5"},
    ),
    ("!!str a: !!str 1", {"a": "1"}),
    ("a: <<", {"a": "<<"}),
    ("k: @x", {"Error": "error converting YAML to JSON: yaml: found character that cannot start any token"}),
    ("k: `x", {"Error": "error converting YAML to JSON: yaml: found character that cannot start any token"}),
    ('a: "\\u12"', {"Error": "error converting YAML to JSON: yaml: did not find expected hexdecimal number"}),
    ("a: 2024-13-01", {"a": "2024-13-01"}),
    ("\ufeffa: 1", {"a": 1}),
]
"""Documents and what Go makes of them, numbers as JSON has them; its errors stand under `Error`."""


@pytest.mark.parametrize(("document", "expected"), DOCUMENTS)
def test_documents_are_read_as_go_does(document: str, expected: dict[str, object]) -> None:
    try:
        found: object = unmarshal_map(document)
    except YAMLError as error:
        found = {"Error": str(error)}
    assert found == expected


def test_other_documents_have_a_value_too() -> None:
    assert unmarshal("- 1") == [1.0]
    assert unmarshal("x") == "x"
    assert unmarshal("") is None


def test_aliases_are_limited() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(YAMLError, match="excessive aliasing"):
        unmarshal("\n".join(lines))


@pytest.mark.parametrize("document", ["[" * 200 + "]" * 200, "- " * 200, "{a: " * 200 + "1" + "}" * 200])
def test_depth_is_limited(document: str) -> None:
    with pytest.raises(YAMLError, match="exceeded max depth"):
        unmarshal(document)


def test_a_stack_that_ends_is_no_crash() -> None:
    limit = sys.getrecursionlimit()
    frame, depth = sys._getframe(), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    sys.setrecursionlimit(depth + 60)
    try:
        with pytest.raises(YAMLError, match="exceeded max depth"):
            unmarshal("[" * 100 + "]" * 100)
    finally:
        sys.setrecursionlimit(limit)


def test_mappings_of_texts() -> None:
    document = "a: 5432\nb: yes\nc: 0600\nd: ~\ne: 1.50\nf: 3.14159265358979\ng: 1234567.5\nh: x\n1: one"
    assert unmarshal_strings(document) == {
        "a": "5432", "b": "true", "c": "384", "d": "", "e": "1.5", "f": "3.1415927", "g": "1.2345675e+06", "h": "x",
        "1": "one",
    }  # fmt: skip
    assert unmarshal_strings("") == {}


@pytest.mark.parametrize("document", ["- 1", "x", "a: [1]", "a: {b: c}", "a: ["])
def test_other_documents_are_no_mappings_of_texts(document: str) -> None:
    with pytest.raises(YAMLError):
        unmarshal_strings(document)


def test_pythons_own_parser_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CLoader")
    assert unmarshal_map("a: 1\nb: [x, ~]") == {"a": 1.0, "b": ["x", None]}
    with pytest.raises(YAMLError, match="yaml: line"):
        unmarshal_map("a:\n  - [")
