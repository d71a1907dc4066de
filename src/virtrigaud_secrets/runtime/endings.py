"""The error for a credential that came to its end. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from virtrigaud_secrets.errors import CredentialExpiredError

if TYPE_CHECKING:
    from virtrigaud_secrets.cache.entries import SecretName, Snapshot
    from virtrigaud_secrets.errors import SecretsError


def credential_expired(
    name: SecretName, snapshot: Snapshot, error: SecretsError | None, *, now: float, wall: datetime
) -> CredentialExpiredError:
    """Which ExternalSecret, what of it ended and when, and why there is no new one.

    Args:
        name: the ExternalSecret.
        snapshot: what was in force.
        error: why no new one could be had, as far as is known.
        now: the time on the clock that never steps.
        wall: the same moment on the other clock.
    """
    ended = wall - timedelta(seconds=max(now - snapshot.ends, 0.0)) if snapshot.ends > 0 else None
    paths = ", ".join(sorted({fetch.key for fetch in snapshot.serials}))
    when = f" at {ended.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if ended is not None else ""
    why = f", and no new one could be had: {error}" if error is not None else ""
    return CredentialExpiredError(f"what was read from {paths} ended{when}{why}", ended_at=ended).at(
        f"ExternalSecret {name}"
    )
