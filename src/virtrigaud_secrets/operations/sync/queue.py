"""What is to be worked on when: each key once, however often it is asked for. Pure; the time comes in."""

from __future__ import annotations

import heapq
import math
from typing import Final, Generic, NamedTuple, TypeVar

FIRST_RETRY: Final = 1.0
"""Seconds before the first retry of one key; each further one waits twice as long (ESO §2.8)."""
LONGEST_RETRY: Final = 420.0
"""Seconds before a retry, at most (ESO §2.8)."""
RETRIES_PER_SECOND: Final = 10.0
"""Retries of all keys together, once `RETRY_BURST` of them were used up (ESO §2.8): an outage of a store must not
become a flood."""
RETRY_BURST: Final = 100.0
"""Retries that may follow each other at once."""

SPARE: Final = 64
"""Entries that count no more and may stay until they come up, beside one for each key."""

KeyT = TypeVar("KeyT")


class Ticket(NamedTuple, Generic[KeyT]):
    """One piece of work."""

    key: KeyT
    """On what."""
    due: float
    """Since when it is due."""


class WorkQueue(Generic[KeyT]):
    """A level-triggered queue with delays.

    A key that is asked for while it is worked on comes again afterwards: what changed meanwhile is not missed, and no
    key is worked on twice at a time. Not safe to use from several threads by itself.
    """

    def __init__(self) -> None:
        self._due: dict[KeyT, float] = {}
        self._heap: list[tuple[float, int, KeyT]] = []
        self._count = 0
        self._working: dict[KeyT, float] = {}
        self._failures: dict[KeyT, int] = {}
        self._tokens = RETRY_BURST
        self._filled_at = -math.inf

    def __len__(self) -> int:
        """How many keys wait or are worked on."""
        return len(self._due) + len(self._working)

    def add(self, key: KeyT, at: float) -> None:
        """Have a key worked on at a time, or sooner if it was to be sooner."""
        if key in self._working:
            self._working[key] = min(self._working[key], at)
            return
        known = self._due.get(key)
        if known is not None and known <= at:
            return
        self._due[key] = at
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, key))
        if len(self._heap) > 2 * len(self._due) + SPARE:
            # What was asked for sooner since would stay up to its own time, which may be a year away.
            self._heap = [entry for entry in self._heap if self._due.get(entry[2]) == entry[0]]
            heapq.heapify(self._heap)

    def take(self, now: float) -> Ticket[KeyT] | None:
        """What has been due for longest; None where nothing is due. To be followed by `done`."""
        if self.next_at() > now:
            return None
        at, _, key = heapq.heappop(self._heap)
        del self._due[key]
        self._working[key] = math.inf
        return Ticket(key, at)

    def done(self, key: KeyT) -> None:
        """The work on a key ended, well or not."""
        again = self._working.pop(key, math.inf)
        if again < math.inf:
            self.add(key, again)

    def next_at(self) -> float:
        """When something is due; infinity for never."""
        while self._heap:
            at, _, key = self._heap[0]
            if self._due.get(key) == at:
                return at
            heapq.heappop(self._heap)  # it was asked for sooner since, or dropped
        return math.inf

    def retry(self, key: KeyT, now: float) -> float:
        """Have a key worked on again after a failure. Gives the moment."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        # 2**n beyond any use overflows a float.
        delay = min(FIRST_RETRY * 2.0 ** min(failures, 16), LONGEST_RETRY)
        at = now + max(delay, self._wait_for_token(now))
        self.add(key, at)
        return at

    def succeeded(self, key: KeyT) -> None:
        """The next failure of a key is its first again."""
        self._failures.pop(key, None)

    def drop(self, key: KeyT) -> None:
        """A key is gone. What is being worked on comes to its end."""
        self._due.pop(key, None)
        self._failures.pop(key, None)
        if key in self._working:
            self._working[key] = math.inf

    def _wait_for_token(self, now: float) -> float:
        """Seconds until one more retry may happen. A token that is not there yet is taken ahead."""
        gained = (now - self._filled_at) * RETRIES_PER_SECOND
        self._tokens, self._filled_at = min(self._tokens + gained, RETRY_BURST) - 1, now
        return max(-self._tokens, 0.0) / RETRIES_PER_SECOND
