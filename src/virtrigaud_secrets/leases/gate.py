"""How many background requests a process sends: a token bucket and limits of those under way. Pure."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

RATE: Final = 10.0
"""Requests a second that background work sends in the long run: what a server hardly notices."""
BURST: Final = 20
"""Requests it may send at once after a rest."""
UNDER_WAY: Final = 4
"""Requests under way at the same time. One lane has one less: a store that hangs leaves room for the others."""
AGAIN: Final = 1
"""Of those of one lane, how many may repeat what failed: what hangs again and again leaves room for what does not."""

Lane = Hashable
"""What requests share when one of them hangs: the store."""


@dataclass(slots=True)
class _UnderWay:
    total: int = 0
    again: int = 0


class Gate:
    """Lets requests through (G1)."""

    def __init__(self, *, rate: float = RATE, burst: int = BURST, under_way: int = UNDER_WAY) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._limit = under_way
        self._lane_limit = max(under_way - 1, 1)
        self._tokens = float(burst)
        self._at = -math.inf
        self._under_way = 0
        self._lanes: dict[Lane, _UnderWay] = {}

    def admit(self, now: float, lane: Lane = None, *, again: bool = False) -> bool:
        """Whether a request may be sent now; it then counts as under way until `finished` or `withdrawn`.

        Args:
            now: seconds on the clock that never steps.
            lane: what it shares with others when it hangs.
            again: whether it repeats one that failed.
        """
        self._fill(now)
        if self._tokens < 1 or not self._room(lane, again=again):
            return False
        self._tokens -= 1
        self._under_way += 1
        lane_load = self._lanes.setdefault(lane, _UnderWay())
        lane_load.total += 1
        lane_load.again += again
        return True

    def finished(self, lane: Lane = None, *, again: bool = False) -> None:
        """One request is no longer under way."""
        self._under_way -= 1
        load = self._lanes[lane]
        load.total -= 1
        load.again -= again
        if not load.total:
            del self._lanes[lane]

    def withdrawn(self, lane: Lane = None, *, again: bool = False) -> None:
        """One request was admitted and not sent."""
        self.finished(lane, again=again)
        self._tokens += 1

    def opens_at(self, now: float, lane: Lane = None, *, again: bool = False) -> float:
        """When the next request may be sent; infinity where one under way has to end first."""
        if not self._room(lane, again=again):
            return math.inf
        self._fill(now)
        return now if self._tokens >= 1 else now + (1 - self._tokens) / self._rate

    def _room(self, lane: Lane, *, again: bool) -> bool:
        if self._under_way >= self._limit:
            return False
        load = self._lanes.get(lane)
        return load is None or (load.total < self._lane_limit and not (again and load.again >= AGAIN))

    def _fill(self, now: float) -> None:
        if now > self._at:
            passed = now - self._at
            # Rounding must not keep a token back for which `opens_at` named the time.
            self._tokens = min(self._burst, self._tokens + passed * self._rate + 1e-9)
            self._at = now
