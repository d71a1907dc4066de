"""Keeps what was resolved: gives it out as the freshness table says, and has it made anew, once for all who wait.

What hangs on leases is the matter of `holdings`; no lock is held while a store is asked or a bundle is made.
"""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from secrets import SystemRandom
from typing import Final

from virtrigaud_secrets.cache.answers import AnswerCache, Kept
from virtrigaud_secrets.cache.entries import Entries, Entry, SecretName, Snapshot
from virtrigaud_secrets.cache.freshness import Freshness
from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import (
    ClosedError,
    ConfigurationError,
    CredentialExpiredError,
    SecretsError,
    StoreUnavailableError,
    forget_locals,
)
from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.leases import schedule
from virtrigaud_secrets.leases.actions import Happened
from virtrigaud_secrets.manifests import Catalog
from virtrigaud_secrets.resolver.connections import Connections
from virtrigaud_secrets.runtime.endings import credential_expired
from virtrigaud_secrets.runtime.holdings import Holdings, Tell
from virtrigaud_secrets.runtime.making import Access, BundleMaker, Made
from virtrigaud_secrets.runtime.verdicts import is_definite, verdict_of
from virtrigaud_secrets.runtime.wanted import Wanted
from virtrigaud_secrets.runtime.windows import Windows
from virtrigaud_secrets.runtime.wishes import Wish
from virtrigaud_secrets.runtime.workers import Workers
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch, References, StoreKey

REMEMBERED_ERROR: Final = 5.0
"""Seconds, at most, for which an error is given to all who ask, instead of asking the store again."""
REPORTED_EVERY: Final = 1.0
"""Seconds between two reads that reports of refused values without a lease lead to."""
TRIES: Final = 3
"""How often a bundle is made of answers that were replaced meanwhile, before that is an error."""


Offered = dict[Fetch, tuple[Kept, "Kept | None"]]
"""What was read for a making, and what was kept before."""


class Keeper:
    """What a resolver keeps. Safe to use from several threads."""

    def __init__(
        self,
        catalog: Catalog,
        connections: Connections,
        *,
        settings: Settings,
        clock: Clock,
        references: References,
        tell: Tell,
        needed: Callable[[], None],
        dropped: Callable[[SecretName], None],
    ) -> None:
        """Nothing is kept yet.

        Args:
            catalog: the manifests.
            connections: the stores.
            settings: the process's settings.
            clock: time.
            references: Kubernetes objects that templates refer to.
            tell: is told what happened, and to which ExternalSecret.
            needed: called when something is kept that has to be looked after.
            dropped: is told of an ExternalSecret that is kept no longer.
        """
        self._clock = clock
        self._tell = tell
        self._needed = needed
        self._forgotten = dropped
        self._changed = threading.Condition()
        self._lock = threading.Lock()
        self._closed = False
        self._uniform = SystemRandom().uniform
        self._wanted: Final = Wanted()
        self.bites = True
        """Whether what the store has no more, or refuses, is given out no more, whatever was read before."""
        self.holdings: Final = Holdings(connections, settings=settings, clock=clock, tell=tell)
        self.answers: Final = AnswerCache(clock)
        self.entries: Final = Entries(settings.max_secrets, dropped=self._dropped)
        self.workers: Final = Workers(settings.concurrency, name="virtrigaud-secrets")
        self.maker: Final = BundleMaker(
            catalog,
            connections,
            settings=settings,
            clock=clock,
            references=references,
            answers=self.answers,
            pool=lambda: self.workers,
        )
        self._windows: Final = Windows(self.maker.windows, clock)

    # Giving out

    def get(self, entry: Entry, *, min_ttl: float = 0.0) -> Snapshot:
        """What is in force, as good as the freshness table wants it.

        Raises:
            SecretsError: there is nothing that may be given out; why.
        """
        self._refuse_if_closed()
        snapshot, now = entry.snapshot, self._clock.elapsed()
        entry.used = now
        row = Freshness.ENDED if snapshot is None else self._freshness(entry, snapshot, now)
        if snapshot is not None and min_ttl:
            # Where the store never grants as much, half of what it grants is left at least: not a credential a call.
            wanted = min_ttl if min_ttl <= snapshot.life else snapshot.life / 2
            if snapshot.ends - now < wanted:
                self._refuse_remembered(entry, now, min_ttl=wanted)
                return self.obtain(entry, Wish(min_ttl=wanted, asked_at=now))
        if snapshot is not None and row in {Freshness.FRESH, Freshness.REVALIDATE}:
            entry.hits += 1
            if row is Freshness.REVALIDATE:
                self.revalidate(entry)
            return snapshot
        entry.misses += 1
        try:
            self._refuse_remembered(entry, now)
            return self.obtain(entry, Wish())
        except SecretsError as error:
            return self._stale(entry, snapshot, error)

    def _freshness(self, entry: Entry, snapshot: Snapshot, now: float) -> Freshness:
        """The row of the table, after a read that the manifest's windows do not allow now was put off."""
        if snapshot.freshness(now) is not Freshness.FRESH:
            self.put_off(entry)
        return snapshot.freshness(now)

    def put_off(self, entry: Entry) -> float | None:
        """When what is kept may be read by interval, and good until then; None where windows allow it now."""
        until = None if entry.snapshot is None else self._windows.closed_until(entry.name)
        if until is not None:
            self.holdings.put_off(entry, until)
        return until

    def _stale(self, entry: Entry, snapshot: Snapshot | None, error: SecretsError) -> Snapshot:
        """What there was before a failed making, if it may be given out; else the error."""
        now = self._clock.elapsed()
        if snapshot is None or isinstance(error, ClosedError):
            raise error
        if now < snapshot.ends and not is_definite(error):
            if not entry.stale_served:
                entry.stale_served = True
                remaining = snapshot.ends - now
                self._happened(EventKind.STALE_SERVED, entry.name, remaining=remaining, reason=str(error))
            return snapshot
        if snapshot.serials and now >= snapshot.ends:
            raise self.expired(entry, snapshot, error) from error
        raise error

    def expired(self, entry: Entry, snapshot: Snapshot, error: SecretsError | None) -> CredentialExpiredError:
        """The error for a credential that came to its end."""
        return credential_expired(entry.name, snapshot, error, now=self._clock.elapsed(), wall=self._clock.now())

    def _refuse_remembered(self, entry: Entry, now: float, *, min_ttl: float = 0.0) -> None:
        if entry.error is None:
            return
        # Who asks again and again does not have the store make credentials that are refused or that nobody gets.
        snapshot = entry.snapshot
        to_read = [] if snapshot is None else self.holdings.unusable(snapshot.serials, min_ttl=min_ttl)
        if now < entry.blocked_until or now < self.holdings.no_read_until(to_read):
            raise copy.copy(entry.error)

    def revalidate(self, entry: Entry) -> None:
        """Have it made anew behind the asker's back."""
        if entry.queued or entry.flight is not None or self._clock.elapsed() < entry.blocked_until:
            return
        # One job, however many ask until a thread is free for it.
        entry.queued = True
        try:
            self.workers.submit(self._revalidate, entry, entry.snapshot)
        except RuntimeError:
            entry.queued = False

    def _revalidate(self, entry: Entry, seen: Snapshot | None) -> None:
        try:
            if entry.snapshot is seen:
                self._try(entry, Wish())
        finally:
            entry.queued = False

    def _try(self, entry: Entry, wish: Wish) -> None:
        try:
            self.obtain(entry, wish)
        except SecretsError as error:
            forget_locals(error)

    # Making

    def obtain(self, entry: Entry, wish: Wish) -> Snapshot:
        """Have it made, or wait for the making that is under way.

        Raises:
            SecretsError: it cannot be made.
        """
        mine: Future[Snapshot] = Future()
        with self._lock:
            if self._closed:
                raise ClosedError("the resolver was closed")
            flight = entry.flight
            if flight is None:
                entry.flight, entry.maker = mine, threading.get_ident()
        if flight is not None:
            if entry.maker == threading.get_ident() and not flight.done():
                # A credentials class or a backend that asks for what it is just asked for would wait for ever.
                raise ConfigurationError("what makes it needs it to be made").at(f"ExternalSecret {entry.name}")
            # The making that was under way may have begun before what this asker has seen.
            if wish == Wish():
                return _landed(flight)
            with suppress(SecretsError):
                snapshot = _landed(flight)
                if wish.is_granted_by(snapshot, self._clock.elapsed()):
                    return snapshot
            return self.obtain(entry, wish)
        fault: SecretsError = _interrupted(entry)
        try:
            snapshot = self._made(entry, wish)
        except SecretsError as error:
            fault = error
            self._failed(entry, error)
            raise
        else:
            mine.set_result(snapshot)
            return snapshot
        finally:
            with self._lock:
                entry.flight = None
            if not mine.done():
                mine.set_exception(copy.copy(fault))

    def _made(self, entry: Entry, wish: Wish) -> Snapshot:
        interval = self.maker.interval(entry.name)
        self._note_wanted(entry)
        if entry.snapshot is not None and self._windows.closed_until(entry.name) is not None:
            # Something else is wanted than a read by interval, such as a credential that lasts longer.
            wish = replace(wish, any_age=True)
        offered: Offered = {}
        for _ in range(TRIES):
            try:
                made = self.maker.make(entry.name, self._access(wish, interval, offered))
                snapshot = self._publish(entry, made, interval)
            except SecretsError as error:
                self._give_back(offered, error)
                raise
            except BaseException:
                # What nobody rejects or accepts would never be renewed.
                self._give_back(offered, _interrupted(entry))
                raise
            if snapshot is not None:
                return snapshot
        fault = StoreUnavailableError("its credentials are replaced faster than they can be put to use")
        self._give_back(offered, fault)
        raise fault.at(f"ExternalSecret {entry.name}")

    def _note_wanted(self, entry: Entry) -> None:
        if entry.snapshot is None:
            self._wanted.add(entry.name, self._fetches(entry.name))

    def _forget_answers(self, name: SecretName) -> None:
        """Keep no answer that only this ExternalSecret asked for."""
        with suppress(SecretsError):
            self.answers.drop(self._wanted.drop(name, self._fetches(name)))

    def _fetches(self, name: SecretName) -> list[Fetch]:
        return [request.fetch for request in self.maker.plan(name).requests]

    def replan(self, name: SecretName) -> None:
        """Its manifest changed: the next making goes by the new one. What is in force stays so, and its leases alive.

        Raises:
            SecretsError: the new one cannot be planned.
        """
        self.maker.forget(name)
        self.answers.drop(self._wanted.replace(name, self._fetches(name)))

    def _access(self, wish: Wish, interval: float, offered: Offered) -> Access:
        now = self._clock.elapsed()

        def usable(fetch: Fetch, kept: Kept) -> bool:
            # Not what was read at the very moment of the wish either, unless for it: some clocks tick slowly.
            mine = fetch in offered and offered[fetch][0] is kept
            if kept.sent <= wish.newer_than and not mine and not (kept.serial and wish.spare_leases):
                return False
            if kept.serial:
                return self.holdings.is_usable(fetch, kept.serial, min_ttl=wish.min_ttl)
            return wish.any_age or now < kept.sent + interval * schedule.REFRESH_AT[0]

        def took(fetch: Fetch, kept: Kept) -> Kept:
            before = offered[fetch][1] if fetch in offered else self.answers.get(fetch)
            known = replace(kept, serial=self.holdings.offer(fetch, kept))
            offered[fetch] = (known, before)
            return known

        return Access(usable, took, wish.found)

    def _give_back(self, offered: Offered, error: SecretsError) -> None:
        """A making failed: credentials that were read for it and replace good ones are not put to use."""
        for fetch, (kept, before) in offered.items():
            self.reject(fetch, kept, before, error)
        self.holdings.pass_on()

    def reject(self, fetch: Fetch, kept: Kept, before: Kept | None, error: SecretsError) -> None:
        """A credential that was read cannot be used: the one before stays."""
        if self.holdings.reject(fetch, kept.serial, verdict_of(error)) and self.answers.get(fetch) is kept:
            self.answers.put(fetch, before)

    # Putting into force

    def _publish(self, entry: Entry, made: Made, interval: float) -> Snapshot | None:
        """Put a bundle into force; None if a credential in it was replaced meanwhile."""
        now = self._clock.elapsed()
        old = entry.snapshot
        changed = old is None or not made.gives_what(old.bundle)
        snapshot = self._snapshot(entry.name, made, interval, now, bundle=None if changed or old is None else old)
        commits = [taker.prepare(snapshot, changed=changed) for taker in list(entry.takers)]
        others = self.holdings.put_in_force(entry, snapshot)
        if others is None:
            return None
        snapshot.life = snapshot.ends - now
        entry.error, entry.failures, entry.blocked_until, entry.stale_served = None, 0, -math.inf, False
        for commit in commits:
            commit()
        with self._changed:
            self._changed.notify_all()
        self._announce(entry, old, changed=changed)
        self.rebuild(others)
        self.holdings.pass_on()
        if snapshot.serials or entry.takers:
            self.wake()
        return snapshot

    def _announce(self, entry: Entry, old: Snapshot | None, *, changed: bool) -> None:
        if changed:
            entry.changed_at = self._clock.now()
        if old is None:
            self._happened(EventKind.CREATED, entry.name)
        elif changed:
            entry.rotations += 1
            self._happened(EventKind.ROTATED, entry.name)
        else:
            self._happened(EventKind.REFRESHED, entry.name)

    def _snapshot(
        self, name: SecretName, made: Made, interval: float, now: float, *, bundle: Snapshot | None
    ) -> Snapshot:
        plain = [kept.sent for kept in made.used.values() if not kept.serial]
        # Searches are made anew by interval as well.
        if made.found:
            plain.append(now)
        read_at = min(plain, default=math.inf if made.used else now)
        refresh_at = stale_at = math.inf
        if math.isfinite(read_at) and math.isfinite(interval):
            refresh_at = self._windows.opens(name, schedule.refresh_at(read_at, interval, self._uniform))
            stale_at = max(self._windows.opens(name, read_at + interval), refresh_at)
        return Snapshot(
            bundle=made.bundle if bundle is None else bundle.bundle,
            made_at=self._clock.now(),
            made=now,
            read_at=read_at,
            interval=interval,
            refresh_at=refresh_at,
            stale_at=stale_at,
            ends=math.inf,
            serials={fetch: kept.serial for fetch, kept in made.used.items() if kept.serial},
            found=made.found,
        )

    def rebuild(self, names: Iterable[SecretName]) -> None:
        """Have these made anew of what is kept: a credential they share was replaced."""
        for name in names:
            try:
                self.workers.submit(self._rebuild_one, name)
            except RuntimeError:
                return

    def _rebuild_one(self, name: SecretName) -> None:
        entry = self.entries.get(name)
        snapshot = None if entry is None else entry.snapshot
        if entry is None or snapshot is None:
            return
        if self.holdings.is_outdated(snapshot):
            self._try(entry, Wish(any_age=True, found=snapshot.found))

    def _failed(self, entry: Entry, error: SecretsError) -> None:
        now = self._clock.elapsed()
        entry.error = error
        forget_locals(error)
        verdict = verdict_of(error)
        if verdict.acted and entry.snapshot is not None:
            self.holdings.lost_answer(entry.snapshot.serials)
        delay = schedule.retry_delay(
            entry.failures,
            granted=REMEMBERED_ERROR * 10,
            remaining=0.0,
            uniform=self._uniform,
            retry_after=verdict.retry_after,
        )
        entry.failures += 1
        entry.blocked_until = now + min(delay, REMEMBERED_ERROR)
        snapshot = entry.snapshot
        if snapshot is not None and self.bites and is_definite(error) and math.isfinite(snapshot.read_at):
            # Not there, or not allowed any more: that has to bite, however good the copy is.
            self.holdings.withdraw(entry, keep_reading=True)
            self._forget_answers(entry.name)
            for taker in list(entry.takers):
                taker.drop()
        self._happened(EventKind.ERROR, entry.name, attempt=entry.failures, reason=str(error))

    def fetch_ahead(self, entries: list[Entry]) -> Offered:
        """Read what several ExternalSecrets have in common, each path once, before each is made of it.

        Only what makes nothing: what a later one of them would be refused for must not have made a credential. And only
        for those that will be made now: nobody would accept what was read for others. To be passed to `settle` after.
        """
        wanted: dict[StoreKey, dict[Fetch, None]] = {}
        interval = math.inf
        for entry in filter(self._is_to_be_made, entries):
            with suppress(SecretsError):
                plan = self.maker.plan(entry.name)
                interval = min(interval, self.maker.interval(entry.name))
                for request in plan.requests:
                    if not request.side_effect:
                        wanted.setdefault(request.fetch.store, {})[request.fetch] = None
        offered: Offered = {}
        self.maker.read(
            [(store, list(fetches)) for store, fetches in wanted.items()], self._access(Wish(), interval, offered)
        )
        return offered

    def settle(self, offered: Offered) -> None:
        """Those that were read ahead for are made: what nobody put to use is not waited for."""
        self._give_back(offered, StoreUnavailableError("nobody put it to use"))

    def _is_to_be_made(self, entry: Entry) -> bool:
        snapshot, now = entry.snapshot, self._clock.elapsed()
        if snapshot is not None and self._freshness(entry, snapshot, now) in {Freshness.FRESH, Freshness.REVALIDATE}:
            return False
        return entry.error is None or now >= entry.blocked_until

    # Rotation, as the core wants it

    def rotate(self, fetch: Fetch, kept: Kept) -> SecretsError | None:
        """Put a credential that the core wanted read into force wherever it is used; the error if nobody can use it."""
        entries = [entry for entry in map(self.entries.get, self.holdings.users(fetch)) if entry is not None]
        error: SecretsError | None = None
        for entry in entries:
            found = None if entry.snapshot is None else entry.snapshot.found
            try:
                self.obtain(entry, Wish(any_age=True, found=found, credential=(fetch, kept.serial)))
            except SecretsError as failure:
                error = failure
                forget_locals(failure)
        in_force = self.holdings.is_in_force(fetch, kept.serial)
        return None if in_force else error or StoreUnavailableError("nobody uses it any more", path=fetch.key)

    def note_failure(self, names: Iterable[SecretName], error: SecretsError) -> None:
        """What these hang on could not be read anew: should they come to their end, that is why."""
        for entry in filter(None, map(self.entries.get, names)):
            entry.error = copy.copy(error).at(f"ExternalSecret {entry.name}")

    def _happened(
        self, kind: EventKind, name: SecretName, *, remaining: float | None = None, attempt: int = 0, reason: str = ""
    ) -> None:
        self._tell(Happened(kind=kind, key=name, remaining=remaining, attempt=attempt, reason=reason), name)

    def wait_for_change(self, seconds: float) -> None:
        """Wait until something was put into force, at most that long."""
        with self._changed:
            self._clock.wait(self._changed, seconds)

    # Users

    def begin(self, entry: Entry) -> None:
        """Keep an ExternalSecret fresh from now on: somebody subscribed to it. It is read as soon as may be."""
        self.holdings.keep_reading(entry, self.maker.interval(entry.name))
        self.wake()

    def wake(self) -> None:
        """Something has to be looked after."""
        self._needed()

    def pin(self, snapshot: Snapshot) -> tuple[int, ...]:
        """Keep the credentials of a snapshot alive until `unpin`."""
        serials = tuple(snapshot.serials.values())
        self.holdings.pin(serials)
        return serials

    def unpin(self, serials: tuple[int, ...]) -> None:
        """Somebody let go."""
        if serials:
            self.holdings.unpin(serials)
            self.wake()

    def report(self, entry: Entry, snapshot: Snapshot) -> None:
        """Somebody saw what is in a snapshot refused."""
        if entry.snapshot is not snapshot:
            return
        now = self._clock.elapsed()
        self.holdings.report(snapshot.serials)
        if math.isfinite(snapshot.read_at) and now >= max(snapshot.made, entry.reported_at) + REPORTED_EVERY:
            entry.reported_at = now
            with suppress(RuntimeError):
                self.workers.submit(self._try, entry, Wish(newer_than=now, spare_leases=True))
        self.wake()

    # Letting go

    def forget(self, name: SecretName) -> None:
        """Keep an ExternalSecret no longer. What it hangs on is let go of."""
        entry = self.entries.pop(name)
        if entry is not None:
            self._dropped(entry)
            self.wake()

    def _dropped(self, entry: Entry) -> None:
        self._forgotten(entry.name)
        self.holdings.withdraw(entry, keep_reading=False)
        self._forget_answers(entry.name)
        self._happened(EventKind.RELEASED, entry.name)
        self.holdings.pass_on()

    def close(self) -> None:
        """Give out and make nothing from now on."""
        with self._lock:
            self._closed = True
        self.workers.shutdown(cancel_futures=True)
        with self._changed:
            self._changed.notify_all()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ClosedError("the resolver was closed")


def _interrupted(entry: Entry) -> StoreUnavailableError:
    return StoreUnavailableError("the making was interrupted").at(f"ExternalSecret {entry.name}")


def _landed(flight: Future[Snapshot]) -> Snapshot:
    """The result of somebody else's making; its error as an object of our own, since callers add to it."""
    error = flight.exception()
    if error is not None:
        raise copy.copy(error)
    return flight.result()
