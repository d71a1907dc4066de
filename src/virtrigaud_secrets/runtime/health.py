"""How a resolver is, for liveness and readiness probes, and what is missing. Reads what is there; asks no store."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from virtrigaud_secrets.cache.entries import Entry
from virtrigaud_secrets.cache.freshness import Freshness
from virtrigaud_secrets.errors import NotReadyError


class SecretState(StrEnum):
    """How one ExternalSecret is."""

    FRESH = "fresh"
    """As young as its manifest promises."""
    STALE = "stale"
    """Older than its manifest promises, and still given out."""
    EXPIRED = "expired"
    """What was there ended."""
    MISSING = "missing"
    """There is nothing to give out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretStatus:
    """One ExternalSecret that is kept."""

    name: str
    """Its name."""
    namespace: str
    """Its namespace."""
    state: SecretState
    """How it is."""
    subscribed: bool
    """Whether somebody subscribes to it."""
    age: float | None
    """Seconds since its data was read or found to be the same; None where there is none."""
    refreshed_at: datetime | None
    """When that was, aware UTC."""
    changed_at: datetime | None
    """When its data was last replaced by other data, or first there; aware UTC."""
    ends_in: float | None
    """Seconds until it must not be given out any more; None where nothing ends."""
    rotations: int
    """How often other data took the place of what was there."""
    hits: int
    """How often it was given out without asking a store, `Subscription.current` not counted."""
    misses: int
    """How often somebody waited for a store."""
    life: float | None
    """Seconds that it had when it was read; None where nothing ends."""
    labels: Mapping[str, str]
    """The labels of its bundle; empty where there is none."""
    error: str
    """Why the last read failed, empty after one that did not. Safe to log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginStatus:
    """A login that leases hang on, and that ends."""

    store: str
    """The store as `Kind namespace/name`."""
    ends_in: float
    """Seconds until it ends, unless it is renewed or replaced before."""
    life: float
    """Seconds that it was granted at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a resolver is."""

    live: bool
    """Whether its scheduler does its work, where it has any: what a liveness probe asks."""
    open: bool
    """Whether the resolver was not closed."""
    secrets: tuple[SecretStatus, ...]
    """Everything that is kept, by namespace and name."""
    requests: int = 0
    """Fetches that were sent to stores so far."""
    in_flight: int = 0
    """Fetches that are under way."""
    stores: Mapping[str, bool] = field(default_factory=dict[str, bool])
    """Each store that was asked, as `Kind namespace/name` → whether it answered the last request."""
    logins: tuple[LoginStatus, ...] = ()
    """The logins that leases hang on, by store."""

    @property
    def ready(self) -> bool:
        """Whether everything that somebody subscribes to can be given out: what a readiness probe asks."""
        return self.open and not self.missing

    @property
    def missing(self) -> dict[str, str]:
        """`namespace/name` of what is subscribed to and cannot be given out → why, in words."""
        return {
            f"{status.namespace}/{status.name}": status.error or "it was not read yet"
            for status in self.secrets
            if status.subscribed and status.state in {SecretState.EXPIRED, SecretState.MISSING}
        }


def status_of(entry: Entry, *, now: float) -> SecretStatus:
    """How an entry is at a moment."""
    snapshot = entry.snapshot
    state = SecretState.MISSING
    if snapshot is not None:
        row = snapshot.freshness(now)
        state = {Freshness.ENDED: SecretState.EXPIRED, Freshness.WAIT: SecretState.STALE}.get(row, SecretState.FRESH)
    return SecretStatus(
        name=entry.name.name,
        namespace=entry.name.namespace,
        state=state,
        subscribed=bool(entry.takers),
        age=None if snapshot is None else now - snapshot.made,
        refreshed_at=None if snapshot is None else snapshot.made_at,
        ends_in=None if snapshot is None or not math.isfinite(snapshot.ends) else snapshot.ends - now,
        life=None if snapshot is None or not math.isfinite(snapshot.life) else snapshot.life,
        changed_at=entry.changed_at,
        rotations=entry.rotations,
        hits=entry.hits,
        misses=entry.misses,
        labels={} if snapshot is None else snapshot.bundle.labels,
        error="" if entry.error is None else str(entry.error),
    )


def not_ready(missing: Mapping[str, str], waited: timedelta) -> NotReadyError:
    """The error for what is still missing after a wait."""
    seconds = waited.total_seconds()
    return NotReadyError(
        f"{len(missing)} of the secrets subscribed to are not there after {seconds:g} s", missing=missing
    )
