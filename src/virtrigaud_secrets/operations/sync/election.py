"""Who leads, by a `Lease` of the cluster: what a candidate may conclude and write. Pure; time and record come in.

The protocol is that of Kubernetes' own controllers, so that `kubectl get lease` tells who leads. Nobody compares clocks
with anybody: a candidate takes over a lease that it has seen unchanged for as long as the lease says, by its own clock,
and a leader counts from before it asked. So there are two leaders at no time, as long as clocks run equally fast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from virtrigaud_secrets.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long things take."""

    duration: timedelta = timedelta(seconds=15)
    """How long others leave a lease alone that is not renewed."""
    renew_deadline: timedelta = timedelta(seconds=10)
    """How long the leader leads without renewing it."""
    retry_period: timedelta = timedelta(seconds=2)
    """Between two attempts to get or renew it."""

    def __post_init__(self) -> None:
        """Check.

        Raises:
            ConfigurationError: a leader could lead on while another takes over, or would not manage to renew.
        """
        if not timedelta(0) < self.retry_period < self.renew_deadline < self.duration:
            raise ConfigurationError("leader election needs 0 < retry period < renew deadline < lease duration")


class Election:
    """What one candidate knows. Not safe to use from several threads by itself."""

    def __init__(self, identity: str, terms: Terms) -> None:
        """A candidate that knows nothing.

        Args:
            identity: its name, which nobody else has.
            terms: the same for all candidates.
        """
        self._identity = identity
        self._terms = terms
        self._spec: Mapping[str, object] = {}
        self._seen_at = -math.inf
        self._leads_until = -math.inf

    def leads(self, now: float) -> bool:
        """Whether it leads. Asked before every write: a lease that could not be renewed in time ends here by itself."""
        return now < self._leads_until

    @property
    def holder(self) -> str:
        """Who leads, as far as is known; empty for nobody."""
        holder = self._spec.get("holderIdentity")
        return holder if isinstance(holder, str) else ""

    @property
    def transitions(self) -> int:
        """How often another leader took over."""
        count = self._spec.get("leaseTransitions")
        return count if isinstance(count, int) else 0

    def observe(self, lease: Mapping[str, object] | None, now: float) -> None:
        """Take note of the lease that is there. A change of it begins its time anew."""
        found = lease.get("spec") if lease is not None else None
        spec = cast("dict[str, object]", found) if isinstance(found, dict) else {}
        if spec != self._spec or self._seen_at == -math.inf:
            self._spec, self._seen_at = spec, now
        if self.holder != self._identity:
            self._leads_until = -math.inf

    def bid(self, now: float, wall: datetime) -> dict[str, object] | None:
        """The `spec` to write to get or renew the lease; None while somebody else has it."""
        mine = self.holder == self._identity
        if self.holder and not mine and now < self._seen_at + self._duration():
            return None
        time = wall.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        acquired = self._spec.get("acquireTime") if mine else None
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": math.ceil(self._terms.duration.total_seconds()),
            "acquireTime": acquired if isinstance(acquired, str) else time,
            "renewTime": time,
            "leaseTransitions": self.transitions + (0 if mine or not self._spec else 1),
        }

    def won(self, spec: Mapping[str, object], asked_at: float, now: float) -> None:
        """A bid was accepted.

        Args:
            spec: what was written.
            asked_at: before the request was sent.
            now: the time.
        """
        self._spec, self._seen_at = dict(spec), now
        self._leads_until = asked_at + self._terms.renew_deadline.total_seconds()

    def farewell(self) -> dict[str, object] | None:
        """The `spec` that lets the next one take over at once; None where it does not hold the lease."""
        self._leads_until = -math.inf
        if self.holder != self._identity:
            return None
        return {**self._spec, "holderIdentity": "", "leaseDurationSeconds": 1}

    def _duration(self) -> float:
        """What the holder promised, not what this candidate would."""
        seconds = self._spec.get("leaseDurationSeconds")
        return float(seconds) if isinstance(seconds, int) else self._terms.duration.total_seconds()
