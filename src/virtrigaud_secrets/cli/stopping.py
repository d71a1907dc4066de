"""How a command that runs until it is told to stop learns of it."""

from __future__ import annotations

import os
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
    """An event that is set after a signal. A second Ctrl-C interrupts at once."""
    stop = threading.Event()
    heard, telling = os.pipe()

    def told(number: int, frame: FrameType | None) -> None:
        del frame
        # Takes no lock: the thread that is interrupted may hold it, such as that of the event it is waiting for.
        os.write(telling, b"\0")
        signal.signal(number, former[number])

    def hear() -> None:
        if os.read(heard, 1):
            stop.set()

    # None is a handler that was not set from Python, and cannot be set again from there.
    former = {int(number): signal.getsignal(number) or signal.SIG_DFL for number in STOP_SIGNALS}
    listener = threading.Thread(target=hear, name="virtrigaud-secrets-stop", daemon=True)
    listener.start()
    for number in STOP_SIGNALS:
        signal.signal(number, told)
    try:
        yield stop
    finally:
        for told_by, handler in former.items():
            signal.signal(told_by, handler)
        os.close(telling)
        listener.join()
        os.close(heard)
