from __future__ import annotations

import math

import pytest

from virtrigaud_secrets.leases import planning
from virtrigaud_secrets.leases.state import Hold, Term, TermState
from virtrigaud_secrets.stores.base import AnswerKind


def low(a: float, b: float) -> float:
    return a


def hold(kind: AnswerKind = AnswerKind.LEASE, length: float = 60.0, **more) -> Hold:
    term = Term(
        serial=1,
        key="k",
        store=None,
        kind=kind,
        lease_id="l",
        renewable=more.pop("renewable", True),
        login=0,
        shared=False,
        granted=length,
        length=length,
        sent=100.0,
        ends=100.0 + length,
    )
    return Hold(key="k", store=None, term=term, **more)


@pytest.mark.parametrize(
    ("kept", "due"),
    [
        (hold(), 130.0),
        (hold(renewable=False), 142.0),
        (hold(rotate_only=True), 142.0),
        (hold(AnswerKind.EXPIRY), 142.0),
        (hold(AnswerKind.CERTIFICATE), 136.0),
        (hold(AnswerKind.STATIC_ROLE), 161.0),
        (hold(AnswerKind.STATIC_ROLE, 0.0, unready=1), 100.5),
        (hold(AnswerKind.LEASE, 0.0, unready=5), 101.0),
        (hold(AnswerKind.CERTIFICATE, -9.0, unready=1), 100.5),
        (hold(AnswerKind.INTERVAL), 148.0),
        (hold(AnswerKind.INTERVAL, 0.0), math.inf),
        (hold(AnswerKind.INTERVAL, math.inf), math.inf),
    ],
)
def test_due_at(kept, due):
    assert planning.due_at(kept, low) == due


def test_a_lease_that_is_well_is_renewed():
    assert not planning.reads(hold(), 130.0)


@pytest.mark.parametrize(
    "kept", [hold(rotate=True), hold(rotate_only=True), hold(renewable=False), hold(AnswerKind.CERTIFICATE)]
)
def test_what_is_not_renewed_is_read(kept):
    assert planning.reads(kept, 110.0)


def test_what_ended_or_is_lost_is_read():
    assert planning.reads(hold(), 160.0)
    lost = hold()
    lost.term.state = TermState.LOST
    assert planning.reads(lost, 110.0)


@pytest.mark.parametrize(
    ("now", "renewals", "reads", "expected"),
    [(144.0, 1, 0, False), (146.0, 1, 0, True), (146.0, 1, 1, False), (146.0, 2, 1, True), (146.0, 0, 0, False)],
)
def test_late_and_failing_takes_turns(now, renewals, reads, expected):
    kept = hold()
    kept.term.attempt, kept.attempt = renewals, reads
    assert planning.reads(kept, now) is expected


def test_looks_up():
    assert planning.looks_up(hold(look_up=True), 110.0)
    assert not planning.looks_up(hold(), 110.0)
    assert not planning.looks_up(hold(look_up=True), 160.0)
    assert not planning.looks_up(hold(look_up=True, rotate=True), 110.0)


@pytest.mark.parametrize(("length", "pace"), [(60.0, 60.0), (0.0, 3600.0), (math.inf, 3600.0)])
def test_pace(length, pace):
    assert planning.pace(hold(AnswerKind.INTERVAL, length)) == pace
