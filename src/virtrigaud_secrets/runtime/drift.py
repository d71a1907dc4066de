"""Notices that the wall clock moved against the one that never steps: suspended machines, restored snapshots. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

NOTICED: Final = 5.0
"""Seconds of drift that mean something: clocks that are kept in step by NTP move by less."""


class Drift:
    """Compares the two clocks whenever somebody looks."""

    def __init__(self, *, wall: datetime, elapsed: float) -> None:
        self._offset = wall.timestamp() - elapsed

    def look(self, *, wall: datetime, elapsed: float) -> float:
        """Seconds by which the wall clock moved ahead since the last time, 0 where that is nothing."""
        offset = wall.timestamp() - elapsed
        # Slow drift is forgiven at every look: only a jump between two looks counts.
        moved, self._offset = offset - self._offset, offset
        return moved if abs(moved) > NOTICED else 0.0
