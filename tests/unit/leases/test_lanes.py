from __future__ import annotations

import math
from dataclasses import dataclass

from virtrigaud_secrets.leases.gate import Gate
from virtrigaud_secrets.leases.lanes import Lanes, Rank


@dataclass(eq=False)
class Target:
    name: str = ""
    queued: int = 0


def put(lanes: Lanes[Target], name: str, lane: str, urgency: float, rank: Rank = Rank.FRESH) -> Target:
    target = Target(name)
    lanes.put(target, lane, rank=rank, urgency=urgency)
    return target


def taken(lanes: Lanes[Target], gate: Gate) -> list[str]:
    names = []
    while (one := lanes.take(0.0)) is not None:
        gate.finished(one.lane, again=one.again)
        names.append(one.target.name)
    return names


def test_the_most_urgent_of_a_lane_first():
    gate = Gate()
    lanes: Lanes[Target] = Lanes(gate)
    for name, urgency in (("c", 9.0), ("a", 1.0), ("d", math.inf), ("b", 1.0)):
        put(lanes, name, "x", urgency)
    assert taken(lanes, gate) == ["a", "b", "c", "d"]
    assert len(lanes) == 0


def test_lanes_take_turns():
    gate = Gate()
    lanes: Lanes[Target] = Lanes(gate)
    for number in range(4):
        put(lanes, f"x{number}", "x", number)
    put(lanes, "y", "y", 100.0)
    put(lanes, "z", "z", 100.0)
    assert taken(lanes, gate) == ["x0", "y", "z", "x1", "x2", "x3"]


def test_what_failed_goes_behind_what_did_not():
    gate = Gate()
    lanes: Lanes[Target] = Lanes(gate)
    put(lanes, "ended", "x", -5.0, Rank.ENDED)
    put(lanes, "failing", "x", 1.0, Rank.FAILING)
    put(lanes, "fresh", "x", 50.0)
    assert taken(lanes, gate) == ["fresh", "failing", "ended"]


def test_one_that_waits_keeps_its_place():
    gate = Gate()
    lanes: Lanes[Target] = Lanes(gate)
    target = put(lanes, "a", "x", 1.0)
    lanes.put(target, "x", rank=Rank.FRESH, urgency=0.0)
    assert len(lanes) == 1
    assert taken(lanes, gate) == ["a"]
    assert not target.queued


def test_dropped_and_put_again_comes_once():
    gate = Gate()
    lanes: Lanes[Target] = Lanes(gate)
    target = put(lanes, "a", "x", 1.0)
    lanes.drop(target)
    assert lanes.opens_at(0.0) == math.inf
    lanes.put(target, "x", rank=Rank.FRESH, urgency=2.0)
    assert taken(lanes, gate) == ["a"]


def test_closed_lane_does_not_stop_the_next():
    gate = Gate(under_way=4)
    lanes: Lanes[Target] = Lanes(gate)
    for number in range(5):
        put(lanes, f"x{number}", "x", number)
    assert [one.target.name for _ in range(3) if (one := lanes.take(0.0))] == ["x0", "x1", "x2"]
    assert lanes.take(0.0) is None
    assert lanes.opens_at(0.0) == math.inf
    put(lanes, "y", "y", 0.0)
    assert lanes.opens_at(0.0) == 0.0
    one = lanes.take(0.0)
    assert one is not None
    assert (one.target.name, one.lane, one.again) == ("y", "y", False)
