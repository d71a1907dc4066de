from __future__ import annotations

import importlib.util
import threading
import time
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest

from virtrigaud_secrets.clock import Clock, SystemClock, reader
from virtrigaud_secrets.testing import ManualClock


def test_now_is_the_systems_time_in_utc() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)


def test_elapsed_never_steps_back() -> None:
    clock: Clock = SystemClock()
    first = clock.elapsed()
    assert first <= clock.elapsed()


def freshly_imported() -> ModuleType:
    """The module as a process on this system would see it: which clock there is, it asks once."""
    spec = importlib.util.find_spec("virtrigaud_secrets.clock")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_elapsed_counts_suspended_time_where_the_system_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def answer(clock: int) -> float:
        asked.append(clock)
        return 5.0

    monkeypatch.setattr(time, "CLOCK_BOOTTIME", 7, raising=False)
    monkeypatch.setattr(time, "clock_gettime", answer)
    assert freshly_imported().SystemClock().elapsed() == 5.0
    assert asked == [7]


def test_elapsed_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    monkeypatch.setattr(time, "monotonic", lambda: 6.0)
    assert freshly_imported().SystemClock().elapsed() == 6.0


def test_wait_ends_when_notified_or_when_the_time_is_over() -> None:
    condition = threading.Condition()
    before = time.monotonic()
    with condition:
        SystemClock().wait(condition, 0.01)
    assert time.monotonic() - before >= 0.005
    notifier = threading.Timer(0.01, notify, [condition])
    with condition:
        notifier.start()
        SystemClock().wait(condition, 60)
    assert time.monotonic() - before < 30


def notify(condition: threading.Condition) -> None:
    with condition:
        condition.notify_all()


def test_a_reader_reads_the_same_time() -> None:
    clock = SystemClock()
    assert clock.elapsed() <= reader(clock)() <= clock.elapsed()
    manual = ManualClock()
    read = reader(manual)
    manual.advance(5)
    assert read() == 5


def test_sleep_waits_that_long(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    SystemClock().sleep(2.5)
    assert slept == [2.5]
