"""How a command that runs until it is told to stop learns of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
"""SIGTERM is what a cluster sends before it takes a pod away; SIGINT is Ctrl-C."""


@contextmanager
def until_told() -> Generator[threading.Event]:
    """An event that a signal sets. A second Ctrl-C interrupts at once."""
    stop = threading.Event()

    def told(number: int, frame: FrameType | None) -> None:
        del frame
        stop.set()
        signal.signal(number, former[number])

    # None is a handler that was not set from Python, and cannot be set again from there.
    former = {int(number): signal.getsignal(number) or signal.SIG_DFL for number in STOP_SIGNALS}
    for number in STOP_SIGNALS:
        signal.signal(number, told)
    try:
        yield stop
    finally:
        for told_by, handler in former.items():
            signal.signal(told_by, handler)
