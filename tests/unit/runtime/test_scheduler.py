import math
import threading

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.runtime.scheduler import LONGEST_WAIT, Scheduler
from virtrigaud_secrets.testing import ManualClock


class Steps:
    """A step that says when it is called and when the next one is due."""

    def __init__(self, clock):
        self.clock, self.calls, self.due_at = clock, [], math.inf
        self.called = threading.Semaphore(0)

    def __call__(self):
        self.calls.append(self.clock.elapsed())
        self.called.release()
        return self.due_at

    def wait(self):
        return self.called.acquire(timeout=10)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def steps(clock):
    return Steps(clock)


@pytest.fixture
def scheduler(clock, steps):
    made = Scheduler(clock, steps)
    yield made
    made.close()


def test_there_is_no_thread_until_it_is_needed(scheduler, steps):
    assert not scheduler.running
    assert not scheduler.started
    scheduler.wake()
    assert steps.calls == []


def test_steps_at_once_and_whenever_woken(scheduler, steps):
    scheduler.start()
    assert steps.wait()
    assert scheduler.running
    scheduler.wake()
    assert steps.wait()


def test_starts_one_thread_however_often_it_is_told(scheduler):
    starters = [threading.Thread(target=scheduler.start) for _ in range(8)]
    for thread in starters:
        thread.start()
    for thread in starters:
        thread.join()
    named = [one for one in threading.enumerate() if one is scheduler._thread]
    assert len(named) == 1


def test_steps_when_something_is_due_on_a_clock_that_runs():
    clock = SystemClock()
    steps = Steps(clock)
    scheduler = Scheduler(clock, steps)
    steps.due_at = clock.elapsed() + 0.02
    scheduler.start()
    assert steps.wait()
    assert steps.wait()
    scheduler.close()
    assert steps.calls[1] >= steps.due_at


def test_looks_at_the_clocks_now_and_then_even_if_nothing_is_due(clock, scheduler, steps, monkeypatch):
    waits = []

    def wait(condition, seconds):
        waits.append(seconds)
        condition.wait(0.01)

    monkeypatch.setattr(clock, "wait", wait)
    scheduler.start()
    assert steps.wait()
    assert steps.wait()
    assert set(waits) == {LONGEST_WAIT}


def test_close_ends_the_thread_and_no_other_is_started(scheduler, steps):
    scheduler.start()
    assert steps.wait()
    thread = scheduler._thread
    scheduler.close()
    thread.join(10)
    assert not scheduler.running
    scheduler.start()
    assert not scheduler.running


def test_is_well_while_it_looks_at_the_clocks(clock, scheduler, steps):
    assert not scheduler.is_well(0)
    scheduler.start()
    assert steps.wait()
    assert scheduler.is_well(clock.elapsed() + LONGEST_WAIT)
    assert not scheduler.is_well(clock.elapsed() + 1000 * LONGEST_WAIT)


def test_where_no_thread_can_be_started_nothing_is_raised(scheduler, monkeypatch):
    def refuse(_self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    scheduler.start()
    assert not scheduler.running
