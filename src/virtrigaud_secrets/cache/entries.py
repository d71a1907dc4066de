"""What was made of each ExternalSecret: the bundle in force with its deadlines, one making under way for each."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.cache.freshness import Freshness, freshness
from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.stores.base import Answer, Fetch, Query


@dataclass(frozen=True, slots=True, order=True)
class SecretName:
    """Which ExternalSecret."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


@dataclass(slots=True, kw_only=True, eq=False)
class Snapshot:
    """A bundle in force. The bundle never changes; its deadlines move as leases are renewed.

    Times are seconds on the clock that never steps. A deadline is one number, written in one piece, so that readers
    need no lock.
    """

    bundle: Bundle
    """The bundle."""
    made_at: datetime
    """When its data was read or last found to be the same, wall time."""
    made: float
    """The same moment on the clock that never steps."""
    read_at: float
    """Before the oldest request without a lease was sent; infinity where all hangs on leases."""
    interval: float
    """The refresh interval; infinity for never."""
    refresh_at: float
    """When what has no lease is due to be read anew."""
    stale_at: float
    """When it is older than promised."""
    ends: float
    """When it must not be given out any more."""
    serials: Mapping[Fetch, int]
    """The credentials in it that are kept by the lease core."""
    found: Mapping[Query, Mapping[str, Answer]]
    """What searches found for it."""
    life: float = math.inf
    """Seconds that it had when it was put into force: what the stores grant, as far as is known."""

    def freshness(self, now: float) -> Freshness:
        """What to do for somebody who asks."""
        return freshness(now, refresh_at=self.refresh_at, stale_at=self.stale_at, ends=self.ends)


@dataclass(slots=True, eq=False)
class Entry:
    """One ExternalSecret that is kept."""

    name: SecretName
    snapshot: Snapshot | None = None
    """What is in force; swapped in one piece."""
    flight: Future[Snapshot] | None = None
    """The making under way."""
    maker: int = 0
    """The thread that makes it."""
    error: SecretsError | None = None
    """Why the last making failed; None since one that did not."""
    failures: int = 0
    """Failed makings since the last success."""
    blocked_until: float = -math.inf
    """Until when the error is remembered instead of asking again."""
    rotations: int = 0
    """How often other data took the place of what was there."""
    changed_at: datetime | None = None
    """When that was last, or when there was data first; wall time."""
    hits: int = 0
    """How often it was given out without asking a store. Counted without a lock: a few may be missing."""
    misses: int = 0
    """How often somebody waited for a store."""
    stale_served: bool = False
    """Whether something too old was given out since the last success."""
    used: float = math.inf
    """When somebody asked for it last; one that was just made for somebody is not the first to go."""
    queued: bool = False
    """Whether a making behind the askers' backs waits for a thread."""
    reported_at: float = -math.inf
    """When a refused value without a lease last led to a making."""
    gone: bool = False
    """Whether it is kept no longer: what is still made of it is for those who wait only."""
    asked_for: bool = False
    """Whether somebody was given its bundle who did not subscribe, and may still use it."""
    takers: list[Taker] = field(default_factory=list["Taker"])
    """Who is told of new bundles."""


class Taker(Protocol):
    """Somebody who is given each new bundle of an ExternalSecret."""

    def prepare(self, snapshot: Snapshot, *, changed: bool) -> Callable[[], None]:
        """Take a look at a new snapshot, and give back what puts it into force.

        Args:
            snapshot: the new one.
            changed: whether its data differs from what was in force.

        Raises:
            SecretsError: it cannot be used: what was in force stays so.
        """
        ...

    def drop(self) -> None:
        """What was in force is in force no more, and there is nothing new: `Entry.error` says why."""
        ...


class Entries:
    """The entries of a resolver, of limited number. Reading one that is there takes no lock."""

    def __init__(self, limit: int, *, dropped: Callable[[Entry], None]) -> None:
        """None yet.

        Args:
            limit: how many there may be; those with takers are never dropped.
            dropped: is told of one that had to go.
        """
        self._limit = limit
        self._dropped = dropped
        self._lock = threading.Lock()
        self._entries: dict[SecretName, Entry] = {}

    def get(self, name: SecretName) -> Entry | None:
        """The entry, if there is one."""
        return self._entries.get(name)

    def obtain(self, name: SecretName) -> Entry:
        """The entry, an empty one if there was none."""
        entry = self._entries.get(name)
        if entry is not None:
            return entry
        gone: list[Entry] = []
        with self._lock:
            entry = self._entries.get(name)
            if entry is None:
                if len(self._entries) >= self._limit:
                    gone = self._least_used()
                entry = self._entries[name] = Entry(name)
        for one in gone:
            self._dropped(one)
        return entry

    def pop(self, name: SecretName) -> Entry | None:
        """Take one out."""
        with self._lock:
            return self._entries.pop(name, None)

    def all(self) -> list[Entry]:
        """All of them."""
        with self._lock:
            return list(self._entries.values())

    def __len__(self) -> int:
        """How many."""
        return len(self._entries)

    def _least_used(self) -> list[Entry]:
        """A hundredth of those nobody subscribed to, so that the next ones find room without a search of their own."""
        free = sorted(
            (entry for entry in self._entries.values() if not entry.takers and entry.flight is None),
            key=lambda entry: entry.used,
        )
        gone = free[: max(len(free) // 100, 1)]
        for entry in gone:
            del self._entries[entry.name]
        return gone
