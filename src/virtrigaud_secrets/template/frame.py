"""What compiled code runs on: the state of one template invocation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from virtrigaud_secrets.template.functions.table import Context


class Frame:
    """State of one invocation. The context and the output are shared by all invocations of a rendering."""

    __slots__ = ("context", "depth", "dot", "out", "root", "variables", "write")

    def __init__(
        self, context: Context, out: list[str], dot: object, root: Mapping[str, object], slots: int, depth: int
    ) -> None:
        self.context = context
        self.out = out
        """Pieces of the output."""
        self.write: Callable[[str], None] = out.append
        self.dot = dot
        self.root = root
        """The data as the caller gave it."""
        self.variables: list[object] = [dot] * slots
        """One slot for each declaration; `$` is the first."""
        self.depth = depth
        """Invocations around this one."""


Run: TypeAlias = Callable[[Frame], object]
"""Compiled code: of an expression, which gives its value; of a statement, which gives `None` or a `Jump`'s word."""
