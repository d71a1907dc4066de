"""What the core knows of leases and logins, and which changes of state there are. Holds no secret and no answer."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from virtrigaud_secrets.leases.schedule import LOST_ANSWER_WAIT
from virtrigaud_secrets.stores.base import AnswerKind, StoreKey

HoldKey = Hashable
"""What is kept: a fetch whose answer hangs on a lease, or a manifest that is read again by interval."""


PROBE_AFTER: Final = 24 * 3600.0
"""Seconds after which renewing is tried once more where it was of no use: somebody may have changed role or policy."""


class TermState(StrEnum):
    """Where one credential is in its life."""

    VALID = "valid"
    """Good, as far as is known."""
    RENEWING = "renewing"
    """Good, and a renewal or look-up is under way."""
    DRAINING = "draining"
    """Replaced; works on for those who still use it."""
    LOST = "lost"
    """The server does not know it any more."""
    GONE = "gone"
    """Ended; nobody is told it any more."""


TRANSITIONS: Final[Mapping[TermState, frozenset[TermState]]] = MappingProxyType(
    {
        TermState.VALID: frozenset({TermState.RENEWING, TermState.DRAINING, TermState.LOST, TermState.GONE}),
        TermState.RENEWING: frozenset({TermState.VALID, TermState.DRAINING, TermState.LOST}),
        TermState.DRAINING: frozenset({TermState.GONE}),
        TermState.LOST: frozenset({TermState.GONE}),
        TermState.GONE: frozenset(),
    }
)
"""State → states that may follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a read was granted, as the core needs it."""

    kind: AnswerKind
    """By what it is kept fresh."""
    sent: float
    """Before the request was sent, on the clock that never steps."""
    length: float
    """Seconds it is good for; for `INTERVAL` the refresh interval."""
    lease_id: str = field(default="", repr=False)
    """The store's name of the lease, empty where there is none."""
    renewable: bool = False
    """Whether the store extends it."""
    login: int = 0
    """Which login of the store it hangs on; 0 for none."""
    shared: bool = False
    """Whether others may be using the same lease, as behind a caching proxy: it is then never cut or revoked."""


@dataclass(slots=True, kw_only=True, eq=False)
class Term:
    """One credential that was granted."""

    serial: int
    """Tells it from all others of this process."""
    key: HoldKey
    """What it is a credential of."""
    store: StoreKey | None
    kind: AnswerKind
    lease_id: str = field(repr=False)
    renewable: bool
    login: int
    """Generation of the login that its lease hangs on; 0 for none."""
    bound: Login | None = field(default=None, repr=False)
    """That login, once it is known."""
    shared: bool
    granted: float
    """Seconds granted at first (L0): what every renewal asks for."""
    length: float
    """Seconds granted last (L)."""
    began: float
    """Before the request that made it."""
    sent: float
    """Before the latest request that was granted."""
    ends: float
    """Its end by its own account."""
    state: TermState = TermState.VALID
    renewals: int = 0
    """Renewals that were granted."""
    attempt: int = 0
    """Failures since the last success or change of state."""
    looked_up: bool = False
    """Whether, since the last renewal, the store said that it lives."""
    replayed: bool = False
    """Whether the last renewal was answered out of somebody's cache."""
    pins: int = 0
    """Users who hold on to it."""
    pinned_until: float = 0.0
    """When holding on ends at the latest; in use after its rotation only."""
    unused: bool = False
    """Whether nobody ever used it."""
    cut: bool = False
    """Whether it was asked to be cut short after its rotation."""
    given_up: bool = False
    """Whether, after its rotation, it is left to its own end."""
    busy: bool = False
    """Whether, after its rotation, a request for it is under way."""
    queued: int = 0
    """See `Lanes`; in use after its rotation only."""
    timer: int = 0
    """See `Timers`; in use after its rotation only."""
    timer_at: float = 0.0
    """See `Timers`."""

    def move(self, state: TermState) -> None:
        """Change the state.

        Raises:
            ValueError: the table has no such change.
        """
        if state is not self.state:
            if state not in TRANSITIONS[self.state]:
                raise ValueError(f"no way from {self.state} to {state}")
            self.state = state

    def shift(self, seconds: float) -> None:
        """That much time passed that the clock did not count."""
        self.began -= seconds
        self.sent -= seconds
        self.ends -= seconds

    @property
    def serving(self) -> bool:
        """Whether it is good, as far as is known."""
        return self.state is TermState.VALID or self.state is TermState.RENEWING

    @property
    def end(self) -> float:
        """F8: its own end, or that of the login it hangs on."""
        bound = self.bound
        return self.ends if bound is None or self.ends < bound.ends else bound.ends


@dataclass(slots=True, kw_only=True, eq=False)
class Hold:
    """One thing that is kept: its credential in force, and how the work on it goes."""

    key: HoldKey
    store: StoreKey | None
    """The store that is asked; None for a manifest, which may ask several."""
    term: Term
    """The credential in force."""
    successor: Term | None = None
    """The one that was read and is not in use yet."""
    reading: bool = False
    """Whether a read is under way."""
    generation: int = 0
    """Tells the last read from all others of this process; a reply to another one is dropped."""
    attempt: int = 0
    """Failed reads since the last success."""
    read_last: bool = False
    """Whether what failed last was a read, not a renewal."""
    rotate: bool = False
    """Whether the credential in force is to be read anew whatever its lease."""
    rotate_only: bool = False
    """Whether renewing was found to be of no use for credentials of this kind."""
    maximum: float = float("inf")
    """Seconds after which credentials of this kind end, however often they are renewed, as far as a cap has told."""
    probe_at: float = float("inf")
    """From when on renewing is tried again, and to its cap, with the next credential."""
    refused: int = 0
    """How many successors in a row were refused by what is made of them."""
    no_read_until: float = float("-inf")
    """Until when no other one is read for it: the last was refused, or its answer was lost. It may be renewed."""
    look_up: bool = False
    """Whether its end is to be asked for."""
    blind: bool = False
    """Whether the store does not let us ask for it."""
    unready: int = 0
    """How many reads in a row gave something that had already ended."""
    took: float = 0.0
    """Seconds that the last request took that was granted."""
    ahead: float = 0.0
    """How far the wall clock had run ahead when the request under way was sent."""
    reported: int = 0
    """Serial of the credential that somebody saw refused."""
    reported_at: float = float("-inf")
    """When a refused credential last led to a request."""
    expired: bool = False
    """Whether its end was announced."""
    queued: int = 0
    """See `Lanes`."""
    timer: int = 0
    """See `Timers`."""
    timer_at: float = 0.0
    """See `Timers`."""

    def rotated(self, now: float) -> None:
        """Another credential is in force."""
        self.refused, self.no_read_until = 0, float("-inf")
        if now >= self.probe_at:
            self.rotate_only, self.maximum, self.probe_at = False, float("inf"), float("inf")

    def give_up_renewing(self, now: float) -> None:
        """Renewing was of no use."""
        self.rotate_only, self.probe_at = True, now + PROBE_AFTER

    def learn_maximum(self, now: float) -> None:
        """A renewal was capped, not by a login's end: the next credential will end as long after its beginning."""
        term = self.term
        # Stores count whole seconds, and round down.
        if term.bound is None or term.bound.ends >= term.ends + 1:
            if self.maximum == math.inf:
                self.probe_at = now + PROBE_AFTER
            self.maximum = math.ceil(term.ends - term.began)

    def lost_answer(self, now: float) -> None:
        """The answer of a read was lost, so there may be a credential that nobody got."""
        self.no_read_until = max(self.no_read_until, now + LOST_ANSWER_WAIT)

    def refuse(self, until: float) -> None:
        """A successor was refused by what is made of it: read no other one until then."""
        self.refused, self.no_read_until = self.refused + 1, until

    @property
    def in_flight(self) -> bool:
        """Whether a request for it, or a decision on what it gave, is under way."""
        return self.reading or self.successor is not None or self.term.state is TermState.RENEWING

    @property
    def failing(self) -> bool:
        """Whether its last request failed."""
        return self.attempt > 0 or self.term.attempt > 0

    @property
    def renewable(self) -> bool:
        """Whether renewing is of use."""
        return self.term.kind is AnswerKind.LEASE and self.term.renewable and not self.rotate_only


@dataclass(slots=True, kw_only=True, eq=False)
class Login:
    """A login of a store as the core follows it."""

    store: StoreKey
    generation: int
    own: bool
    renewable: bool
    replaceable: bool
    known: bool
    """Whether the store said how long it lasts."""
    opaque: bool = False
    """Whether the store does not let it look at itself: it is used for as long as it works."""
    granted: float
    """Seconds granted at first; infinity where it does not end or is not known."""
    length: float
    sent: float
    ends: float
    """Its end; infinity where it does not end or is not known."""
    hanging: dict[int, Term] = field(default_factory=dict, repr=False)
    """Credentials that end with it, by serial."""
    replace: bool = False
    """Whether extending it is of no use any more."""
    superseded: bool = False
    """Whether there is a newer one."""
    dead: bool = False
    """Whether the store refused it."""
    ending: bool = False
    """Whether it is to be ended."""
    attempt: int = 0
    """Failures since the last success."""
    queued: int = 0
    """See `Lanes`."""
    timer: int = 0
    """See `Timers`."""
    timer_at: float = 0.0
    """See `Timers`."""

    @property
    def lasting(self) -> bool:
        """Whether it is known to have no end."""
        return self.known and self.ends == math.inf
