"""What the core wants done. Each action is carried out once and answered by one call of the core's."""

from __future__ import annotations

from dataclasses import dataclass, field

from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.leases.state import HoldKey
from virtrigaud_secrets.stores.base import StoreKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Read anew; answered by `read` or `read_failed`."""

    key: HoldKey
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Renew:
    """Ask for an increment; answered by `renewed` or `renew_failed`."""

    key: HoldKey
    serial: int
    lease_id: str = field(repr=False)
    increment: float
    """Seconds. Of a replaced lease: how long it still has to work, which may be less than it has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Ask how long a lease lives; answered by `looked_up` or `look_up_failed`."""

    key: HoldKey
    serial: int
    lease_id: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectLogin:
    """Ask the store about a token that was given; answered by `login_done` or `login_failed`."""

    store: StoreKey
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewLogin:
    """Renew the login; answered by `login_done` or `login_failed`."""

    store: StoreKey
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn:
    """Log in anew; answered by `login_done` or `login_failed`."""

    store: StoreKey
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndLogin:
    """End a former login: nothing hangs on it any more. Answered by `login_ended`."""

    store: StoreKey
    generation: int


Request = Read | Renew | LookUp | InspectLogin | RenewLogin | LogIn | EndLogin
"""What is sent to a store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Something to tell observers."""

    kind: EventKind
    key: HoldKey | None = None
    """What it is about; None for a login."""
    store: StoreKey | None = None
    """The store of a login."""
    lease_id: str = field(default="", repr=False)
    remaining: float | None = None
    """Seconds the credential had left."""
    attempt: int = 0
    """How many requests had failed in a row."""
    reason: str = ""
    """Why, in words."""
