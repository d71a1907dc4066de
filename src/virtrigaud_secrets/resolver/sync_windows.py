"""`spec.syncWindows`: whether a periodic refresh may happen at a time (ESO §2.8). Pure; the time comes in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.golang import cron

if TYPE_CHECKING:
    from virtrigaud_secrets.models.external_secret import SyncWindow, SyncWindows

_TICK: Final = timedelta(microseconds=1)
STEPS: Final = 200
"""Closed windows in a row that are looked through for the end of them: a schedule of every minute may have no end."""


def allows(windows: SyncWindows | None, moment: datetime) -> bool:
    """Whether `windows` let a periodic refresh happen at `moment`; without windows, always.

    Schedules count in UTC, the zone of ESO's controller. One that cannot be read is never open.
    """
    if windows is None or not windows.windows:
        return True
    inside = any(_is_open(window, moment) for window in windows.windows)
    return inside if windows.kind == "allow" else not inside


def opens_at(windows: SyncWindows | None, moment: datetime) -> datetime | None:
    """The first moment from `moment` on at which a periodic refresh may happen; None for never.

    After many windows in a row that forbid it, the moment up to which was looked: to be asked about then.
    """
    if windows is None or allows(windows, moment):
        return moment
    if windows.kind == "allow":
        firings = (_next_firing(window, moment) for window in windows.windows)
        return min((firing for firing in firings if firing is not None), default=None)
    for _ in range(STEPS):
        ends = [_closes_at(window, moment) for window in windows.windows if _is_open(window, moment)]
        closed = [end for end in ends if end is not None]
        if len(closed) < len(ends):
            return None
        if not ends:
            break
        moment = max(closed)
    return moment


def _next_firing(window: SyncWindow, moment: datetime) -> datetime | None:
    """The next opening of a window that is closed; None for never, as for `@every`, which is open always or never."""
    try:
        firing = cron.parse(window.schedule).next(moment)
    except (cron.CronError, OverflowError):
        return None
    return firing if firing is not None and _is_open(window, firing) else None


def _closes_at(window: SyncWindow, moment: datetime) -> datetime | None:
    """Just after the end of a window that is open: of the first of its openings that still last. None for never."""
    schedule = cron.parse(window.schedule)
    if isinstance(schedule, cron.Every):
        return None
    firing = schedule.next(moment - window.duration.timedelta - _TICK)
    return None if firing is None else firing + window.duration.timedelta + _TICK


def _is_open(window: SyncWindow, moment: datetime) -> bool:
    """Whether the schedule fired within the window's duration before `moment`, both ends included."""
    try:
        schedule = cron.parse(window.schedule)
        fired = schedule.next(moment - window.duration.timedelta - _TICK)
    except (cron.CronError, OverflowError):
        return False
    return fired is not None and fired <= moment
