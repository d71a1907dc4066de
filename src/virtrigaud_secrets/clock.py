"""Time comes in through a `Clock`; nothing else in the library asks the system."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Protocol


class Clock(Protocol):
    """Two times and a way to wait. `virtrigaud_secrets.testing.ManualClock` is the one for tests."""

    def now(self) -> datetime:
        """Wall time, aware UTC: for certificates and for people."""
        ...

    def elapsed(self) -> float:
        """Seconds on a clock that never steps and counts suspended time: for leases and deadlines."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        ...

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Wait on a condition that the caller holds, until it is notified or that many seconds have passed."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Wall time, aware UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Seconds since boot, suspended time included where the system can tell."""
        return _boot_time()

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        time.sleep(seconds)

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Wait on a condition that the caller holds, until it is notified or that many seconds have passed."""
        condition.wait(seconds)


_boot_time: Callable[[], float] = (
    partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic
)


def reader(clock: Clock) -> Callable[[], float]:
    """`clock.elapsed`, of the system's clock with no Python between: it is on the path of every cached read."""
    return _boot_time if type(clock) is SystemClock else clock.elapsed
