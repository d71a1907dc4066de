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
        began=100.0,
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
        # 0.55 of what was granted first before its maximum, unless it is due before or has outlived that.
        (hold(maximum=61.0), 128.0),
        (hold(maximum=70.0), 130.0),
        (hold(maximum=60.0), 127.0),
        (hold(maximum=59.0), 130.0),
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
    ("now", "renewals", "reads", "read_last", "expected"),
    [
        (144.0, 1, 0, False, False),
        (146.0, 1, 0, False, True),
        (146.0, 1, 1, True, False),
        (146.0, 2, 1, False, True),
        (146.0, 0, 0, False, False),
        (159.1, 2, 1, False, True),
    ],
)
def test_late_and_failing_takes_turns(now, renewals, reads, read_last, expected):
    kept = hold(read_last=read_last)
    kept.term.attempt, kept.attempt = renewals, reads
    assert planning.reads(kept, now) is expected


@pytest.mark.parametrize(("now", "expected"), [(154.9, False), (155.0, True), (159.0, True), (159.1, False)])
def test_once_an_answer_was_lost_the_last_second_is_left_to_renewals(now, expected):
    kept = hold(attempt=1, no_read_until=155.0)
    kept.term.attempt = 2
    assert planning.reads(kept, now) is expected


def test_what_a_cache_answers_is_not_renewed_for_the_last_time():
    kept = hold(maximum=61.0)
    kept.term.replayed = True
    assert planning.due_at(kept, low) == 130.0


def test_looks_up():
    assert planning.looks_up(hold(look_up=True), 110.0)
    assert not planning.looks_up(hold(), 110.0)
    assert not planning.looks_up(hold(look_up=True), 160.0)
    assert not planning.looks_up(hold(look_up=True, rotate=True), 110.0)


@pytest.mark.parametrize(("length", "pace"), [(60.0, 60.0), (0.0, 3600.0), (math.inf, 3600.0)])
def test_pace(length, pace):
    assert planning.pace(hold(AnswerKind.INTERVAL, length)) == pace


def test_what_would_be_refused_is_put_off_and_nothing_else():
    kept = hold(rotate=True, no_read_until=50.0)
    assert planning.is_put_off(kept, 49.0)
    assert not planning.is_put_off(kept, 50.0)
    assert not planning.is_put_off(hold(no_read_until=50.0), 49.0), "a renewal"
    assert not planning.is_put_off(hold(no_read_until=50.0, look_up=True), 49.0)


def test_the_wait_ends_just_before_the_end_unless_that_is_past():
    kept = hold()
    assert planning.refused_until(kept, 10.0, end=1000.0, uniform=lambda _, b: b) == 11.0
    kept.refused = 16
    assert planning.refused_until(kept, 10.0, end=20.0, uniform=lambda _, b: b) == 19.9
    assert planning.refused_until(kept, 20.0, end=20.0, uniform=lambda _, b: b) > 21.0
    assert planning.refused_until(kept, 20.0, end=-math.inf, uniform=lambda _, b: b) > 21.0


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        (AnswerKind.LEASE, True),
        (AnswerKind.CERTIFICATE, True),
        (AnswerKind.EXPIRY, True),
        (AnswerKind.STATIC_ROLE, False),
        (AnswerKind.INTERVAL, False),
    ],
)
def test_which_reads_make_something(kind, made):
    assert planning.makes(hold(kind)) is made


def test_what_is_lost_is_good_until_never():
    kept = hold()
    assert planning.good_until(kept.term) == 160.0
    kept.term.state = TermState.LOST
    assert planning.good_until(kept.term) == -math.inf


def test_what_had_ended_when_it_was_given():
    assert planning.is_unready(hold(AnswerKind.STATIC_ROLE, 0.0).term)
    assert not planning.is_unready(hold(AnswerKind.STATIC_ROLE).term)
    assert not planning.is_unready(hold(AnswerKind.INTERVAL, 0.0).term)
