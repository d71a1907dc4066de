"""A clock that moves when a test says so. Nothing here waits."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2030, 1, 1, 12, tzinfo=UTC)
"""Where a `ManualClock` starts unless told otherwise: far from any certificate a test forgot to date."""

LOOK_EVERY: Final = 0.02
"""Real seconds after which a thread that waits on a `ManualClock` looks at it again."""


class ManualClock:
    """Implements `virtrigaud_secrets.clock.Clock`. `sleep` returns at once and moves the time on."""

    def __init__(self, start: datetime = START) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be an aware datetime")
        self._start = start.astimezone(UTC)
        self._elapsed = timedelta(0)
        self._step = timedelta(0)
        self._lock = threading.Lock()
        self.sleeps: list[float] = []
        """The seconds of every `sleep`, in order."""

    def now(self) -> datetime:
        """Wall time, aware UTC."""
        with self._lock:
            return self._start + self._elapsed + self._step

    def elapsed(self) -> float:
        """Seconds since the clock was made; never moved by `step`."""
        with self._lock:
            return self._elapsed.total_seconds()

    def sleep(self, seconds: float) -> None:
        """Move on by that many seconds and remember it in `sleeps`."""
        self.sleeps.append(seconds)
        self.advance(timedelta(seconds=max(seconds, 0)))

    def advance(self, by: timedelta | float) -> None:
        """Let time pass: a `timedelta` or seconds.

        Raises:
            ValueError: time does not run backwards; `step` is for a wall clock that is set.
        """
        passed = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if passed < timedelta(0):
            raise ValueError("time does not run backwards")
        with self._lock:
            self._elapsed += passed

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Give others a moment of real time: who waits looks at the clock again."""
        del seconds  # of this clock, which only moves when it is told to
        condition.wait(LOOK_EVERY)

    def step(self, by: timedelta) -> None:
        """Set the wall clock forward or back, as an operator or NTP does. `elapsed` does not notice."""
        with self._lock:
            self._step += by
