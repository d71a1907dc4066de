"""Sprig's path functions. On Unix the `os*` ones are the same; no file system is looked at."""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.golang import path
from virtrigaud_secrets.golang.reflect import BOOL, STRING
from virtrigaud_secrets.template.functions.table import Function, table

FUNCTIONS: Final = table(
    *(
        Function(name, call, (STRING,), STRING)
        for call, names in (
            (path.base, ("base", "osBase")),
            (path.directory, ("dir", "osDir")),
            (path.clean, ("clean", "osClean")),
            (path.extension, ("ext", "osExt")),
        )
        for name in names
    ),
    Function("isAbs", path.is_absolute, (STRING,), BOOL),
    Function("osIsAbs", path.is_absolute, (STRING,), BOOL),
)
"""Paths."""
