"""The functions that templates may call, one module a subject.

A subject is imported when a template first names one of its functions. What a function does lives in its subject; how
it is described, in `table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final

from virtrigaud_secrets.template.functions.table import Function

SUBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "builtins": (
        "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "index", "len", "print", "printf", "println", "html",
        "js", "urlquery", "call",
    ),
}  # fmt: skip
"""Module of this package → the names it defines. A test compares this with the modules' own tables."""

_SUBJECT_OF: Final[Mapping[str, str]] = {name: subject for subject, names in SUBJECTS.items() for name in names}

NAMES: Final = frozenset(_SUBJECT_OF)
"""Every name a template may call."""


@cache
def find_function(name: str) -> Function | None:
    """The function of that name, or `None` if there is none."""
    subject = _SUBJECT_OF.get(name)
    if subject is None:
        return None
    functions: Mapping[str, Function] = import_module(f"{__name__}.{subject}").FUNCTIONS
    return functions[name]
