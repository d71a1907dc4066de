"""How commands print: a console for results, one for errors, plain JSON. What is printed is decided elsewhere."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from virtrigaud_secrets.sensitive import REDACTED

if TYPE_CHECKING:
    from rich.console import Console

HIDDEN = REDACTED
"""What a table shows instead of a value."""


def console(*, stderr: bool = False) -> Console:
    """A console that never reads markup or emoji out of what it prints."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)


def complain(message: str, *, code: str = "") -> None:
    """One readable block on standard error: `error[code]: …`, further lines indented."""
    from rich.text import Text

    first, *rest = message.splitlines() or [""]
    block = Text.assemble((f"error[{code}]: " if code else "error: ", "bold red"), first)
    for line in rest:
        block.append(f"\n  {line}")
    console(stderr=True).print(block)


def remark(message: str) -> None:
    """A remark beside the result, on standard error."""
    console(stderr=True).print(message, style="yellow")


def print_json(document: object) -> None:
    """JSON on standard output: sorted as given, two blanks of indent, UTF-8."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
