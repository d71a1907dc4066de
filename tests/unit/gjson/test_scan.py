from __future__ import annotations

import pytest

from virtrigaud_secrets.gjson.result import MISSING, Kind, Result
from virtrigaud_secrets.gjson.scan import container_end, for_each, next_key, next_value, parse, squash


@pytest.mark.parametrize(
    ("text", "end"),
    [("[1]x", 3), ('{"]":[()]}x', 10), ("[1}x", 3), ("[[1]", 4), ('["a', 4), ('["\\"]"]', 7)],
)
def test_container_end(text: str, end: int) -> None:
    assert container_end(text, 0) == end


@pytest.mark.parametrize(
    ("text", "head"), [('"a\\"b"c', '"a\\"b"'), ('"a', '"a'), ("[1]2", "[1]"), ("(a)b", "(a)"), ('["', '["')]
)
def test_squash(text: str, head: str) -> None:
    assert squash(text) == head


def test_next_key() -> None:
    assert next_key(' , "a\\"b" : 1', 0) == ('"a\\"b"', 9)
    assert next_key(" } ", 0) == (None, 2)
    assert next_key('"a', 0) == (None, 2)


@pytest.mark.parametrize(
    ("text", "kind", "raw"),
    [
        (': "a"', Kind.STRING, '"a"'),
        (" [1] ", Kind.JSON, "[1]"),
        ("-1.5,", Kind.NUMBER, "-1.5"),
        ("nan]", Kind.NUMBER, "nan"),
        ("null}", Kind.NULL, "null"),
        ("n", Kind.NULL, "n"),
        ("truex1", Kind.TRUE, "truex"),
        ("false", Kind.FALSE, "false"),
    ],
)
def test_next_value(text: str, kind: Kind, raw: str) -> None:
    value, _ = next_value(text, 0)

    assert value is not None
    assert (value.kind, value.raw) == (kind, raw)


def test_no_next_value() -> None:
    assert next_value(' : "a', 0) == (None, 5)


@pytest.mark.parametrize(
    ("text", "kind", "raw", "plain"),
    [
        (" {} x", Kind.JSON, "{} x", "{} x"),
        ('"a\\n" x', Kind.STRING, '"a\\n"', "a\n"),
        ('"ab', Kind.STRING, '"ab', "ab"),
        ('"a\\nb', Kind.STRING, '"a\\nb', "a\nb"),
        ("12 x", Kind.NUMBER, "12", "12"),
        ("+1", Kind.NUMBER, "+1", "1"),
        ("nan", Kind.NUMBER, "nan", "NaN"),
        ("n", Kind.NULL, "n", ""),
        ("true,", Kind.TRUE, "true", "true"),
        ("x", Kind.NULL, "", ""),
        ("  ", Kind.NULL, "", ""),
    ],
)
def test_parse(text: str, kind: Kind, raw: str, plain: str) -> None:
    value = parse(text)

    assert (value.kind, value.raw, value.text) == (kind, raw, plain)


@pytest.mark.parametrize(
    ("container", "entries"),
    [
        (MISSING, []),
        (Result(Kind.NUMBER, "1"), [("", "1")]),
        (Result(Kind.JSON, "x[1]"), []),
        (Result(Kind.JSON, "  "), []),
        (Result(Kind.JSON, '{"a": 1, "b" :[2]}'), [('"a"', "1"), ('"b"', "[2]")]),
        (Result(Kind.JSON, "[1, 2]"), [("", "1"), ("", "2")]),
        (Result(Kind.JSON, '{"a": 1, x'), [('"a"', "1")]),
        (Result(Kind.JSON, '{"a": x'), []),
        (Result(Kind.JSON, "[1] x 5"), [("", "1"), ("", "5")]),
    ],
)
def test_for_each(container: Result, entries: list[tuple[str, str]]) -> None:
    assert [(key.raw, value.raw) for key, value in for_each(container)] == entries
