"""Whether an ExternalSecret is to be read again: `refreshPolicy`, `refreshInterval`, `syncWindows` (ESO §2.8).

Pure: what was read last and the time come in. How long a value may be used, and that a lease ends before its interval
does, are not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from virtrigaud_secrets.resolver.sync_windows import allows

if TYPE_CHECKING:
    from virtrigaud_secrets.models.external_secret import ExternalSecretSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRefresh:
    """The last refresh that worked."""

    at: datetime
    """When it began, aware UTC: `status.refreshTime`."""
    marker: str
    """What the manifest was then: `hashes.change_marker`, `status.syncedResourceVersion`."""


def is_due(
    spec: ExternalSecretSpec, *, marker: str, last: LastRefresh | None, now: datetime, target_valid: bool = True
) -> bool:
    """Whether a refresh is due.

    Windows hold back periodic refreshes only, never the first one or one after a change. An interval of zero or less
    means once, and then not even after a change, except under `refreshPolicy: OnChange`.

    Args:
        spec: the ExternalSecret.
        marker: what its manifest is now, by `hashes.change_marker`.
        last: the last refresh that worked; None before the first.
        now: the time, aware UTC.
        target_valid: whether the Secret that was written is as it was left; one that is not is always written anew.
    """
    if last is None or not target_valid:
        return True
    match spec.refresh_policy:
        case "CreatedOnce":
            return False
        case "OnChange":
            return marker != last.marker
        case _:
            return _is_due_periodically(spec, marker=marker, last=last, now=now)


def next_periodic(spec: ExternalSecretSpec, *, last: LastRefresh) -> datetime | None:
    """When the interval after `last` has passed, whatever windows say then; None where the policy has no interval."""
    if spec.refresh_policy in {"CreatedOnce", "OnChange"} or spec.refresh_interval.nanoseconds <= 0:
        return None
    return last.at + spec.refresh_interval.timedelta


def _is_due_periodically(spec: ExternalSecretSpec, *, marker: str, last: LastRefresh, now: datetime) -> bool:
    due = next_periodic(spec, last=last)
    if due is None:
        return False
    if marker != last.marker or last.at > now:
        return True
    return due < now and allows(spec.sync_windows, now)
