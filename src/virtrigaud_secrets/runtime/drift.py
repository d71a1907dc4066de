"""Notices that the wall clock moved against the one that never steps: suspended machines, restored snapshots."""

from __future__ import annotations

import threading
from typing import Final

from virtrigaud_secrets.clock import Clock

NOTICED: Final = 5.0
"""Seconds of drift that mean something: clocks that are kept in step by NTP move by less."""


class Drift:
    """Compares the two clocks whenever somebody looks. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._offset = self._now()

    def look(self) -> float:
        """Seconds by which the wall clock moved ahead since the last time, 0 where that is nothing."""
        # Held over the reading of the clocks: who read them before a jump and looks after it would see one backwards.
        with self._lock:
            offset = self._now()
            # Slow drift is forgiven at every look: only a jump between two looks counts.
            moved, self._offset = offset - self._offset, offset
        return moved if abs(moved) > NOTICED else 0.0

    def _now(self) -> float:
        return self._clock.now().timestamp() - self._clock.elapsed()
