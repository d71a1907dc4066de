"""When a credential that is well wants its next request, and which one. Pure, and changes nothing."""

from __future__ import annotations

import math

from virtrigaud_secrets.leases import schedule
from virtrigaud_secrets.leases.schedule import Uniform
from virtrigaud_secrets.leases.state import Hold, Term
from virtrigaud_secrets.stores.base import AnswerKind


def due_at(hold: Hold, uniform: Uniform) -> float:
    """When the next request is due (F1, F4 to F7); infinity for never."""
    term = hold.term
    length = term.length
    if term.kind is AnswerKind.INTERVAL:
        return schedule.refresh_at(term.sent, length, uniform) if 0 < length < math.inf else math.inf
    if length <= 0:
        return schedule.unready_at(term.sent, hold.unready)
    if term.kind is AnswerKind.STATIC_ROLE:
        return schedule.static_role_at(term.sent, length, uniform)
    if term.kind is AnswerKind.CERTIFICATE:
        return schedule.certificate_at(term.sent, length, uniform)
    return _renew_at(hold, uniform) if hold.renewable else schedule.rotate_at(term.sent, length, uniform)


def _renew_at(hold: Hold, uniform: Uniform) -> float:
    term = hold.term
    due, maximum = schedule.renew_at(term.sent, term.length, uniform), term.began + hold.maximum
    if term.ends > maximum or term.replayed:
        # It outlived those before it, so it has another maximum; or a cache answers, and nothing is extended.
        return due
    return min(due, schedule.last_renewal_at(maximum, term.granted, uniform))


def looks_up(hold: Hold, now: float) -> bool:
    """Whether what is due is to ask for its end. What has ended is read anew instead."""
    return hold.look_up and not hold.rotate and hold.term.serving and now < hold.term.end


def reads(hold: Hold, now: float) -> bool:
    """Whether what is due is to read anew; else it is renewed."""
    term = hold.term
    if hold.rotate or not term.serving or not hold.renewable or now >= term.end:
        return True
    left = term.end - now
    if not hold.failing or hold.read_last or left >= schedule.LATE * term.granted or now < hold.no_read_until:
        return False
    # B4: late, and renewals fail: in turn. Once an answer was lost, not in the last second: another may be as well.
    return hold.no_read_until == -math.inf or left >= schedule.LOST_ANSWER_WAIT


def is_put_off(hold: Hold, now: float) -> bool:
    """Whether what is due is to read another one while that would be in haste, or only be refused (B5)."""
    return now < hold.no_read_until and not looks_up(hold, now) and reads(hold, now)


def refused_until(hold: Hold, now: float, *, end: float, uniform: Uniform) -> float:
    """B5: until when another one is not read, and once more just before `end`, in case it was mended."""
    wait = schedule.refused_delay(hold.refused, granted=pace(hold), uniform=uniform)
    last = schedule.last_try_at(end, hold.took)
    return min(now + wait, last) if last > now else now + wait


def good_until(term: Term) -> float:
    """Until when it works, as far as is known; minus infinity where the store does not know it any more."""
    return term.end if term.serving else -math.inf


def is_unready(term: Term) -> bool:
    """Whether it had ended when it was given."""
    return term.kind is not AnswerKind.INTERVAL and term.length <= 0


def makes(hold: Hold) -> bool:
    """Whether reading it anew makes another credential at the store."""
    return hold.term.kind in {AnswerKind.LEASE, AnswerKind.CERTIFICATE, AnswerKind.EXPIRY}


def pace(hold: Hold) -> float:
    """The length by which repetitions are paced; what has none of its own is not paced as if it were short."""
    granted = hold.term.granted
    return granted if 0 < granted < math.inf else schedule.LONG_PACE
