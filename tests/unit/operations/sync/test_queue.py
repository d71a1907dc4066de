from __future__ import annotations

import math

from virtrigaud_secrets.operations.sync.queue import LONGEST_RETRY, RETRY_BURST, SPARE, Ticket, WorkQueue


def test_what_is_due_for_longest_comes_first() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("late", 5)
    queue.add("early", 1)
    assert queue.next_at() == 1
    assert queue.take(0) is None
    assert queue.take(9) == Ticket("early", 1)
    assert queue.take(9) == Ticket("late", 5)
    assert queue.take(9) is None
    assert queue.next_at() == math.inf


def test_a_key_waits_once_and_the_sooner_moment_counts() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for at in (7, 3, 5):
        queue.add("a", at)
    assert len(queue) == 1
    assert queue.take(9) == Ticket("a", 3)
    queue.done("a")
    assert queue.take(9) is None


def test_what_is_asked_for_during_the_work_comes_again_after_it() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a", 0)
    queue.take(0)
    queue.add("a", 2)
    queue.add("a", 1)
    assert queue.take(9) is None
    queue.done("a")
    assert queue.take(9) == Ticket("a", 1)


def test_failures_wait_twice_as_long_each_time_up_to_seven_minutes() -> None:
    queue: WorkQueue[str] = WorkQueue()
    now, delays = 0.0, []
    for _ in range(40):
        at = queue.retry("a", now)
        delays.append(at - now)
        now = at
        assert queue.take(now) == Ticket("a", at)
        queue.done("a")
    assert delays[:5] == [1, 2, 4, 8, 16]
    assert delays[-1] == LONGEST_RETRY == max(delays)


def test_a_success_begins_anew() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.retry("a", 0)
    queue.retry("a", 0)
    queue.succeeded("a")
    queue.drop("a")
    assert queue.retry("a", 10) == 11


def test_a_flood_of_failures_is_spread() -> None:
    queue: WorkQueue[int] = WorkQueue()
    moments = [queue.retry(key, 0) for key in range(200)]
    assert moments[: int(RETRY_BURST)] == [1.0] * int(RETRY_BURST)
    assert moments[-1] == 10.0  # a hundred more than the burst, ten a second
    assert queue.retry(1000, 60) == 61


def test_what_was_dropped_does_not_come() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("waits", 0)
    queue.drop("waits")
    assert queue.take(9) is None
    queue.add("works", 0)
    queue.take(9)
    queue.add("works", 1)
    queue.drop("works")
    queue.done("works")
    assert queue.take(9) is None
    queue.drop("never seen")
    queue.done("never seen")


def test_what_was_asked_for_sooner_since_takes_no_memory() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for now in range(1000):
        for key in ("a", "b"):
            queue.add(key, now + 1e6)
            queue.add(key, now)
            assert queue.take(now) == Ticket(key, now)
            queue.done(key)
    assert len(queue._heap) <= 2 * 2 + SPARE
    queue.add("a", 5)
    assert queue.take(9) == Ticket("a", 5)
