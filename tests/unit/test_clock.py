from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets.clock import Clock, SystemClock


def test_now_is_the_systems_time_in_utc() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)


def test_elapsed_never_steps_back() -> None:
    clock: Clock = SystemClock()
    first = clock.elapsed()
    assert first <= clock.elapsed()


def test_elapsed_counts_suspended_time_where_the_system_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def answer(clock: int) -> float:
        asked.append(clock)
        return 5.0

    monkeypatch.setattr(time, "CLOCK_BOOTTIME", 7, raising=False)
    monkeypatch.setattr(time, "clock_gettime", answer)
    assert SystemClock().elapsed() == 5.0
    assert asked == [7]


def test_elapsed_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    monkeypatch.setattr(time, "monotonic", lambda: 6.0)
    assert SystemClock().elapsed() == 6.0


def test_sleep_waits_that_long(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    SystemClock().sleep(2.5)
    assert slept == [2.5]
