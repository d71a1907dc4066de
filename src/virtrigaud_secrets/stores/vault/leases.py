"""Leases of answers: reading them, remembering what was taken, handing it back. When to renew is not decided here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from virtrigaud_secrets.golang.encoding_json import Decoded, Number
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Lease
from virtrigaud_secrets.stores.vault.errors import Fault, text_of
from virtrigaud_secrets.stores.vault.transport import Reply, Request

CLOSE_BUDGET: Final = timedelta(seconds=5)
"""All that closing may take: a provider that is told to stop has 30 s, and others to say goodbye to."""
MAX_DURATION: Final = 10 * 365 * 24 * 3600
"""Seconds that are believed of a lease or token: ten years. More is no duration, and dates would overflow."""
TIDY_FROM: Final = 64
"""Leases that are remembered before those that ended by themselves are forgotten."""
SOFT_REVOKE_INCREMENT: Final = 1
"""Seconds a lease is cut to where revoking is not allowed: a renewal may shorten, and every token may renew."""

Send = Callable[[Request, Sensitive], "Reply | Fault"]
"""Sends a request with a token, within what is left of the budget."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A lease that this client was given."""

    lease: Lease
    """The lease."""
    token: Sensitive
    """The token it hangs on."""
    generation: int
    """That token's number."""
    certificate: bool
    """Whether the end of the lease revokes a certificate that may still be in use."""
    ends: float
    """When it ends by itself, on the clock that never steps."""


def number(value: Decoded) -> int:
    """A whole number of an answer; 0 for anything else."""
    try:
        return int(value) if isinstance(value, Number) else 0
    except ValueError:
        return 0


def seconds(value: Decoded) -> int:
    """A duration of an answer, within reason."""
    return min(max(number(value), 0), MAX_DURATION)


def is_capped(body: Mapping[str, Decoded]) -> bool:
    """Whether the server warns that it granted less than was asked."""
    warnings = body.get("warnings")
    return isinstance(warnings, list) and any(isinstance(said, str) and "capped" in said for said in warnings)


def lease_of(body: Mapping[str, Decoded], *, sent_at: datetime, token_ends: datetime | None) -> Lease | None:
    """The lease of an answer, None if it has none. It ends no later than the token that it hangs on."""
    lease_id = text_of(body, "lease_id")
    if not lease_id:
        return None
    duration = seconds(body.get("lease_duration"))
    end = sent_at + timedelta(seconds=duration)
    return Lease(
        lease_id=lease_id,
        duration=duration,
        renewable=body.get("renewable") is True,
        expires_at=end if token_ends is None else min(end, token_ends),
    )


class TakenLeases:
    """What is to be handed back. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, Taken] = {}
        self._tidy_at = TIDY_FROM
        self._closed = False

    def add(self, taken: Taken, *, now: float) -> bool:
        """Remember a lease; False if it came after closing, so that nobody will hand it back."""
        with self._lock:
            if self._closed:
                return False
            if len(self._taken) >= self._tidy_at:
                self._taken = {lease_id: known for lease_id, known in self._taken.items() if known.ends > now}
                self._tidy_at = max(TIDY_FROM, 2 * len(self._taken))
            self._taken[taken.lease.lease_id] = taken
            return True

    def extend(self, lease_id: str, *, ends: float) -> None:
        """A lease ends at another time than was known."""
        with self._lock:
            known = self._taken.get(lease_id)
            if known is not None:
                self._taken[lease_id] = replace(known, ends=ends)

    def drop(self, lease_id: str) -> None:
        """A lease has ended, or is for others to end."""
        with self._lock:
            self._taken.pop(lease_id, None)

    def close(self, *, now: float) -> list[Taken]:
        """All that is still running, youngest first; nothing is remembered from now on."""
        with self._lock:
            self._closed = True
            taken, self._taken = self._taken, {}
        return [known for known in reversed(taken.values()) if known.ends > now]


def hand_back(taken: Iterable[Taken], send: Send) -> None:
    """Revoke leases one by one; where that is not allowed, cut them short. What fails ends by itself."""
    may_revoke = True
    for one in taken:
        lease_id = Sensitive(one.lease.lease_id)
        if may_revoke:
            outcome = send(Request(method="PUT", path="sys/leases/revoke", body={"lease_id": lease_id}), one.token)
            if not isinstance(outcome, Fault):
                continue
            may_revoke = outcome.error.code != "access-denied"
        if one.lease.renewable:
            body = {"lease_id": lease_id, "increment": SOFT_REVOKE_INCREMENT}
            send(Request(method="PUT", path="sys/leases/renew", body=body), one.token)
