"""How commands print: a console for results, one for errors, plain JSON. What is printed is decided elsewhere."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Final, TextIO

from virtrigaud_secrets.sensitive import REDACTED

if TYPE_CHECKING:
    from rich.console import Console

HIDDEN = REDACTED
"""What a table shows instead of a value."""


_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What moves the cursor, changes colours or turns the direction of writing."""


def console(*, stderr: bool = False) -> Console:
    """A console that never reads markup or emoji out of what it prints."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)


def visible(text: str) -> str:
    """`text` with control characters written out: manifests and servers must not steer the reader's terminal."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def complain(message: str, *, code: str = "") -> None:
    """One readable block on standard error: `error[code]: …`, further lines indented."""
    from rich.text import Text

    first, *rest = visible(message).split("\n")
    block = Text.assemble((f"error[{code}]: " if code else "error: ", "bold red"), first)
    for line in rest:
        block.append(f"\n  {line}")
    console(stderr=True).print(block)


def remark(message: str) -> None:
    """A remark beside the result, on standard error."""
    console(stderr=True).print(visible(message), style="yellow")


def print_json(document: object) -> None:
    """JSON on standard output: sorted as given, two blanks of indent, UTF-8."""
    write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def write_text(text: str) -> None:
    """Text for programs on standard output: UTF-8 whatever the terminal speaks, and written when this returns."""
    stream: TextIO | None = sys.stdout
    if stream is not None:
        stream.flush()
        # A half of a surrogate pair, as in the name of a file that is no UTF-8, becomes the escape JSON has for it.
        stream.buffer.write(text.encode(errors="backslashreplace"))
        stream.buffer.flush()
