"""`syncWindows` of what is kept, on the clock that never steps: when a read by interval may be sent. Sends none."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from virtrigaud_secrets.cache.entries import SecretName
from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.resolver.sync_windows import opens_at

if TYPE_CHECKING:
    from virtrigaud_secrets.models.external_secret import SyncWindows


class Windows:
    """The windows of the ExternalSecrets of a resolver."""

    def __init__(self, windows_of: Callable[[SecretName], SyncWindows | None], clock: Clock) -> None:
        """Nothing is looked at yet.

        Args:
            windows_of: an ExternalSecret's `syncWindows`.
            clock: time: schedules count in wall time.
        """
        self._windows_of = windows_of
        self._clock = clock

    def opens(self, name: SecretName, at: float) -> float:
        """`at`, or the first moment after it at which a read by interval may be sent; infinity for never.

        Args:
            name: the ExternalSecret.
            at: seconds on the clock that never steps.
        """
        windows = self._windows_of(name)
        if windows is None or not math.isfinite(at):
            return at
        try:
            moment = self._clock.now() + timedelta(seconds=at - self._clock.elapsed())
            opens = opens_at(windows, moment)
        except OverflowError:
            # Beyond the calendar.
            return math.inf
        return math.inf if opens is None else at + (opens - moment).total_seconds()

    def closed_until(self, name: SecretName) -> float | None:
        """When the next read by interval may be sent; None if it may be now."""
        now = self._clock.elapsed()
        opens = self.opens(name, now)
        return opens if opens > now else None
