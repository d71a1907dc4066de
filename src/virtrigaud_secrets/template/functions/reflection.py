"""Sprig's questions about types. Go types are named as Go names them; no Python type shows."""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.golang.equality import deep_equal
from virtrigaud_secrets.golang.reflect import ANY, BOOL, STRING, kind_of, type_name
from virtrigaud_secrets.template.functions.table import Function, table


def _type_is(name: str, value: object) -> bool:
    return name == type_name(value)


def _type_is_like(name: str, value: object) -> bool:
    return type_name(value) in {name, f"*{name}"}


def _kind_is(name: str, value: object) -> bool:
    return name == kind_of(value)


FUNCTIONS: Final = table(
    Function("typeOf", type_name, (ANY,), STRING),
    Function("typeIs", _type_is, (STRING, ANY), BOOL),
    Function("typeIsLike", _type_is_like, (STRING, ANY), BOOL),
    Function("kindOf", kind_of, (ANY,), STRING),
    Function("kindIs", _kind_is, (STRING, ANY), BOOL),
    Function("deepEqual", deep_equal, (ANY, ANY), BOOL, walks=True),
)
"""Types."""
