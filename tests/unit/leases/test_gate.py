from __future__ import annotations

import math

import pytest

from virtrigaud_secrets.leases.gate import Gate


def through(gate: Gate, now: float, lane: str = "a") -> bool:
    if gate.admit(now, lane):
        gate.finished(lane)
        return True
    return False


def test_burst_then_rate():
    gate = Gate(rate=10, burst=20)
    assert sum(through(gate, 0.0) for _ in range(100)) == 20
    assert gate.opens_at(0.0) == pytest.approx(0.1)
    assert not through(gate, 0.09)
    assert through(gate, gate.opens_at(0.09))
    assert sum(through(gate, 1.1) for _ in range(100)) in {9, 10}


def test_rest_fills_no_more_than_the_burst():
    gate = Gate(rate=10, burst=5)
    assert sum(through(gate, 1e9) for _ in range(100)) == 5


def test_opens_at_is_kept():
    gate = Gate(rate=3, burst=1)
    now = 0.0
    for _ in range(10_000):
        assert through(gate, now)
        now = gate.opens_at(now)


def test_time_that_runs_back_gives_nothing():
    gate = Gate(burst=1)
    assert through(gate, 10.0)
    assert not through(gate, 5.0)


def test_all_lanes_together_have_a_limit():
    gate = Gate(under_way=4)
    assert [gate.admit(0.0, lane) for lane in "aabbc"] == [True] * 4 + [False]
    assert gate.opens_at(0.0, "c") == math.inf
    gate.finished("a")
    assert gate.opens_at(0.0, "c") == 0.0
    assert gate.admit(0.0, "c")


def test_one_lane_leaves_room_for_another():
    gate = Gate(under_way=4)
    assert [gate.admit(0.0, "hangs") for _ in range(4)] == [True, True, True, False]
    assert gate.opens_at(0.0, "hangs") == math.inf
    assert gate.admit(0.0, "well")


def test_what_repeats_leaves_room_for_what_does_not():
    gate = Gate(under_way=4)
    assert gate.admit(0.0, "a", again=True)
    assert not gate.admit(0.0, "a", again=True)
    assert gate.opens_at(0.0, "a", again=True) == math.inf
    assert gate.admit(0.0, "a")
    assert gate.admit(0.0, "b", again=True)
    gate.finished("a", again=True)
    assert gate.admit(0.0, "a", again=True)


def test_one_alone_is_let_through():
    gate = Gate(under_way=1)
    assert gate.admit(0.0, "a")
    gate.finished("a")
    assert gate.admit(0.0, "a")


def test_withdrawn_costs_nothing():
    gate = Gate(rate=1, burst=1)
    assert gate.admit(0.0, "a")
    gate.withdrawn("a")
    assert gate.admit(0.0, "a")
