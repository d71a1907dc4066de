"""`Wish`: what somebody wants of the making of a bundle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from virtrigaud_secrets.cache.entries import Snapshot
    from virtrigaud_secrets.runtime.making import Found
    from virtrigaud_secrets.stores.base import Fetch


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants of a making, beyond what the manifest promises."""

    newer_than: float = -math.inf
    """Answers whose request was sent before this moment will not do."""
    spare_leases: bool = False
    """Whether `newer_than` is not meant for what hangs on a lease."""
    min_ttl: float = 0.0
    """Credentials that end sooner than this many seconds from now will not do."""
    asked_at: float = math.inf
    """When `min_ttl` was asked for: what was read since will do, since another read would give no more."""
    any_age: bool = False
    """Answers without a lease will do however old they are: something else changed."""
    found: Found | None = None
    """What searches found before, where they need not be made anew."""
    credential: tuple[Fetch, int] | None = None
    """A credential that has to be in it."""

    def is_granted_by(self, snapshot: Snapshot, now: float) -> bool:
        """Whether a making that was under way when this was wished for came to what was wished for.

        Args:
            snapshot: what came of it.
            now: the time.
        """
        if self.credential is not None and snapshot.serials.get(self.credential[0]) != self.credential[1]:
            return False
        if self.newer_than > -math.inf:
            return min(snapshot.read_at, snapshot.made) >= self.newer_than
        if not self.min_ttl or snapshot.made >= self.asked_at:
            return True
        return snapshot.ends - now >= self.min_ttl
