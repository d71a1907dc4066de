"""The command line `virtrigaud-secrets`: one file per command; each parses, calls and prints. No decisions here."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Entry point of the console script."""
    from virtrigaud_secrets.errors import MissingDependencyError

    try:
        from virtrigaud_secrets.cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich", "click"}:
            raise
        sys.exit(f"error: {MissingDependencyError('the command line', extra='cli')}")
    sys.exit(run())
