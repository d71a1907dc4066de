"""Keeps the SDK's loggers quiet while they work for a store: they write headers, and the login server's own words.

Records of the same loggers that other code of the process causes are left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_FAMILIES: Final = ("azure.", "msal.")

_quiet: Final[ContextVar[bool]] = ContextVar("virtrigaud_secrets_azure_quiet", default=False)


class _Mute(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002  # the base class passes it
        """Whether the record may pass."""
        return not _quiet.get()


_MUTE: Final = _Mute()


def cover() -> None:
    """Take in the loggers that the SDK has made so far. A filter acts only where it hangs, so each gets it."""
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.startswith(_FAMILIES) and isinstance(logger, logging.Logger):
            logger.addFilter(_MUTE)


@contextmanager
def quiet() -> Generator[None]:
    """Until the end of the block, the SDK logs nothing in this thread."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)
