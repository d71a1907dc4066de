"""One heap of what is due when. A timer that was set anew leaves its old entry behind, which is passed over."""

from __future__ import annotations

import heapq
import math
from typing import Final, Generic, Protocol, TypeVar

_TIDY_FROM: Final = 64
"""Stale entries below this number are not worth tidying."""


class Timed(Protocol):
    """Something with one timer."""

    timer: int
    """The entry in force, 0 for none. Only `Timers` sets it."""
    timer_at: float
    """When that one fires. Only `Timers` sets it."""


T = TypeVar("T", bound=Timed)


class Timers(Generic[T]):
    """Who is due next. Holds no more than twice as many entries as there are timers."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._sequence = 0
        self._stale = 0

    def __len__(self) -> int:
        """Entries, stale ones included."""
        return len(self._heap)

    def set(self, target: T, at: float) -> None:
        """Let `target` be due at `at`, whatever was set before; infinity for never."""
        self.clear(target)
        if at == math.inf:
            return
        self._sequence += 1
        target.timer, target.timer_at = self._sequence, at
        heapq.heappush(self._heap, (at, self._sequence, target))

    @staticmethod
    def at(target: T) -> float:
        """When `target` is due; infinity for never."""
        return target.timer_at if target.timer else math.inf

    def clear(self, target: T) -> None:
        """Let `target` not be due."""
        if target.timer:
            target.timer = 0
            self._stale += 1
            if self._stale > _TIDY_FROM and self._stale * 2 > len(self._heap):
                self._heap = [entry for entry in self._heap if entry[2].timer == entry[1]]
                heapq.heapify(self._heap)
                self._stale = 0

    def fired(self, now: float) -> list[T]:
        """Everything that is due, earliest first; it is due no more."""
        due: list[T] = []
        while self._heap and self._heap[0][0] <= now:
            _, sequence, target = heapq.heappop(self._heap)
            if target.timer == sequence:
                target.timer = 0
                due.append(target)
            else:
                self._stale -= 1
        return due

    def next_at(self) -> float:
        """When the next is due; infinity for never."""
        while self._heap:
            at, sequence, target = self._heap[0]
            if target.timer == sequence:
                return at
            heapq.heappop(self._heap)
            self._stale -= 1
        return math.inf
