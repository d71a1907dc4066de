"""Sprig's `fail`, and `hello` that shows it is there."""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.golang.reflect import STRING
from virtrigaud_secrets.template.functions.table import Function, FunctionError, table


def _fail(message: str) -> str:
    raise FunctionError(message, constant_only=True)


def _hello() -> str:
    return "Hello!"


FUNCTIONS: Final = table(
    Function("fail", _fail, (STRING,), STRING),
    Function("hello", _hello, (), STRING),
)
"""Flow."""
