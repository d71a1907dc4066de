"""What one look-up may cost, so that a hostile path or document cannot hang or crash the caller.

Counts work and depth; knows nothing of paths.
"""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.errors import SecretsError

MAX_DEPTH: Final = 64
"""Path steps within each other, and levels `@pretty` indents: above any real path, and below half of Python's stack."""
MAX_PATH_CHARACTERS: Final = 16_384
"""Longest path taken: a property in a manifest is a line of text."""
BASE_WORK: Final = 10_000_000
"""Characters any look-up may read and write: a few seconds at worst. Each modifier or multipath can double a text."""
WORK_PER_CHARACTER: Final = 8
"""How often a look-up may go over each character of the document on top of that, so that size alone is no fault."""
LOOKUP_COST: Final = 50
"""Characters' worth of work that finding out about one value costs before its text is read."""


class PathLimitError(SecretsError, ValueError):
    """The path asks for more than a look-up may cost. The path may be right; the document is then too large for it."""

    code = "path-limit"


class Budget:
    """The work and depth left to one look-up."""

    __slots__ = ("_depth", "_work")

    def __init__(self, text: str) -> None:
        self._work = BASE_WORK + WORK_PER_CHARACTER * len(text)
        self._depth = MAX_DEPTH

    def spend(self, characters: int) -> None:
        """Count work done.

        Raises:
            PathLimitError: that was too much.
        """
        self._work -= characters + LOOKUP_COST
        if self._work < 0:
            raise PathLimitError("the property path needs too much work on this document")

    def descend(self) -> None:
        """Count one level down; pair it with `ascend`.

        Raises:
            PathLimitError: that was too deep.
        """
        self._depth -= 1
        if self._depth < 0:
            raise PathLimitError(f"the property path or the document goes more than {MAX_DEPTH} steps deep")

    def ascend(self) -> None:
        """Back up one level."""
        self._depth += 1
