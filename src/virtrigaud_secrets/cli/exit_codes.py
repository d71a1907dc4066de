"""Exit codes of the command line and which error gives which. Scripts rely on them; none changes its meaning."""

from __future__ import annotations

from enum import IntEnum

from virtrigaud_secrets.errors import (
    ConfigurationError,
    ManifestError,
    PushError,
    ResolveError,
    SecretsError,
    StoreError,
)


class ExitCode(IntEnum):
    """What a command's end means."""

    OK = 0
    """Done."""
    INVALID = 1
    """`check` or `doctor` found a fault."""
    USAGE = 2
    """The command line is wrong."""
    MANIFEST = 3
    """A manifest is wrong, or what it names is not there."""
    STORE = 4
    """A store refused, failed or could not be reached."""
    CONTENT = 5
    """The values came and cannot be used: decoding, template, validation."""
    CONFIGURATION = 6
    """A setting, a file or an optional package is wrong or missing."""
    INCOMPLETE = 7
    """`rotate`, `emergency`: a part was not done; the report says which."""
    UNKNOWN = 8
    """`emergency`: a request was sent, and whether it was carried out is not known."""
    INTERNAL = 70
    """A defect of this program."""
    INTERRUPTED = 130
    """Ctrl-C."""
    UNREAD = 141
    """Whoever read standard output stopped, as in `… | head`: the code of a program that SIGPIPE ends."""


def exit_code(error: SecretsError) -> ExitCode:
    """The exit code of an error; of several, that of the first."""
    if isinstance(error, (ResolveError, PushError)):
        return exit_code(error.errors[0])
    if isinstance(error, ManifestError):
        return ExitCode.MANIFEST
    if isinstance(error, StoreError):
        return ExitCode.STORE
    if isinstance(error, ConfigurationError):
        return ExitCode.CONFIGURATION
    return ExitCode.CONTENT
