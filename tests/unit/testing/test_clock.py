from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.testing.clock import START, ManualClock


def test_stands_still_until_told_otherwise() -> None:
    clock = ManualClock()
    assert (clock.now(), clock.elapsed()) == (START, 0.0)
    assert (clock.now(), clock.elapsed()) == (START, 0.0)


def test_is_a_clock() -> None:
    clock: Clock = ManualClock()
    clock.sleep(1)
    assert clock.elapsed() == 1.0


@pytest.mark.parametrize("by", [timedelta(minutes=1, milliseconds=250), 60.25])
def test_advancing_moves_both_times(by: timedelta | float) -> None:
    clock = ManualClock()
    clock.advance(by)
    assert clock.now() == START + timedelta(seconds=60.25)
    assert clock.elapsed() == 60.25


def test_sleeping_moves_on_and_is_remembered() -> None:
    clock = ManualClock()
    clock.sleep(1.5)
    clock.sleep(-3)
    assert clock.sleeps == [1.5, -3]
    assert clock.elapsed() == 1.5


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        ManualClock().advance(-1)


def test_a_step_moves_the_wall_clock_only() -> None:
    clock = ManualClock()
    clock.step(timedelta(hours=-1))
    assert clock.now() == START - timedelta(hours=1)
    assert clock.elapsed() == 0.0


def test_now_is_utc_whatever_the_start() -> None:
    start = datetime(2030, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    now = ManualClock(start).now()
    assert now == start
    assert now.tzinfo is UTC


def test_a_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2030, 1, 1))  # noqa: DTZ001  # the fault under test


def test_who_waits_looks_at_the_clock_again_soon() -> None:
    condition = threading.Condition()
    before = time.monotonic()
    with condition:
        ManualClock().wait(condition, 3600)
    assert time.monotonic() - before < 30
