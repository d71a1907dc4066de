"""Credentials that were replaced: cut short so that they end soon, kept alive for those who still use them. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from virtrigaud_secrets.leases import schedule
from virtrigaud_secrets.leases.actions import Renew
from virtrigaud_secrets.leases.schedule import Uniform
from virtrigaud_secrets.leases.state import Hold, Login, Term, TermState
from virtrigaud_secrets.leases.timers import Timers
from virtrigaud_secrets.leases.verdicts import Meaning, Verdict
from virtrigaud_secrets.stores.base import AnswerKind, Extension

AT_ONCE: Final = 1.0
"""Increment that ends a lease nobody uses: every token may renew, not every one may revoke."""
CUT_TRIES: Final = 8
"""How often a replaced lease is asked to end early, before it is left to its own end: some two minutes."""


class Drains:
    """What happens to a credential after its rotation.

    It is cut short by a renewal at once, not revoked later: the store ends it even if this process dies.
    """

    def __init__(
        self,
        timers: Timers[Hold | Term | Login],
        uniform: Uniform,
        *,
        pin_limit: float,
        queue: Callable[[Term], None],
        bury: Callable[[Term, float], None],
    ) -> None:
        self._timers = timers
        self._uniform = uniform
        self._pin_limit = pin_limit
        self._queue = queue
        self._bury = bury

    def retire(self, term: Term, now: float, *, unused: bool = False) -> None:
        """It was replaced, or (`unused`) nobody wants it any more."""
        if not term.serving or (unused and not term.lease_id) or term.end == math.inf:
            self._bury(term, now)
            return
        # What is under way for it is answered first: two requests for one lease may overtake each other.
        term.busy = term.state is TermState.RENEWING
        term.move(TermState.DRAINING)
        term.attempt, term.unused = 0, unused
        term.pinned_until = now + self._pin_limit
        self.schedule(term, now)

    def schedule(self, term: Term, now: float) -> None:
        """When the next thing is due for it."""
        if term.busy:
            return
        if term.end <= now:
            self._bury(term, now)
        elif self._is_left_alone(term, now):
            self._timers.set(term, term.end)
        elif _is_pinned(term, now):
            due = schedule.renew_at(term.sent, term.length, self._uniform)
            self._timers.set(term, min(due, term.pinned_until))
        elif self._increment(term, now) < term.end - now:
            self._queue(term)
        else:
            # What it has left is no more than it would be cut to.
            self._timers.set(term, term.end)

    def fired(self, term: Term, now: float) -> None:
        """Its timer fired."""
        if not term.busy:
            if term.end > now and not self._is_left_alone(term, now) and _is_pinned(term, now):
                self._queue(term)
            else:
                self.schedule(term, now)

    def request(self, term: Term, now: float) -> Renew | None:
        """What one whose turn it is wants."""
        if term.end <= now or self._is_left_alone(term, now):
            self.schedule(term, now)
            return None
        pinned = _is_pinned(term, now)
        self._timers.clear(term)
        term.busy, term.cut = True, not pinned
        increment = term.granted if pinned else self._increment(term, now)
        return Renew(key=term.key, serial=term.serial, lease_id=term.lease_id, increment=increment)

    def answered(self, term: Term, now: float) -> None:
        """What was under way when it was replaced has been answered, and does not matter any more."""
        term.busy = False
        self.schedule(term, now)

    def renewed(self, term: Term, extension: Extension, now: float) -> None:
        """It was cut or kept alive, or a renewal came through that was asked for before it was replaced."""
        term.busy, term.attempt = False, 0
        term.sent, term.length = extension.sent, float(extension.duration)
        term.ends = term.sent + term.length
        # At its maximum, renewing it for those who use it is of no use any more.
        term.given_up = term.given_up or (_is_pinned(term, now) and (extension.capped or term.length < term.granted))
        self.schedule(term, now)

    def failed(self, term: Term, verdict: Verdict, now: float) -> None:
        """It could not be cut or kept alive."""
        term.busy = False
        if verdict.meaning is Meaning.GONE or term.end <= now:
            self._bury(term, now)
            return
        term.attempt += 1
        passing = verdict.meaning in {Meaning.TRANSIENT, Meaning.UNKNOWN}
        if passing and (term.attempt < CUT_TRIES or _is_pinned(term, now)):
            term.cut = False
            delay = schedule.retry_delay(
                term.attempt - 1,
                granted=term.granted,
                remaining=term.end - now,
                uniform=self._uniform,
                retry_after=verdict.retry_after,
            )
            self._timers.set(term, now + delay)
        else:
            term.given_up = True
            self._timers.set(term, term.end)

    @staticmethod
    def _is_left_alone(term: Term, now: float) -> bool:
        may_be_cut = term.kind is AnswerKind.LEASE and term.renewable and bool(term.lease_id) and not term.shared
        return term.given_up or not may_be_cut or (term.cut and not _is_pinned(term, now))

    @staticmethod
    def _increment(term: Term, now: float) -> float:
        return AT_ONCE if term.unused else schedule.drain_time(term.granted, term.end - now)


def _is_pinned(term: Term, now: float) -> bool:
    return term.pins > 0 and now < term.pinned_until
