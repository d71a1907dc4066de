"""The command line `virtrigaud-secrets`: one file per command; each parses, calls and prints. No decisions here."""

from __future__ import annotations

import signal
import sys
from typing import Final

__all__ = ["main"]

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells have it."""


def main() -> None:
    """Entry point of the console script."""
    from virtrigaud_secrets.errors import MissingDependencyError

    try:
        from virtrigaud_secrets.cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich", "click"}:
            raise
        sys.exit(f"error: {MissingDependencyError('the command line', extra='cli')}")
    code = run()
    if code == INTERRUPTED:
        # The interpreter now waits for threads that are still at work; one more Ctrl-C in there can crash it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)
