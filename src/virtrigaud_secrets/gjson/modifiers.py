"""The modifiers of GJSON paths: functions from JSON text to JSON text.

They get paths evaluated through a function handed to them, so that they need not know how.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from virtrigaud_secrets.gjson.limits import Budget
from virtrigaud_secrets.gjson.path import trim
from virtrigaud_secrets.gjson.pretty import Layout, pretty, ugly
from virtrigaud_secrets.gjson.result import Kind, Result
from virtrigaud_secrets.gjson.scan import for_each, parse
from virtrigaud_secrets.gjson.validity import is_valid

Lookup: TypeAlias = Callable[[str, str], Result]
"""Evaluates a path in a text."""
Modifier: TypeAlias = Callable[[str, str, Lookup, Budget], str]
"""Makes a text of a text, given the argument after the modifier's colon."""

_SPECIAL: Final = re.compile('[\\x00-\\x1f"\\\\<>&\u2028\u2029\ud800-\udfff]')
_SHORT: Final = {
    '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f",
}  # fmt: skip
_GO_SPACE: Final = "\t\n\v\f\r \u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_NOT_BLANK: Final = re.compile(r"[^ \t\n\r]")
_MAX_INT64: Final = (1 << 63) - 1


def quote(text: str) -> str:
    """The text as a JSON string, with HTML's special characters escaped as Go does."""
    return f'"{_SPECIAL.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if "\ud800" <= character <= "\udfff":
        return "\\ufffd"
    return _SHORT.get(character) or f"\\u{ord(character):04x}"


def _options(argument: str) -> Iterator[tuple[str, Result]]:
    for key, value in for_each(parse(argument)):
        yield key.text, value


def _this(text: str, _argument: str, _lookup: Lookup, _budget: Budget) -> str:
    return text


def _valid(text: str, _argument: str, _lookup: Lookup, _budget: Budget) -> str:
    return text if is_valid(text) else ""


def _to_string(text: str, _argument: str, _lookup: Lookup, _budget: Budget) -> str:
    return quote(text)


def _from_string(text: str, _argument: str, _lookup: Lookup, _budget: Budget) -> str:
    return parse(text).text if is_valid(text) else ""


def _ugly(text: str, _argument: str, _lookup: Lookup, _budget: Budget) -> str:
    return ugly(text)


def _pretty(text: str, argument: str, _lookup: Lookup, budget: Budget) -> str:
    layout = Layout()
    for name, value in _options(argument):
        if name == "sortKeys":
            layout = layout._replace(sort_keys=value.is_set)
        elif name == "indent":
            layout = layout._replace(indent=_blanks_only(value.text))
        elif name == "prefix":
            layout = layout._replace(prefix=_blanks_only(value.text))
        elif name == "width":
            layout = layout._replace(width=_integer(value))
    return pretty(text, layout, budget)


def _blanks_only(text: str) -> str:
    return _NOT_BLANK.sub("", text)


def _integer(value: Result) -> int:
    if value.kind is Kind.TRUE:
        return 1
    if value.kind is Kind.STRING:
        return int(value.text) if re.fullmatch(r"-?[0-9]{1,18}", value.text) else 0
    number = value.number if value.kind is Kind.NUMBER else 0.0
    if number != number or abs(number) > _MAX_INT64:  # noqa: PLR0124  # not a number
        return -_MAX_INT64 - 1
    return int(number)


def _reverse(text: str, _argument: str, _lookup: Lookup, _budget: Budget) -> str:
    container = parse(text)
    if container.is_array:
        return f"[{','.join(reversed([value.raw for _, value in for_each(container)]))}]"
    if container.is_object:
        return f"{{{','.join(reversed([f'{key.raw}:{value.raw}' for key, value in for_each(container)]))}}}"
    return text


def _keys(text: str, _argument: str, _lookup: Lookup, _budget: Budget) -> str:
    container = parse(text)
    keys = [key.raw if container.is_object else "null" for key, _ in for_each(container)]
    return f"[{','.join(keys)}]"


def _values(text: str, _argument: str, _lookup: Lookup, _budget: Budget) -> str:
    container = parse(text)
    if container.is_array:
        return text
    return f"[{','.join(value.raw for _, value in for_each(container))}]"


def _unwrap(text: str) -> str:
    text = trim(text)
    return text[1:-1] if len(text) > 1 and text[0] in "[{" else text


def _flatten(text: str, argument: str, _lookup: Lookup, budget: Budget) -> str:
    container = parse(text)
    if not container.is_array:
        return text
    deep = False
    for name, value in _options(argument):
        if name == "deep":
            deep = value.is_set
    parts: list[str] = []
    pending = [for_each(container)]
    while pending:
        for _, value in pending[-1]:
            if value.is_array and deep:
                budget.spend(len(value.raw))
                pending.append(for_each(value))
                break
            part = (_unwrap(value.raw) if value.is_array else value.raw).strip(_GO_SPACE)
            if part:
                parts.append(part)
        else:
            pending.pop()
    return f"[{','.join(parts)}]"


def _join(text: str, argument: str, _lookup: Lookup, _budget: Budget) -> str:
    container = parse(text)
    if not container.is_array:
        return text
    preserve = False
    for name, value in _options(argument):
        if name == "preserve":
            preserve = value.is_set
    objects = [value for _, value in for_each(container) if value.is_object]
    if preserve:
        return f"{{{','.join(_unwrap(value.raw) for value in objects)}}}"
    members: dict[str, tuple[str, str]] = {}
    for item in objects:
        for key, value in for_each(item):
            first, _ = members.get(key.text, (key.raw, ""))
            members[key.text] = first, value.raw
    return f"{{{','.join(f'{key}:{value}' for key, value in members.values())}}}"


def _group(text: str, _argument: str, _lookup: Lookup, _budget: Budget) -> str:
    container = parse(text)
    if not container.is_object:
        return ""
    rows: list[list[str]] = []
    for key, values in for_each(container):
        if not values.is_array:
            continue
        for row, (_, value) in enumerate(for_each(values)):
            if row == len(rows):
                rows.append([])
            rows[row].append(f"{key.raw}:{value.raw}")
    return f"[{','.join(f'{{{chr(44).join(row)}}}' for row in rows)}]"


def _dig(text: str, argument: str, lookup: Lookup, _budget: Budget) -> str:
    found: list[str] = []

    def visit(value: Result) -> Iterator[tuple[Result, Result]]:
        hit = lookup(value.raw, argument)
        if hit.exists:
            found.append(hit.raw)
        return for_each(value) if value.kind is Kind.JSON else iter(())

    pending = [visit(parse(text))]
    while pending:
        following = next(pending[-1], None)
        if following is None:
            pending.pop()
        else:
            pending.append(visit(following[1]))
    return f"[{','.join(found)}]"


MODIFIERS: Final[dict[str, Modifier]] = {
    "dig": _dig,
    "flatten": _flatten,
    "fromstr": _from_string,
    "group": _group,
    "join": _join,
    "keys": _keys,
    "pretty": _pretty,
    "reverse": _reverse,
    "this": _this,
    "tostr": _to_string,
    "ugly": _ugly,
    "valid": _valid,
    "values": _values,
}
"""By the name after the `@`."""
