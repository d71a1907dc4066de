"""`spec.syncWindows`: whether a periodic refresh may happen at a time (ESO §2.8). Pure; the time comes in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.golang import cron

if TYPE_CHECKING:
    from virtrigaud_secrets.models.external_secret import SyncWindow, SyncWindows

_TICK: Final = timedelta(microseconds=1)


def allows(windows: SyncWindows | None, moment: datetime) -> bool:
    """Whether `windows` let a periodic refresh happen at `moment`; without windows, always.

    Schedules count in UTC, the zone of ESO's controller. One that cannot be read is never open.
    """
    if windows is None or not windows.windows:
        return True
    inside = any(_is_open(window, moment) for window in windows.windows)
    return inside if windows.kind == "allow" else not inside


def _is_open(window: SyncWindow, moment: datetime) -> bool:
    """Whether the schedule fired within the window's duration before `moment`, both ends included."""
    try:
        schedule = cron.parse(window.schedule)
        fired = schedule.next(moment - window.duration.timedelta - _TICK)
    except (cron.CronError, OverflowError):
        return False
    return fired is not None and fired <= moment
