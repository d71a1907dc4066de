"""Whether what is kept may be given out, and whether to ask the store: one table. Pure."""

from __future__ import annotations

from enum import StrEnum


class Freshness(StrEnum):
    """What to do for somebody who asks."""

    FRESH = "fresh"
    """Give it out."""
    REVALIDATE = "revalidate"
    """Give it out, and read anew behind the asker's back."""
    WAIT = "wait"
    """Read anew first; if the store cannot be asked, give it out as stale."""
    ENDED = "ended"
    """Read anew first; it must not be given out any more."""


def freshness(now: float, *, refresh_at: float, stale_at: float, ends: float) -> Freshness:
    """The row of the table for a moment.

    | moment | an asker |
    |---|---|
    | before `refresh_at` | gets it |
    | before `stale_at` | gets it, and it is read anew meanwhile |
    | before `ends` | waits for a read; gets it all the same if the store cannot be asked |
    | from `ends` on | waits for a read, or gets the error |
    """
    if now >= ends:
        return Freshness.ENDED
    if now >= stale_at:
        return Freshness.WAIT
    return Freshness.REVALIDATE if now >= refresh_at else Freshness.FRESH
