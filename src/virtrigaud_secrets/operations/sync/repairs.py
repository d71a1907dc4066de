"""How often a Secret is put right that somebody keeps changing: another controller, or a webhook of the cluster.

Each repair reads the stores and writes, and what the other one makes of it is the next change. Pure; the time comes in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from virtrigaud_secrets.operations.sync.inventory import Key

FIRST_PAUSE: Final = 1.0
"""Seconds between the first repair of a Secret and the second; twice as long before each further one."""
LONGEST_PAUSE: Final = 60.0
"""Seconds between two repairs, at most."""
QUIET_AFTER: Final = 300.0
"""Seconds without a repair, after which the next one is the first again."""


class Repairs:
    """Remembers repairs. Each key on one thread at a time."""

    def __init__(self) -> None:
        self._made: dict[Key, tuple[float, int]] = {}

    def next_at(self, key: Key) -> float:
        """The earliest moment for the next repair; minus infinity where there was none."""
        last, count = self._made.get(key, (-math.inf, 0))
        return last + _pause(count)

    def note(self, key: Key, now: float) -> None:
        """A repair begins."""
        last, count = self._made.get(key, (-math.inf, 0))
        self._made[key] = (now, 1 if now - last >= QUIET_AFTER else count + 1)

    def forget(self, key: Key) -> None:
        """An ExternalSecret is gone."""
        self._made.pop(key, None)


def _pause(count: int) -> float:
    # 2**n beyond any use overflows a float.
    return min(FIRST_PAUSE * 2.0 ** min(count - 1, 16), LONGEST_PAUSE) if count else 0.0
