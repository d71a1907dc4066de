from __future__ import annotations

import pytest

from virtrigaud_secrets.gjson.path import Query
from virtrigaud_secrets.gjson.query import like, matches
from virtrigaud_secrets.gjson.scan import parse


@pytest.mark.parametrize(
    ("value", "op", "wanted", "outcome"),
    [
        ('"b"', "", "", True),
        ('"b"', "=", "b", True),
        ('"b"', "!=", "b", False),
        ('"b"', "<", "c", True),
        ('"b"', "<=", "b", True),
        ('"b"', ">", "a", True),
        ('"b"', ">=", "c", False),
        ('"b"', "%", "?", True),
        ('"b"', "!%", "b*", False),
        ('"b"', "~", "b", False),
        ("10", ">", "9", True),
        ("10", "=", "1e1", True),
        ("10", "%", "1*", False),
        ("true", "=", "true", True),
        ("true", "!=", "true", False),
        ("true", ">", "false", True),
        ("true", ">=", "x", True),
        ("true", "<", "false", False),
        ("false", "=", "false", True),
        ("false", "<", "true", True),
        ("false", "<=", "x", True),
        ("false", ">=", "false", False),
        ("null", "=", "null", False),
        ("[]", "=", "[]", False),
        ("", "=", "", False),
        ("1", "=", "~true", True),
        ("0", "=", "~false", True),
        ("null", "=", "~null", True),
        ("null", "=", "~false", True),
        ("", "=", "~*", False),
        ("", "!=", "~*", True),
        ("1", "=", "~x", False),
    ],
)
def test_matches(value: str, op: str, wanted: str, outcome: bool) -> None:
    assert matches(Query("", op, wanted, every=False), parse(value)) is outcome


@pytest.mark.parametrize(
    ("text", "pattern", "outcome"),
    [
        ("anything\n", "*", True),
        ("abc", "a*c", True),
        ("abc", "a?c", True),
        ("ac", "a?c", False),
        ("aXbXc", "a*X*c", True),
        ("abab", "*ab", True),
        ("aba", "*ab*b", False),
        ("a*", r"a\*", True),
        ("ab", r"a\*", False),
        ("a", "a\\", False),
        ("xa\\", "*\\", True),
        ("\u00e9", "?", True),
        ("a.c", "a.c", True),
        ("abc", "a.c", False),
        ("ab", "a**b", True),
        ("", "", True),
    ],
)
def test_like(text: str, pattern: str, outcome: bool) -> None:
    assert like(text, pattern) is outcome
