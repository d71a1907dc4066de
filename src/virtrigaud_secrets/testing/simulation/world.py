"""Lets the lease core live against simulated servers, and measures whether what it gives out is good."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from virtrigaud_secrets.leases.actions import (
    EndLogin,
    Happened,
    InspectLogin,
    LogIn,
    LookUp,
    Read,
    Renew,
    RenewLogin,
    Request,
)
from virtrigaud_secrets.leases.core import LeaseCore
from virtrigaud_secrets.leases.gate import Gate
from virtrigaud_secrets.leases.verdicts import Meaning, Verdict
from virtrigaud_secrets.stores.base import LoginState, StoreKey
from virtrigaud_secrets.testing.simulation.client import Reply, SimulatedClient
from virtrigaud_secrets.testing.simulation.server import Fault, Role, ServerLease, SimulatedVault

STORE: Final = StoreKey("SecretStore", "simulation", "vault")
"""The store there is if nothing else is said."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request that reached a server."""

    at: float
    kind: str
    key: Hashable


@dataclass(slots=True, kw_only=True)
class Kept:
    """One secret that is kept."""

    store: StoreKey
    path: str
    lease: ServerLease
    """What is in use."""
    since: float
    """Until when it was judged."""
    refused: float = 0.0
    """Seconds in which a credential was given out that the server refuses."""
    missing: float = 0.0
    """Seconds in which none was given out."""
    gaps: list[tuple[float, float]] = field(default_factory=list)
    """From when to when there was none that is good."""
    rotations: int = 0

    @property
    def without(self) -> float:
        """Seconds without a credential that is good."""
        return self.refused + self.missing


class World:
    """One process and its servers. Time is counted, in seconds from 0."""

    def __init__(
        self,
        *,
        seed: int = 1,
        latency: float = 0.02,
        timeout: float = 5.0,
        gate: Gate | None = None,
        pin_limit: timedelta = timedelta(hours=1),
        record: bool = True,
    ) -> None:
        """An empty world.

        Args:
            seed: of chance.
            latency: seconds between a request and its reply.
            timeout: seconds after which a request that hangs fails.
            gate: see `LeaseCore`.
            pin_limit: see `LeaseCore`.
            record: whether each request and event is kept, not only counted.
        """
        self.random = random.Random(seed)  # noqa: S311  # chance of a simulation
        self.core = LeaseCore(uniform=self.random.uniform, gate=gate, pin_limit=pin_limit)
        self.clients: dict[StoreKey, SimulatedClient] = {}
        self.kept: dict[Hashable, Kept] = {}
        self.leases: dict[int, ServerLease] = {}
        """The credential of a serial."""
        self.now = 0.0
        """True time."""
        self.hidden = 0.0
        """Seconds that passed and that the core's clock did not count."""
        self.requests: list[Sent] = []
        self.counted: Counter[str] = Counter()
        self.happened: list[Happened] = []
        self.in_flight: set[Request] = set()
        self.most_in_flight = 0
        self._latency = latency
        self._timeout = timeout
        self._record = record
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = itertools.count()
        self.vault = self.server()

    # Setting up

    def server(self, store: StoreKey = STORE) -> SimulatedVault:
        """Add a server."""
        vault = SimulatedVault()
        self.clients[store] = SimulatedClient(vault, self._count)
        return vault

    @property
    def clock(self) -> float:
        """The core's time."""
        return self.now - self.hidden

    def keep(self, key: Hashable, role: Role | None = None, *, path: str = "", store: StoreKey = STORE) -> int:
        """Read a secret, as a resolver does for somebody who waits, and keep it. Gives its serial.

        Raises:
            ValueError: the server does not answer.
        """
        client = self.clients[store]
        path = path or str(key)
        if role is not None:
            client.vault.roles[path] = role
        reply = client.send(Read(key=key, generation=0), path, sent=self.clock, now=self.now)
        if reply is None or reply.grant is None or reply.lease is None:
            raise ValueError("the server does not answer")
        self._see_login(store, reply.login)
        former = self.kept.get(key)
        if former is not None:
            self._judge(key)
        serial = self.core.hold(key, reply.grant, store=store, now=self.clock)
        self.leases[serial] = reply.lease
        if former is None:
            self.kept[key] = Kept(store=store, path=path, lease=reply.lease, since=self.now)
        else:
            former.lease = reply.lease
        return serial

    def release(self, key: Hashable) -> Kept:
        """Keep a secret no longer."""
        self._judge(key)
        self.core.release(key, self.clock)
        return self.kept.pop(key)

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Let something happen at a true time. What changes a server goes before the judgement of what is kept."""
        heapq.heappush(self._events, (when, next(self._sequence), act))

    def change(self, when: float, act: Callable[[], None]) -> None:
        """Let somebody change a server at a true time."""

        def changed() -> None:
            self.judge()
            act()

        self.at(when, changed)

    def suspend(self, seconds: float) -> None:
        """Let time pass that the core's clock does not count, and tell the core afterwards, as a driver does."""
        self.now += seconds
        self.hidden += seconds
        self.core.jumped(seconds, self.clock)
        # What was promised before was promised on a clock that stood still.
        for kept in self.kept.values():
            kept.since = self.now

    # Running

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        while True:
            self._work()
            due = self.core.wake_at(self.clock)
            wake = due + self.hidden
            event = self._events[0][0] if self._events else math.inf
            following = min(wake, event)
            if following > until:
                break
            self.now = max(self.now, following)
            while event > following and self.clock < due:
                # What rounding took: the core is not woken too early.
                self.now = math.nextafter(self.now, math.inf)
            while self._events and self._events[0][0] <= self.now:
                heapq.heappop(self._events)[2]()
        self.now = until
        self.judge()

    def judge(self) -> None:
        """Measure all that is kept up to now."""
        for key in self.kept:
            self._judge(key)

    def without(self) -> float:
        """Seconds without a good credential, of all that is kept."""
        return sum(kept.without for kept in self.kept.values())

    def refused(self) -> float:
        """Seconds in which a credential was given out that the server refuses, of all that is kept."""
        return sum(kept.refused for kept in self.kept.values())

    def sent(self, *kinds: str, key: Hashable = None, since: float = 0.0) -> list[Sent]:
        """Requests of some kinds, of one key or all."""
        return [
            one
            for one in self.requests
            if (not kinds or one.kind in kinds) and key in {None, one.key} and one.at >= since
        ]

    def most_within(self, seconds: float, key: Hashable = None, *, since: float = 0.0) -> int:
        """The most requests that were sent within a time, of one key or all."""
        times = [one.at for one in self.sent(key=key, since=since)]
        most, first = 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    # Inside

    def _work(self) -> None:
        for action in self.core.due(self.clock):
            if action in self.in_flight:
                raise AssertionError(f"sent twice: {action}")
            self.in_flight.add(action)
            self.most_in_flight = max(self.most_in_flight, len(self.in_flight))
            self._send(action)
        told = self.core.happened
        if self._record:
            self.happened += told

    def _send(self, action: Request) -> None:
        sent = self.clock

        def arrive() -> None:
            store, path = self._where(action)
            self._count(type(action).__name__, getattr(action, "key", None), self.now)
            if isinstance(action, EndLogin):
                self.judge()
            reply = self.clients[store].send(action, path, sent=sent, now=self.now)
            wait = self._latency / 2
            if reply is None:
                wait = self._timeout
                reply = Reply(verdict=Verdict(Meaning.TRANSIENT, acted=isinstance(action, Read), text="timeout"))
            if reply.verdict is not None:
                self.counted["failed"] += 1
            answer = reply
            self.at(self.now + wait, lambda: self._reply(action, store, answer, sent))

        self.at(self.now + self._latency / 2, arrive)

    def _where(self, action: Request) -> tuple[StoreKey, str]:
        if isinstance(action, InspectLogin | RenewLogin | LogIn | EndLogin):
            return action.store, ""
        if isinstance(action, Read):
            kept = self.kept.get(action.key)
            return (kept.store, kept.path) if kept is not None else (STORE, str(action.key))
        path, _, _ = action.lease_id.rpartition("/")
        for store, client in self.clients.items():
            if path in client.vault.roles:
                return store, path
        raise AssertionError(f"no server for {action}")

    def _reply(self, action: Request, store: StoreKey, reply: Reply, sent: float) -> None:
        self.in_flight.discard(action)
        now = self.clock
        if isinstance(action, EndLogin):
            self.core.login_ended()
        elif isinstance(action, InspectLogin | RenewLogin | LogIn):
            self.judge()
            if reply.verdict is not None:
                self.core.login_failed(action, reply.verdict, now)
                self._see_login(store, reply.login)
            elif reply.login is not None:
                self.core.login_done(store, reply.login, now)
        else:
            self._see_login(store, reply.login)
            self._judge(action.key)
            self._reply_about_lease(action, reply, sent, now)

    def _reply_about_lease(self, action: Read | Renew | LookUp, reply: Reply, sent: float, now: float) -> None:
        core = self.core
        if isinstance(action, Read):
            self._reply_read(action, reply, now)
        elif isinstance(action, Renew):
            if reply.extension is not None:
                core.renewed(action, reply.extension, now)
            elif reply.verdict is not None:
                core.renew_failed(action, reply.verdict, now)
        elif reply.remaining is not None:
            core.looked_up(action, reply.remaining, sent=sent, now=now)
        elif reply.verdict is not None:
            core.look_up_failed(action, reply.verdict, now)

    def _reply_read(self, action: Read, reply: Reply, now: float) -> None:
        if reply.verdict is not None:
            self.core.read_failed(action, reply.verdict, now)
            return
        if reply.grant is None or reply.lease is None:
            raise AssertionError("an empty reply")
        serial = self.core.read(action, reply.grant, now)
        if serial is None:
            return
        self.leases[serial] = reply.lease
        self.core.accept(action.key, now)
        kept = self.kept[action.key]
        kept.lease = reply.lease
        kept.rotations += 1

    def _see_login(self, store: StoreKey, state: LoginState | None) -> None:
        if state is not None:
            self.core.login_seen(store, state, self.clock)

    def _count(self, kind: str, key: object, now: float) -> None:
        self.counted[kind] += 1
        if self._record:
            self.requests.append(Sent(now, kind, key))

    def _judge(self, key: Hashable) -> None:
        kept = self.kept.get(key)
        if kept is None or kept.since >= self.now:
            return
        start, kept.since = kept.since, self.now
        given = min(max(self.core.ends(key, self.clock) + self.hidden, start), self.now)
        good = min(max(kept.lease.end(), start), self.now)
        kept.refused += max(given - good, 0.0)
        kept.missing += self.now - given
        bad = min(given, good)
        if bad < self.now:
            if kept.gaps and kept.gaps[-1][1] >= bad:
                kept.gaps[-1] = (kept.gaps[-1][0], self.now)
            else:
                kept.gaps.append((bad, self.now))


__all__ = ["STORE", "Fault", "Kept", "Sent", "World"]
