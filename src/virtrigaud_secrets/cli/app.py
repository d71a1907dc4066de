"""The application: registers the commands and turns errors into one readable block and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Final, TextIO

import typer

from virtrigaud_secrets.cli import (
    check,
    demo,
    doctor,
    emergency,
    explain,
    monitor,
    plan,
    policy,
    push,
    render,
    resolve,
    rotate,
    schema,
    sync,
)
from virtrigaud_secrets.cli.exit_codes import ExitCode, exit_code
from virtrigaud_secrets.cli.output import complain
from virtrigaud_secrets.errors import SecretsError

DEBUG_OPTION: Final = "--debug"

_OUTPUT_ERRORS: Final = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What writing to a pipe or full disk raises."""

_USAGE_ERROR: Final = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")
"""Root of what a wrong command line raises: click's own class or, in later versions, typer's copy of it."""


def application() -> typer.Typer:
    """The Typer application with all commands."""
    app = typer.Typer(
        name="virtrigaud-secrets",
        help="Resolve ExternalSecret manifests straight from their stores.",
        add_completion=False,
        # Typer's own tracebacks print local variables, and those can be secrets.
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    commands = (
        check.check,
        plan.plan,
        explain.explain,
        resolve.resolve,
        push.push,
        rotate.rotate,
        emergency.emergency,
        doctor.doctor,
        monitor.monitor,
        policy.policy,
        sync.sync,
        render.render,
        schema.schema,
        demo.demo,
    )
    for command in commands:
        app.command()(command)

    @app.callback()
    def options(  # pyright: ignore[reportUnusedFunction]  # registered by the decorator
        *,
        debug: Annotated[
            bool, typer.Option(DEBUG_OPTION, help="Show a traceback with an error (never values).")
        ] = False,
    ) -> None:
        """Resolve ExternalSecret manifests straight from their stores."""

    return app


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. Errors go to standard error.

    Args:
        arguments: what follows the program's name; by default the process's own.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = typer.main.get_command(application())
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        # A terminal that knows no arrow shows its number; values are written past this, as UTF-8.
        reconfigure(errors="backslashreplace")
    try:
        outcome = command.main(args=words, prog_name="virtrigaud-secrets", standalone_mode=False)
        _flush()
    except typer.Exit as stop:
        return stop.exit_code
    except SystemExit as stop:
        # click and rich end the program like this where nobody reads standard output any more.
        if not isinstance(stop.__context__, BrokenPipeError):
            raise
        return _stop_writing(stop.__context__)
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted")
        return ExitCode.INTERRUPTED
    except SecretsError as error:
        _show_traceback_if_asked(words)
        complain(str(error), code=error.code)
        return exit_code(error)
    except Exception as error:  # noqa: BLE001  # the last line of defence: no traceback reaches a user unasked
        return _foreign(error, words)
    return outcome if isinstance(outcome, int) else ExitCode.OK


def _flush() -> None:
    stream: TextIO | None = sys.stdout
    if stream is not None:
        stream.flush()


def _foreign(error: Exception, words: Sequence[str]) -> ExitCode:
    if isinstance(error, _USAGE_ERROR):
        return _refuse(error)
    if isinstance(error, OSError) and error.errno in _OUTPUT_ERRORS:
        return _stop_writing(error)
    _show_traceback_if_asked(words)
    # The text of a foreign error may hold anything, so only its type is told.
    complain(f"defect in virtrigaud-secrets: {type(error).__name__}; run again with {DEBUG_OPTION} and report it")
    return ExitCode.INTERNAL


def _stop_writing(error: OSError) -> ExitCode:
    # What is still buffered must not fail again when the interpreter ends.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE:
        return ExitCode.UNREAD
    complain(f"cannot write to standard output: {error.strerror}", code="configuration")
    return ExitCode.CONFIGURATION


def _refuse(error: Exception) -> ExitCode:
    """What is wrong with the command line: it holds no secret, so the text may be shown."""
    message = getattr(error, "format_message", error.__str__)()
    complain(f"{message}\nvirtrigaud-secrets --help and virtrigaud-secrets COMMAND --help tell more", code="usage")
    return ExitCode.USAGE


def _show_traceback_if_asked(words: Sequence[str]) -> None:
    """Frames only: the message of a foreign error is left out, as it may hold a value."""
    if DEBUG_OPTION not in words:
        return
    kind, _, trace = sys.exc_info()
    sys.stderr.write("".join(traceback.format_tb(trace)))
    sys.stderr.write(f"{kind.__module__}.{kind.__qualname__}\n" if kind else "")
