"""Conditions on values: comparisons, truth words, patterns with `*` and `?`.

Judges one value at a time; which values are asked is decided in `evaluate`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar

from virtrigaud_secrets.gjson.path import Query
from virtrigaud_secrets.gjson.result import MISSING, Kind, Result, read_number, to_bytes, truth_of

_T = TypeVar("_T", float, bytes)

CACHED_PATTERNS: Final = 128
"""Patterns remembered: one is met again for every key of an object."""


def matches(query: Query, value: Result) -> bool:
    """Whether the value meets the query's condition."""
    wanted = query.value
    if wanted.startswith("~"):
        value, wanted = _judge_truth(wanted[1:], value)
    if not value.exists:
        return False
    if not query.op:
        return True
    if value.kind is Kind.STRING:
        return _string_matches(query.op, value.text, wanted)
    if value.kind is Kind.NUMBER:
        return _compare(query.op, value.number, read_number(wanted))
    if value.kind in {Kind.TRUE, Kind.FALSE}:
        return _boolean_matches(query.op, wanted, value=value.kind is Kind.TRUE)
    return False


def _judge_truth(word: str, value: Result) -> tuple[Result, str]:
    """`~true` and its like: the value becomes whether it is so, and true is wanted."""
    judgements: dict[str, Callable[[], bool]] = {
        "*": lambda: value.exists,
        "null": lambda: value.kind is Kind.NULL,
        "true": lambda: truth_of(value) is True,
        "false": lambda: value.kind is Kind.NULL or truth_of(value) is False,
    }
    judge = judgements.get(word)
    if judge is None:
        return MISSING, ""
    return Result(Kind.TRUE if judge() else Kind.FALSE, ""), "true"


def _string_matches(op: str, text: str, wanted: str) -> bool:
    if op == "%":
        return like(text, wanted)
    if op == "!%":
        return not like(text, wanted)
    return _compare(op, to_bytes(text), to_bytes(wanted))


def _compare(op: str, left: _T, right: _T) -> bool:
    return {
        "=": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }.get(op, False)


def _boolean_matches(op: str, wanted: str, *, value: bool) -> bool:
    word, other, strict, loose = ("true", "false", ">", ">=") if value else ("false", "true", "<", "<=")
    return {"=": wanted == word, "!=": wanted != word, strict: wanted == other, loose: True}.get(op, False)


def like(text: str, pattern: str) -> bool:
    r"""Whether the whole text fits the pattern: `*` any text, `?` any character, `\*` the star itself."""
    expression = _expression(pattern)
    return expression is not None and expression.fullmatch(text) is not None


@lru_cache(maxsize=CACHED_PATTERNS)
def _expression(pattern: str) -> re.Pattern[str] | None:
    """The pattern as a regular expression; None for a pattern that fits nothing."""
    pieces = [""]
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "*":
            pieces.append("")
        elif character == "?":
            pieces[-1] += "."
        elif character == "\\" and at + 1 < len(pattern):
            at += 1
            pieces[-1] += re.escape(pattern[at])
        elif character == "\\" and len(pieces) == 1:
            # GJSON compares what follows a star from its end, and there a lone backslash stands for itself.
            return None
        else:
            pieces[-1] += re.escape(character)
        at += 1
    if len(pieces) == 1:
        return re.compile(pieces[0], re.DOTALL)
    first, *middle, last = pieces
    # Each piece is taken where it first fits and never given back, so that time does not explode with the stars.
    between = "".join(f"(?>.*?{piece})" for piece in middle if piece)
    return re.compile(f"{first}{between}.*{last}", re.DOTALL)
