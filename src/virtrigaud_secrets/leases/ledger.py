"""What is kept, the questions that may be asked of it at any time, and what there is to tell. Decides nothing."""

from __future__ import annotations

import math

from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.leases import schedule
from virtrigaud_secrets.leases.actions import Happened
from virtrigaud_secrets.leases.state import Hold, HoldKey, Term, TermState
from virtrigaud_secrets.stores.base import AnswerKind


class Ledger:
    """The credentials of a process: those in force, and those that still work."""

    def __init__(self) -> None:
        self._holds: dict[HoldKey, Hold] = {}
        self._terms: dict[int, Term] = {}
        self._happened: list[Happened] = []

    def ends(self, key: HoldKey, now: float) -> float:
        """When what is in use under `key` must not be given out any more; minus infinity if nothing is kept."""
        hold = self._holds.get(key)
        return -math.inf if hold is None else self.ends_of(hold.term.serial, now)

    def ends_of(self, serial: int, now: float) -> float:
        """When a credential must not be given out any more, in force or replaced; minus infinity if it ended.

        One that the store does not know any more may work all the same, if the store itself is new and empty: it is
        given out until the first try to read another one has failed.
        """
        term = self._terms.get(serial)
        if term is None:
            return -math.inf
        hold = self._holds.get(term.key)
        if term.state is TermState.LOST and hold is not None and hold.attempt:
            return min(now, term.end)
        return term.end

    def pending(self, key: HoldKey) -> int | None:
        """The serial of what was read for `key` and is neither accepted nor rejected."""
        hold = self._holds.get(key)
        return None if hold is None or hold.successor is None else hold.successor.serial

    def no_read_until(self, key: HoldKey) -> float:
        """Until when no other credential is read for `key` (see `Hold`); minus infinity for no such wait."""
        hold = self._holds.get(key)
        return -math.inf if hold is None else hold.no_read_until

    def usable(self, key: HoldKey, serial: int, now: float) -> bool:
        """Whether a credential may be given to somebody who asks now: it is in force or about to be, and good."""
        hold = self._holds.get(key)
        if hold is None:
            return False
        if hold.successor is not None:
            return hold.successor.serial == serial and now < hold.successor.end
        term = hold.term
        if term.serial != serial or not term.serving or now >= term.end:
            return False
        # The password of a static role is replaced when its TTL is over.
        return term.kind is not AnswerKind.STATIC_ROLE or now < term.sent + term.length + schedule.UNREADY[0]

    def serial(self, key: HoldKey) -> int | None:
        """Which credential is in use under `key`."""
        hold = self._holds.get(key)
        return None if hold is None else hold.term.serial

    def state(self, key: HoldKey) -> TermState | None:
        """How the credential in use under `key` is."""
        hold = self._holds.get(key)
        return None if hold is None else hold.term.state

    @property
    def happened(self) -> list[Happened]:
        """What there is to tell since the last call."""
        told = self._happened[:]
        self._happened.clear()
        return told

    def __len__(self) -> int:
        """How many things are kept."""
        return len(self._holds)

    def _tell(self, kind: EventKind, term: Term, now: float, *, reason: str = "", attempt: int = 0) -> None:
        self._happened.append(
            Happened(
                kind=kind,
                key=term.key,
                lease_id=term.lease_id,
                remaining=left(term.end, now),
                attempt=attempt,
                reason=reason,
            )
        )


def left(end: float, now: float) -> float | None:
    """Seconds until an end; None where there is none."""
    return end - now if math.isfinite(end) else None
