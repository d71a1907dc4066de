"""Has what is due for leases, logins and subscriptions done: on threads of its own, or in the caller's."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.leases.actions import Request
from virtrigaud_secrets.leases.gate import UNDER_WAY
from virtrigaud_secrets.resolver.connections import Connections
from virtrigaud_secrets.runtime.drift import Drift
from virtrigaud_secrets.runtime.keeper import Keeper
from virtrigaud_secrets.runtime.lease_work import LeaseWork
from virtrigaud_secrets.runtime.scheduler import Scheduler
from virtrigaud_secrets.runtime.workers import Workers


class Upkeep:
    """Looks after what a keeper keeps."""

    def __init__(self, keeper: Keeper, connections: Connections, *, clock: Clock, elapsed: Callable[[], float]) -> None:
        """No thread yet."""
        self._keeper = keeper
        self._elapsed = elapsed
        self._closed = False
        self._drift = Drift(clock)
        # Of their own: requests of those who resolve, to a store that hangs, hold no renewal up.
        self._workers = Workers(UNDER_WAY, name="virtrigaud-secrets-leases")
        self.work = LeaseWork(keeper, connections, elapsed=elapsed)
        """What carries requests out."""
        self._scheduler = Scheduler(clock, self._step)

    def begin(self) -> None:
        """Have a thread look after it from now on, and look at once."""
        if not self._closed:
            self._scheduler.start()
            self._scheduler.wake()

    def is_well(self, now: float) -> bool:
        """Whether the thread, if one was ever needed, runs and looked at the clocks lately."""
        return not self._scheduler.started or self._scheduler.is_well(now)

    def run_due(self) -> float:
        """Do what is due in the calling thread, and give the seconds until something is due again."""
        while True:
            requests, due_at = self._due()
            for request in requests:
                self.work.carry_out(request)
            if not requests:
                return max(due_at - self._elapsed(), 0.0)

    def close(self) -> None:
        """Begin nothing from now on."""
        self._closed = True
        self._scheduler.close()
        self._workers.shutdown(cancel_futures=True)

    def _due(self) -> tuple[list[Request], float]:
        if self._closed:
            return [], math.inf
        self._mind_clocks()
        requests, due_at = self._keeper.holdings.due()
        self._keeper.holdings.pass_on()
        return requests, due_at

    def _mind_clocks(self) -> None:
        if ahead := self._drift.look():
            self._keeper.holdings.jumped(ahead, self._keeper.entries.all())

    def _step(self) -> float:
        requests, due_at = self._due()
        for request in requests:
            with suppress(RuntimeError):
                # A pool that takes no more belongs to a resolver that was closed.
                self._workers.submit(self.work.carry_out, request).add_done_callback(self._woken)
        return due_at

    def _woken(self, _: object) -> None:
        self._scheduler.wake()
