"""Time comes in through a `Clock`; nothing else in the library asks the system."""

from __future__ import annotations

import time
from datetime import UTC, datetime
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


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Wall time, aware UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Seconds since boot, suspended time included where the system can tell."""
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        time.sleep(seconds)
