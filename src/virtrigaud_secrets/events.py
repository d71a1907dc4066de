"""Records of what happened to secrets, leases and logins, for metrics, logs and callbacks. No field holds a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class EventKind(StrEnum):
    """What happened."""

    CREATED = "created"
    """A secret was read for the first time and is kept from now on."""
    RENEWED = "renewed"
    """The store extended a lease."""
    CAPPED = "capped"
    """The store extended a lease by less than was asked: its maximum is near, and it is rotated."""
    ROTATING = "rotating"
    """A lease, certificate or static role is being read anew."""
    ROTATED = "rotated"
    """A new value took the place of the old one."""
    REFRESHED = "refreshed"
    """The store was asked again and the value is the same."""
    LOST = "lost"
    """The store does not know the lease any more."""
    EXPIRED = "expired"
    """A value came to its end before there was a new one."""
    STALE_SERVED = "stale-served"
    """A value older than its refresh interval was given out, since the store could not be asked."""
    ERROR = "error"
    """A request failed, or a new value could not be used."""
    TOKEN_RENEWED = "token-renewed"  # noqa: S105  # a name
    """The store extended a login."""
    TOKEN_REPLACED = "token-replaced"  # noqa: S105  # a name
    """A new login took the place of the old one; leases are moved to it."""
    TOKEN_LOST = "token-lost"  # noqa: S105  # a name
    """The store refused a login that should have been good: its leases are lost."""
    JUMPED = "jumped"
    """The wall clock ran ahead of the other one: a suspended machine, a restored snapshot, or somebody set it."""
    RELEASED = "released"
    """A secret is not kept any more."""
    CLOSED = "closed"
    """The resolver was closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened."""

    kind: EventKind
    """What."""
    at: datetime
    """When, aware UTC."""
    name: str = ""
    """Name of the ExternalSecret, where it is about one."""
    namespace: str = ""
    """Its namespace."""
    store: str = ""
    """The store as `Kind namespace/name`."""
    path: str = ""
    """The path in the store's own terms."""
    lease: str = ""
    """A short hash of the lease id: tells leases apart and opens none."""
    remaining: float | None = None
    """Seconds the value had left, where it ends."""
    attempt: int = 0
    """How many requests had failed in a row."""
    reason: str = ""
    """Why, in words; safe to log."""


class Observer(Protocol):
    """Is told of every event, on a thread of its own, in order."""

    def on_event(self, event: Event) -> None:
        """Take note. What it raises is logged and goes no further."""
        ...
