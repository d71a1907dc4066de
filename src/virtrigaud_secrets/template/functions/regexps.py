"""Sprig's regular expressions over `golang.regexp`: RE2, so no pattern can take more than linear time."""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.golang import regexp
from virtrigaud_secrets.golang.reflect import BOOL, INT, STRING, STRING_SLICE, TypedSlice, byte_length
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

_BYTES_PER_STEP: Final = 1024
"""Text searched for the cost of one action."""
_REPLACED_PER_STEP: Final = 4
"""Text in which matches are replaced for that cost: there may be one at each character."""


def _try_compile(context: Context, pattern: str, text: str) -> regexp.Regexp | None:
    """The pattern, `None` if it is none; the search through the text is paid for."""
    limit = context.limits.regexp_size
    if byte_length(pattern) > limit:
        raise FunctionError(f"the regular expression is longer than {limit} bytes")
    context.spend(byte_length(text) // _BYTES_PER_STEP)
    try:
        return regexp.compile_pattern(pattern)
    except regexp.RegexpError:
        return None


def _compile(context: Context, pattern: str, text: str) -> regexp.Regexp:
    compiled = _try_compile(context, pattern, text)
    if compiled is None:
        raise FunctionError("invalid regular expression")
    return compiled


def _match(context: Context, pattern: str, text: str) -> bool:
    compiled = _try_compile(context, pattern, text)
    return compiled is not None and compiled.match(text)


def _must_match(context: Context, pattern: str, text: str) -> bool:
    return _compile(context, pattern, text).match(text)


def _find(context: Context, pattern: str, text: str) -> str:
    return _compile(context, pattern, text).find(text) or ""


def _strings(context: Context, found: list[str], *, is_nil: bool) -> TypedSlice:
    context.check_items(len(found))
    return TypedSlice(STRING_SLICE, found, is_nil=is_nil)


def _find_all(context: Context, pattern: str, text: str, limit: int) -> TypedSlice:
    compiled = _compile(context, pattern, text)
    found = compiled.find_all(text, _capped(context, limit))
    return _strings(context, found, is_nil=not found)


def _split(context: Context, pattern: str, text: str, limit: int) -> TypedSlice:
    compiled = _compile(context, pattern, text)
    pieces = compiled.split(text, _capped(context, limit))
    return _strings(context, pieces, is_nil=limit == 0)


def _capped(context: Context, limit: int) -> int:
    """One more than is allowed is enough to know that there are too many."""
    allowed = context.limits.items + 1
    return allowed if limit < 0 else min(limit, allowed)


def _check_replaced(context: Context, compiled: regexp.Regexp, text: str, replacement: str) -> None:
    if not compiled.match(text):
        return
    # Each byte may be replaced, each group of the template may be the whole text.
    worst = (len(text) + 1) * byte_length(replacement) + (replacement.count("$") + 1) * byte_length(text)
    if worst > context.limits.value_size:
        matches = compiled.find_all(text, context.limits.items + 1)
        context.check_items(len(matches))
        grown = sum(map(byte_length, matches)) * replacement.count("$")
        context.check_size(len(matches) * byte_length(replacement) + grown + byte_length(text))


def _replace(context: Context, pattern: str, text: str, replacement: str) -> str:
    compiled = _compile(context, pattern, text)
    context.spend(len(text) // _REPLACED_PER_STEP)
    _check_replaced(context, compiled, text, replacement)
    return compiled.replace_all(text, replacement)


def _replace_literal(context: Context, pattern: str, text: str, replacement: str) -> str:
    compiled = _compile(context, pattern, text)
    context.spend(len(text) // _REPLACED_PER_STEP)
    _check_replaced(context, compiled, text, replacement)
    return compiled.replace_all_literal(text, replacement)


def _quote_meta(context: Context, text: str) -> str:
    context.spend(len(text) // _REPLACED_PER_STEP)
    return regexp.quote_meta(text)


FUNCTIONS: Final = table(
    Function("regexMatch", _match, (STRING, STRING), BOOL, context=True),
    Function("mustRegexMatch", _must_match, (STRING, STRING), BOOL, context=True),
    *(
        Function(name, call, params, result, context=True)
        for plain, call, params, result in (
            ("regexFind", _find, (STRING, STRING), STRING),
            ("regexFindAll", _find_all, (STRING, STRING, INT), STRING_SLICE),
            ("regexReplaceAll", _replace, (STRING, STRING, STRING), STRING),
            ("regexReplaceAllLiteral", _replace_literal, (STRING, STRING, STRING), STRING),
            ("regexSplit", _split, (STRING, STRING, INT), STRING_SLICE),
        )
        for name in (plain, f"must{plain[0].upper()}{plain[1:]}")
    ),
    Function("regexQuoteMeta", _quote_meta, (STRING,), STRING, context=True),
)
"""Regular expressions. The plain ones panic in Go where the `must` ones return an error."""
