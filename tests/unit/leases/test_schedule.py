from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virtrigaud_secrets.leases import schedule

HOUR = 3600.0


def low(a: float, b: float) -> float:
    return a


def high(a: float, b: float) -> float:
    return b


@pytest.mark.parametrize(
    ("formula", "arguments", "least", "most"),
    [
        (schedule.renew_at, (100.0, 60.0), 130.0, 139.0),
        (schedule.rotate_at, (100.0, 60.0), 142.0, 148.0),
        (schedule.last_renewal_at, (200.0, 60.0), 167.0, 161.0),
        (schedule.capped_at, (100.0, 60.0), 100.0, 112.0),
        (schedule.capped_at, (100.0, 10.0), 100.0, 102.0),
        (schedule.capped_at, (100.0, 9.9), 100.0, 100.0),
        (schedule.certificate_at, (0.0, HOUR), 0.6 * HOUR, 0.667 * HOUR),
        (schedule.certificate_at, (0.0, 72 * HOUR), 0.6 * 72 * HOUR, 0.667 * 72 * HOUR),
        # A day's reserve: of 73 hours, 0.667 would leave 24.3 hours; of 74, still more than 24.
        (schedule.certificate_at, (0.0, 73 * HOUR), 0.6 * 73 * HOUR, 48 * HOUR),
        (schedule.certificate_at, (0.0, 8760 * HOUR), 0.6 * 8760 * HOUR, 0.667 * 8760 * HOUR),
        (schedule.static_role_at, (100.0, 10.0), 111.0, 112.0),
        (schedule.refresh_at, (100.0, 60.0), 148.0, 160.0),
    ],
)
def test_bounds_of_a_formula(formula, arguments, least, most):
    assert formula(*arguments, low) == pytest.approx(least)
    assert formula(*arguments, high) == pytest.approx(most)


@pytest.mark.parametrize(("took", "at"), [(0.0, 99.9), (0.02, 99.86), (0.1, 99.7), (5.0, 99.5)])
def test_the_last_try_leaves_what_its_answer_takes(took, at):
    assert schedule.last_try_at(100.0, took) == pytest.approx(at)


@given(seed=st.integers(0, 1000), life=st.floats(1, 10_000 * HOUR))
def test_certificate_keeps_its_reserve(seed, life):
    due = schedule.certificate_at(0.0, life, random.Random(seed).uniform)  # chance of a test
    assert 0 < due <= 0.667 * life
    assert life <= 72 * HOUR or life - due >= 24 * HOUR


@given(seed=st.integers(0, 1000), length=st.floats(0.1, 10_000 * HOUR))
def test_renewal_leaves_a_third(seed, length):
    due = schedule.renew_at(0.0, length, random.Random(seed).uniform)  # chance of a test
    assert length - due >= 0.35 * length - 1e-6


def test_unready_is_asked_soon_at_first_and_then_less_and_less():
    waits = [schedule.unready_at(0.0, tries) for tries in range(1, 13)]
    assert waits == [0.5] * 4 + [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


@pytest.mark.parametrize(
    ("attempt", "granted", "remaining", "expected"),
    [
        (0, 3600.0, 1800.0, 1.0),
        (1, 3600.0, 1800.0, 2.0),
        (4, 3600.0, 1800.0, 16.0),
        (5, 3600.0, 1800.0, 30.0),
        (500, 3600.0, 1800.0, 30.0),
        (9, 3600.0, 40.0, 10.0),  # a quarter of what remains
        (9, 3600.0, 0.5, 0.5),  # never more than twice a second
        (0, 6.0, 3.0, 0.5),
        (9, 6.0, 6.0, 1.0),
        (0, 12.0, 6.0, 0.6),
        (0, 200.0, 100.0, 1.0),
        (5, 200.0, 100.0, 20.0),
    ],
)
def test_retry_while_valid(attempt, granted, remaining, expected):
    delay = schedule.retry_delay(attempt, granted=granted, remaining=remaining, uniform=high)
    assert delay == pytest.approx(expected)
    least = schedule.retry_delay(attempt, granted=granted, remaining=remaining, uniform=low)
    assert least == pytest.approx(max(expected * 0.75, 0.5))


@pytest.mark.parametrize(
    ("attempt", "granted", "expected"),
    [(0, 6.0, 1.0), (9, 6.0, 1.0), (0, 3600.0, 1.0), (2, 3600.0, 4.0), (9, 3600.0, 30.0), (9, 60.0, 6.0)],
)
def test_retry_after_the_end(attempt, granted, expected):
    for remaining in (0.0, -1.0, -1e9):
        assert schedule.retry_delay(attempt, granted=granted, remaining=remaining, uniform=low) == expected


@pytest.mark.parametrize(
    ("remaining", "retry_after", "expected"),
    [(1800.0, 100.0, 100.0), (1800.0, 5000.0, 900.0), (1800.0, 0.1, 1.0), (1800.0, 0.0, 1.0), (0.0, 10.0, 10.0)],
)
def test_retry_after_is_heeded_within_half_of_what_remains(remaining, retry_after, expected):
    delay = schedule.retry_delay(0, granted=3600.0, remaining=remaining, uniform=high, retry_after=retry_after)
    assert delay == pytest.approx(expected)


def test_retry_after_the_end_is_heeded_up_to_the_longest_wait():
    assert schedule.retry_delay(0, granted=3600.0, remaining=0.0, uniform=high, retry_after=900.0) == 30.0


@given(
    attempt=st.integers(0, 100_000),
    granted=st.floats(0, 1e9),
    remaining=st.floats(-1e9, 1e9),
    retry_after=st.one_of(st.none(), st.floats(0, 1e9)),
)
def test_retry_is_never_hot_and_never_sleeps_over_the_end(attempt, granted, remaining, retry_after):
    delay = schedule.retry_delay(attempt, granted=granted, remaining=remaining, uniform=high, retry_after=retry_after)
    assert delay >= schedule.SHORTEST_RETRY
    assert delay <= max(30.0, remaining / 2)


@pytest.mark.parametrize(
    ("remaining", "count", "most"),
    [
        (math.inf, 1, 0.0),
        (math.inf, 11, 1.0),
        (math.inf, 5000, 10.0),
        (100.0, 5000, 10.0),
        (4.0, 5000, 2.0),
        (0.0, 5000, 0.0),
        (-5.0, 5000, 0.0),
        (4.0, 0, 0.0),
    ],
)
def test_spread(remaining, count, most):
    assert schedule.spread(remaining, count, low) == 0.0
    assert schedule.spread(remaining, count, high) == most


@pytest.mark.parametrize(
    ("granted", "remaining", "expected"),
    [(6.0, 3.0, 3.0), (6.0, 100.0, 10.0), (1000.0, 900.0, 100.0), (1e6, 1e6, 300.0), (60.0, -1.0, 0.0)],
)
def test_drain_time(granted, remaining, expected):
    assert schedule.drain_time(granted, remaining) == expected


@pytest.mark.parametrize(
    ("granted", "delays"),
    [
        (6.0, [0.3, 0.6, 1.2, 2.4, 3.0, 3.0]),
        (100.0, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 50.0, 50.0]),
        (30 * 24 * 3600.0, [*(2.0**n for n in range(12)), 3600.0, 3600.0]),
    ],
)
def test_credentials_that_are_refused_are_made_less_and_less_often(granted, delays):
    waits = [schedule.refused_delay(count, granted=granted, uniform=lambda _, b: b) for count in range(len(delays))]
    assert waits == pytest.approx(delays)
    assert schedule.refused_delay(5, granted=granted, uniform=lambda a, _: a) == pytest.approx(0.75 * delays[5])
