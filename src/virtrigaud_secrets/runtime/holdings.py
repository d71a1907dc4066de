"""The lease core under its lock: what hangs on a lease, who uses it, until when it may be given out. Asks no store."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from secrets import SystemRandom
from typing import Final

from virtrigaud_secrets.cache.answers import Kept
from virtrigaud_secrets.cache.entries import Entry, SecretName, Snapshot
from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.leases.actions import Happened, Read, Request
from virtrigaud_secrets.leases.core import LeaseCore
from virtrigaud_secrets.leases.state import Grant, TermState
from virtrigaud_secrets.leases.verdicts import Verdict
from virtrigaud_secrets.resolver.connections import Connections
from virtrigaud_secrets.runtime.health import LoginStatus
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import AnswerKind, Fetch, LoginState, StoreKey

Tell = Callable[[Happened, "SecretName | None"], None]
"""Is told what happened, and to which ExternalSecret."""

EntryOf = Callable[[SecretName], "Entry | None"]
"""Finds the entry of an ExternalSecret."""

_TOLD_BY_ENTRIES: Final = frozenset({EventKind.CREATED, EventKind.ROTATED, EventKind.REFRESHED, EventKind.RELEASED})
"""What the core says of credentials; the keeper says it of bundles, once each."""


class Holdings:
    """What is held by lease, and which ExternalSecrets use it. Safe to use from several threads.

    The lock is never held while a store is asked, a bundle is made or somebody is told.
    """

    def __init__(self, connections: Connections, *, settings: Settings, clock: Clock, tell: Tell) -> None:
        """Nothing is held."""
        self._connections = connections
        self._max_stale = settings.max_stale.total_seconds()
        self._clock = clock
        self._tell = tell
        self._lock = threading.Lock()
        # The system's chance, since a seeded one would repeat itself in every forked child.
        self._core = LeaseCore(uniform=SystemRandom().uniform, pin_limit=settings.pin_limit)
        self._users: dict[Fetch, set[SecretName]] = {}

    def call(self, call: Callable[[LeaseCore, float], object]) -> None:
        """Call the core."""
        now = self._clock.elapsed()
        with self._lock:
            call(self._core, now)

    # Answers

    def offer(self, fetch: Fetch, kept: Kept) -> int:
        """Let the core know of an answer that somebody read; 0 for one that hangs on nothing, else its serial."""
        if kept.answer.kind is AnswerKind.INTERVAL:
            return 0
        now = self._clock.elapsed()
        grant, login = self.grant_of(kept), self._login_of(fetch.store)
        with self._lock:
            if login is not None:
                self._core.login_seen(fetch.store, login, now)
            return self._core.offer(fetch, grant, store=fetch.store, now=now)

    def grant_of(self, kept: Kept) -> Grant:
        """What an answer grants, as the core needs it."""
        answer = kept.answer
        lease = answer.lease
        if answer.expires_at is not None and answer.kind is not AnswerKind.LEASE:
            # By the wall clock at the moment of sending, which is as long ago as the other clock says.
            age = self._clock.elapsed() - kept.sent
            length = (answer.expires_at - self._clock.now()).total_seconds() + age
        else:
            length = float(lease.duration) if lease is not None else 0.0
        return Grant(
            kind=answer.kind,
            sent=kept.sent,
            length=max(length, 0.0),
            lease_id=lease.lease_id if lease is not None else "",
            renewable=lease is not None and lease.renewable,
            login=answer.login,
            shared=answer.shared,
        )

    def is_usable(self, fetch: Fetch, serial: int, *, min_ttl: float = 0.0) -> bool:
        """Whether a credential may be given to somebody who asks now, and lasts that many seconds."""
        now = self._clock.elapsed()
        with self._lock:
            good = self._core.usable(fetch, serial, now)
            return good and (not min_ttl or self._core.ends_of(serial, now) - now >= min_ttl)

    def is_in_force(self, fetch: Fetch, serial: int) -> bool:
        """Whether it is the credential that is used from now on."""
        with self._lock:
            return self._core.serial(fetch) == serial

    def reject(self, fetch: Fetch, serial: int, verdict: Verdict) -> bool:
        """A credential that was read cannot be used: what was in force stays so. False if it was accepted meanwhile."""
        now = self._clock.elapsed()
        with self._lock:
            rejected = self._core.pending(fetch) == serial
            if rejected:
                self._core.reject(fetch, verdict, now)
        return rejected

    def unusable(self, serials: Mapping[Fetch, int], *, min_ttl: float) -> list[Fetch]:
        """Of which there is none to give out now that lasts that many seconds: they have to be read."""
        return [fetch for fetch, serial in serials.items() if not self.is_usable(fetch, serial, min_ttl=min_ttl)]

    def no_read_until(self, fetches: Iterable[Fetch]) -> float:
        """Until when one of these had better not be read: what was read last was refused, or its answer lost."""
        with self._lock:
            return max(map(self._core.no_read_until, fetches), default=-math.inf)

    def lost_answer(self, fetches: Iterable[Fetch]) -> None:
        """An answer was lost, of a read of one of these perhaps: none of them is read in haste in the background."""
        now = self._clock.elapsed()
        with self._lock:
            for fetch in fetches:
                self._core.lost_answer(fetch, now)

    # Bundles

    def put_in_force(self, entry: Entry, snapshot: Snapshot) -> set[SecretName] | None:
        """Let a bundle be the one in use. Gives who else uses a credential that is new; None if one was replaced."""
        now = self._clock.elapsed()
        others: set[SecretName] = set()
        with self._lock:
            if not all(self._core.usable(fetch, serial, now) for fetch, serial in snapshot.serials.items()):
                return None
            if not entry.gone:
                self._note_users(entry.name, entry.snapshot, snapshot, now)
            for fetch, serial in snapshot.serials.items():
                if self._core.pending(fetch) == serial:
                    self._core.accept(fetch, now)
                    others.update(self._users.get(fetch, ()))
            self._move_end(snapshot, now)
            if entry.gone:
                # For those who waited for it, and nobody after them: what no other bundle uses is let go of.
                for fetch in snapshot.serials:
                    if fetch not in self._users:
                        self._core.release(fetch, now)
                return others
            entry.snapshot = snapshot
            if entry.takers:
                self._core.hold(entry.name, _by_interval(snapshot), store=None, now=now)
        return others - {entry.name}

    def withdraw(self, entry: Entry, *, keep_reading: bool) -> None:
        """Let a bundle be used no longer. What nobody else uses is let go of."""
        now = self._clock.elapsed()
        with self._lock:
            if not keep_reading:
                entry.gone = True
                self._core.release(entry.name, now)
            snapshot, entry.snapshot = entry.snapshot, None
            self._note_users(entry.name, snapshot, None, now)
            if snapshot is not None:
                # Whoever got hold of it just before does not give it out either.
                snapshot.ends = min(snapshot.ends, now)

    def keep_reading(self, entry: Entry, interval: float) -> None:
        """Have a manifest read again by interval, and at once if there is nothing of it."""
        now = self._clock.elapsed()
        with self._lock:
            snapshot = entry.snapshot
            grant = Grant(kind=AnswerKind.INTERVAL, sent=now, length=interval)
            self._core.hold(entry.name, _by_interval(snapshot) if snapshot is not None else grant, store=None, now=now)
            if snapshot is None:
                self._core.refresh(entry.name, now)

    def is_wanted(self, action: Read) -> bool:
        """Whether a read that the core asked for is still to be sent: nobody who asked for it was faster."""
        with self._lock:
            return self._core.is_wanted(action)

    def users(self, fetch: Fetch) -> list[SecretName]:
        """The ExternalSecrets whose bundle hangs on a credential."""
        with self._lock:
            return sorted(self._users.get(fetch, ()))

    def is_outdated(self, snapshot: Snapshot) -> bool:
        """Whether a credential in it was replaced."""
        with self._lock:
            return any(self._core.serial(fetch) != serial for fetch, serial in snapshot.serials.items())

    def move_ends(
        self, entry_of: Callable[[SecretName], Entry | None], *, fetch: Fetch | None, store: StoreKey
    ) -> None:
        """Move the ends of all bundles that hang on a credential, or on any of a store."""
        now = self._clock.elapsed()
        with self._lock:
            if fetch is not None:
                names = set(self._users.get(fetch, ()))
            else:
                names = {name for known, users in self._users.items() if known.store == store for name in users}
            self._move_all(map(entry_of, names), now)

    def put_off(self, entry: Entry, until: float) -> None:
        """What is read by interval stays as good as fresh until then. What is lost or has ended does not."""
        now = self._clock.elapsed()
        with self._lock:
            snapshot = entry.snapshot
            if snapshot is None:
                return
            if all(self._core.usable(fetch, serial, now) for fetch, serial in snapshot.serials.items()):
                snapshot.refresh_at = snapshot.stale_at = until
                self._move_end(snapshot, now)

    # Users

    def pin(self, serials: Iterable[int]) -> None:
        """Keep credentials alive until `unpin`."""
        now = self._clock.elapsed()
        with self._lock:
            for serial in serials:
                self._core.pin(serial, now)

    def unpin(self, serials: Iterable[int]) -> None:
        """Somebody let go."""
        now = self._clock.elapsed()
        with self._lock:
            for serial in serials:
                self._core.unpin(serial, now)

    def report(self, serials: Mapping[Fetch, int]) -> None:
        """Somebody saw credentials refused."""
        now = self._clock.elapsed()
        with self._lock:
            for fetch, serial in serials.items():
                self._core.report(fetch, serial, now)

    # Work

    def due(self) -> tuple[list[Request], float]:
        """What the core wants sent now, and when it wants something again."""
        now = self._clock.elapsed()
        with self._lock:
            requests = self._core.due(now)
            return requests, self._core.wake_at(now)

    def jumped(self, ahead: float, entries: Iterable[Entry]) -> None:
        """The wall clock moved against the other one."""
        now = self._clock.elapsed()
        with self._lock:
            self._core.jumped(ahead, now)
            self._move_all(entries, now)

    def logins(self) -> tuple[LoginStatus, ...]:
        """The logins that credentials hang on, by store."""
        now = self._clock.elapsed()
        with self._lock:
            found = [
                LoginStatus(store=str(login.store), ends_in=login.ends - now, life=login.granted)
                for login in self._core.logins()
            ]
        return tuple(sorted(found, key=lambda login: login.store))

    def see_login(self, store: StoreKey) -> None:
        """Let the core know which login a store uses now."""
        login = self._login_of(store)
        if login is not None:
            self.call(lambda core, now: core.login_seen(store, login, now))

    def pass_on(self) -> None:
        """Tell what the core has to tell."""
        with self._lock:
            told = [
                (event, name)
                for event in self._core.happened
                if event.kind not in _TOLD_BY_ENTRIES
                # A making that failed was told by whoever made it.
                and not (event.kind is EventKind.ERROR and isinstance(event.key, SecretName))
                for name in self._concerned(event)
            ]
        for event, name in told:
            self._tell(event, name)

    def _login_of(self, store: StoreKey) -> LoginState | None:
        # Not with the lock held: it is a backend's code. A closed resolver has no login to look at, and what a backend
        # raises must not lose the answer that was just read.
        with suppress(Exception):
            leases = self._connections.client(store).leases
            return None if leases is None else leases.login()
        return None

    # With the lock held

    def _note_users(self, name: SecretName, old: Snapshot | None, new: Snapshot | None, now: float) -> None:
        for fetch in new.serials if new is not None else ():
            self._users.setdefault(fetch, set()).add(name)
        for fetch in old.serials if old is not None else ():
            if new is None or fetch not in new.serials:
                users = self._users.get(fetch, set())
                users.discard(name)
                if not users:
                    self._users.pop(fetch, None)
                    self._core.release(fetch, now)

    def _move_all(self, entries: Iterable[Entry | None], now: float) -> None:
        for entry in entries:
            if entry is not None and entry.snapshot is not None:
                self._move_end(entry.snapshot, now)

    def _move_end(self, snapshot: Snapshot, now: float) -> None:
        """Move the end of a bundle to where its credentials end now."""
        ends = snapshot.stale_at + self._max_stale
        for fetch, serial in snapshot.serials.items():
            ends = min(ends, self._core.ends_of(serial, now))
            if self._core.serial(fetch) == serial and self._core.state(fetch) is TermState.LOST:
                # Whoever asks for it waits for another one.
                snapshot.refresh_at = snapshot.stale_at = min(snapshot.stale_at, now)
        snapshot.ends = ends

    def _concerned(self, event: Happened) -> list[SecretName | None]:
        if isinstance(event.key, SecretName):
            return [event.key]
        if isinstance(event.key, Fetch):
            return [*sorted(self._users.get(event.key, ()))] or [None]
        return [None]


def _by_interval(snapshot: Snapshot) -> Grant:
    read_at = snapshot.read_at if math.isfinite(snapshot.read_at) else snapshot.made
    return Grant(kind=AnswerKind.INTERVAL, sent=read_at, length=snapshot.interval)
