"""The formulas: when the next request for a lease, login or certificate is due. Pure; chance comes in as an argument.

Times are seconds on the clock that never steps. `uniform(a, b)` draws anew each time, so that processes and leases that
started together drift apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

Uniform = Callable[[float, float], float]
"""Draws a number between two others, as `random.Random.uniform` does."""

RENEW_AT: Final = (0.50, 0.65)
"""Part of its length after which a lease or login is renewed: at least 0.35 of it is left for an outage to pass."""
ROTATE_AT: Final = (0.70, 0.80)
"""Part of its length after which what cannot be renewed is read anew."""
BEFORE_MAXIMUM: Final = (0.55, 0.65)
"""Part of what was granted first by which the last renewal comes before the maximum of the role, where that is known:
what it leaves has to do for reads whose answers may be lost, and those are not repeated as soon as renewals."""
REFRESH_AT: Final = (0.80, 1.00)
"""Part of the refresh interval after which what has no end of its own is read anew."""
CERTIFICATE_AT: Final = (0.60, 0.667)
"""Part of its life after which a certificate is issued anew."""
LONG_CERTIFICATE: Final = 72 * 3600.0
"""A certificate of a longer life is issued anew a day before its end at the latest: somebody may have to help."""
CERTIFICATE_RESERVE: Final = (24 * 3600.0, 25 * 3600.0)
"""How long before the end of such a certificate."""
SPARE_CAPPED: Final = 10.0
"""What a capped renewal left is used for a while only if it is at least this long."""
CAPPED_WITHIN: Final = 0.2
"""Part of what a capped renewal left within which the rotation is spread."""
STATIC_ROLE_MARGIN: Final = (1.0, 2.0)
"""After a static role's TTL: its clock counts whole seconds, and the new password comes up to 0.6 s late."""
UNREADY: Final = (0.5, 30.0)
"""Between two reads that give what has already ended, at first and at most: a static role whose TTL is 0 is just being
rotated, which takes it 0.6 s; but its database may be down."""
UNREADY_TRIES: Final = 4
"""Such reads before the wait between them is doubled."""
SPREAD: Final = 10.0
"""Mass work, as after a new login, is spread over this long at most, or half of what remains."""
SPREAD_RATE: Final = 10.0
"""So many a second, if that takes less time."""
SHORTEST_RETRY: Final = 0.5
"""No lease asks more often than twice a second while its requests fail."""
LONG_PACE: Final = 3600.0
"""Stands in for the length of what has none, where repetitions are paced by it."""
LAST_TRY: Final = (0.1, 0.5)
"""Seconds before the end of a lease, at least and at most, at which it is tried once more, if the last try was not just
before: what a request takes, twice, and the least of these on top."""
LOOK_UP_ROUNDS: Final = 1.0
"""Seconds by which a look-up may say less than there is."""
LATE: Final = 0.25
"""With less than this part of its length left and renewals still failing, renewing and rotating are tried in turn."""
DRAIN: Final = (10.0, 300.0)
"""How long, at least and at most, an old credential works on after its rotation."""
REFUSED_AT_MOST: Final = 3600.0
"""Between two credentials that are read to be refused by a template or validation, at most."""
LOST_ANSWER_WAIT: Final = 1.0
"""No other read before so long after one whose answer was lost: it may have made a credential that nobody got. Renewing
makes none, and does not wait for it."""


def renew_at(sent: float, length: float, uniform: Uniform) -> float:
    """F1: when to renew a lease or login of `length` seconds that was asked for at `sent`."""
    return sent + length * uniform(*RENEW_AT)


def rotate_at(sent: float, length: float, uniform: Uniform) -> float:
    """F4: when to read anew what cannot be renewed."""
    return sent + length * uniform(*ROTATE_AT)


def last_renewal_at(maximum: float, granted: float, uniform: Uniform) -> float:
    """F3: when to renew at the latest what ends at `maximum`, to rotate it then."""
    return maximum - granted * uniform(*BEFORE_MAXIMUM)


def capped_at(now: float, length: float, uniform: Uniform) -> float:
    """F3: when to read anew after a renewal that granted less than was asked."""
    return now + (length * uniform(0.0, CAPPED_WITHIN) if length >= SPARE_CAPPED else 0.0)


def certificate_at(issued: float, life: float, uniform: Uniform) -> float:
    """F5: when to issue anew. `life` counts from the moment of asking: `not_before` is padded into the past."""
    due = issued + life * uniform(*CERTIFICATE_AT)
    return min(due, issued + life - uniform(*CERTIFICATE_RESERVE)) if life > LONG_CERTIFICATE else due


def static_role_at(sent: float, ttl: float, uniform: Uniform) -> float:
    """F6: when a static role has a new password; never before its TTL is over."""
    return sent + ttl + uniform(*STATIC_ROLE_MARGIN)


def unready_at(sent: float, tries: int) -> float:
    """F6: when to ask again after `tries` reads in a row that gave what had already ended."""
    least, most = UNREADY
    return sent + min(least * 2.0 ** min(max(tries - UNREADY_TRIES, 0), 16), most)


def refresh_at(sent: float, interval: float, uniform: Uniform) -> float:
    """F7: when to read anew what has no end of its own."""
    return sent + interval * uniform(*REFRESH_AT)


def retry_delay(
    attempt: int, *, granted: float, remaining: float, uniform: Uniform, retry_after: float | None = None
) -> float:
    """B1 to B3: seconds to wait after the failure number `attempt`, counted from 0.

    Args:
        attempt: failures since the last success, change of state, or end of the lease.
        granted: the length that was granted first.
        remaining: seconds left; 0 or less once it has ended.
        uniform: chance.
        retry_after: seconds the server asked to wait.
    """
    base = _within(granted / 20, 0.25, 1.0)
    cap = _within(granted / 10, 1.0, 30.0)
    doubled = base * 2.0 ** min(attempt, 16)
    if remaining <= 0:
        delay = min(max(1.0, doubled), cap)
        return max(delay, min(retry_after, cap)) if retry_after else delay
    delay = min(doubled, cap, max(0.25, remaining / 4)) * uniform(0.75, 1.0)
    if retry_after:
        delay = max(delay, min(retry_after, remaining / 2))
    return max(delay, SHORTEST_RETRY)


def last_try_at(end: float, took: float) -> float:
    """When to try for the last time what ends at `end`, if its last request took `took` seconds."""
    least, most = LAST_TRY
    return end - _within(least + 2 * took, least, most)


def refused_delay(count: int, *, granted: float, uniform: Uniform) -> float:
    """B5: seconds before another credential is read after `count` in a row were refused by what is made of them.

    Each was made for nothing: the wait doubles up to the time after which a lease of that length is renewed anyway.
    """
    most = max(min(granted * RENEW_AT[0], REFUSED_AT_MOST), _within(granted / 10, 1.0, 30.0))
    return min(_within(granted / 20, 0.25, 1.0) * 2.0 ** min(count, 16), most) * uniform(0.75, 1.0)


def spread(remaining: float, count: int, uniform: Uniform) -> float:
    """G1: seconds by which one of `count` equal works is put off; one alone not at all."""
    return uniform(0.0, min(SPREAD, max(remaining, 0.0) / 2, max(count - 1, 0) / SPREAD_RATE))


def drain_time(granted: float, remaining: float) -> float:
    """How long a credential works on after its rotation: not longer than it would have anyway."""
    return min(_within(granted / 10, *DRAIN), max(remaining, 0.0))


def _within(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)
