from __future__ import annotations

import math
import random
from dataclasses import dataclass

from virtrigaud_secrets.leases.timers import Timers


@dataclass(eq=False)
class Target:
    name: str = ""
    timer: int = 0
    timer_at: float = 0.0


def test_earliest_first_and_once():
    timers: Timers[Target] = Timers()
    late, early = Target("late"), Target("early")
    timers.set(late, 5.0)
    timers.set(early, 3.0)
    assert timers.next_at() == 3.0
    assert timers.fired(2.9) == []
    assert timers.fired(5.0) == [early, late]
    assert timers.fired(99.0) == []
    assert timers.next_at() == math.inf


def test_set_anew_replaces():
    timers: Timers[Target] = Timers()
    target = Target()
    timers.set(target, 3.0)
    timers.set(target, 8.0)
    assert timers.at(target) == timers.next_at() == 8.0
    assert timers.fired(5.0) == []
    assert timers.fired(8.0) == [target]
    assert timers.at(target) == math.inf


def test_never_and_cleared():
    timers: Timers[Target] = Timers()
    target = Target()
    timers.set(target, 3.0)
    timers.set(target, math.inf)
    assert timers.at(target) == timers.next_at() == math.inf
    timers.set(target, 3.0)
    timers.clear(target)
    timers.clear(target)
    assert timers.fired(99.0) == []


def test_equal_times_in_the_order_they_were_set():
    timers: Timers[Target] = Timers()
    targets = [Target(str(number)) for number in range(5)]
    for target in targets:
        timers.set(target, 1.0)
    assert timers.fired(1.0) == targets


def test_no_more_than_twice_as_many_entries_as_timers():
    timers: Timers[Target] = Timers()
    targets = [Target() for _ in range(100)]
    chance = random.Random(1)  # chance of a test
    for _ in range(20_000):
        timers.set(chance.choice(targets), chance.uniform(0, 1000))
        assert len(timers) <= 2 * 100 + 64
    due = sorted(target.timer_at for target in targets if target.timer)
    assert [target.timer_at for target in timers.fired(2000.0)] == due
