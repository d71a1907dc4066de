"""What waits for the gate: one lane a store, served in turn, the most urgent of each in front. Pure."""

from __future__ import annotations

import heapq
import math
from enum import IntEnum
from typing import Generic, NamedTuple, Protocol, TypeVar

from virtrigaud_secrets.leases.gate import Gate, Lane


class Rank(IntEnum):
    """What goes first, whatever its end."""

    FRESH = 0
    """Nothing failed yet. What fails again and again must not keep it from being renewed."""
    FAILING = 1
    """Its last request failed, and there is something left to save."""
    ENDED = 2
    """Its last request failed, and it has ended."""


class Waiting(Protocol):
    """Something that may wait."""

    queued: int
    """The entry in force, 0 for none. Only `Lanes` sets it."""


W = TypeVar("W", bound=Waiting)


class Taken(NamedTuple, Generic[W]):
    """Something whose turn it is."""

    target: W
    lane: Lane
    again: bool
    """Whether it repeats what failed."""


class Lanes(Generic[W]):
    """Who is next. Stores take turns, so that one that is in trouble or has much to do does not starve the others."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._lanes: dict[Lane, list[tuple[Rank, float, int, W]]] = {}
        self._sequence = 0

    def __len__(self) -> int:
        """Entries, stale ones included."""
        return sum(map(len, self._lanes.values()))

    def put(self, target: W, lane: Lane, *, rank: Rank, urgency: float) -> None:
        """Let it wait; one that waits already keeps its place. What has the lowest `urgency`, its end, goes first."""
        if not target.queued:
            self._sequence += 1
            target.queued = self._sequence
            heapq.heappush(self._lanes.setdefault(lane, []), (rank, urgency, self._sequence, target))

    @staticmethod
    def drop(target: W) -> None:
        """Let it wait no more."""
        target.queued = 0

    def take(self, now: float) -> Taken[W] | None:
        """Whose turn it is, if the gate lets it through."""
        for lane in list(self._lanes):
            rank = self._first(lane)
            if rank is None:
                continue
            again = rank is not Rank.FRESH
            if self._gate.admit(now, lane, again=again):
                waiting = self._lanes.pop(lane)
                target = heapq.heappop(waiting)[3]
                target.queued = 0
                if waiting:
                    self._lanes[lane] = waiting  # at the end: its turn is over
                return Taken(target, lane, again)
        return None

    def opens_at(self, now: float) -> float:
        """When `take` has something to give; infinity for never, unless a request ends before."""
        opens = math.inf
        for lane in list(self._lanes):
            rank = self._first(lane)
            if rank is not None:
                opens = min(opens, self._gate.opens_at(now, lane, again=rank is not Rank.FRESH))
        return opens

    def _first(self, lane: Lane) -> Rank | None:
        """The rank of the first in a lane; one that is empty is removed."""
        waiting = self._lanes[lane]
        while waiting and waiting[0][3].queued != waiting[0][2]:
            heapq.heappop(waiting)
        if waiting:
            return waiting[0][0]
        del self._lanes[lane]
        return None
