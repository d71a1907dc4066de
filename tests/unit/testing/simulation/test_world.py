from __future__ import annotations

import pytest

from virtrigaud_secrets.testing.simulation import Fault, Role, World


def test_what_is_revoked_is_measured_to_the_moment():
    world = World()
    world.keep("a", Role(length=100, renewable=False))
    world.change(10.0, lambda: world.vault.revoke("a", world.now))
    world.run(50)
    kept = world.kept["a"]
    assert (kept.refused, kept.missing) == (pytest.approx(40.0), 0.0)
    assert kept.gaps == [(10.0, 50.0)]
    assert world.without() == world.refused() == kept.without


def test_what_is_not_given_out_is_measured_to_the_moment():
    world = World()
    world.keep("a", Role(length=10))
    world.vault.outage(1.0, 50.0)
    world.run(40)
    kept = world.kept["a"]
    assert (kept.refused, kept.missing) == (0.0, pytest.approx(30.0))


def test_requests_are_counted():
    world = World()
    world.keep("a", Role(length=10, maximum=10))
    world.run(100)
    assert world.counted["Read"] == len(world.sent("Read")) == len(world.sent("Read", key="a"))
    assert world.counted["Renew"] == 1
    assert not world.sent("Read", key="b")
    assert world.sent(since=50.0)[0].at >= 50.0
    assert world.most_within(1.0) == 2
    assert world.most_within(200.0) == len(world.requests)


def test_hanging_requests_fail_after_the_timeout():
    world = World(timeout=3)
    world.keep("a", Role(length=100))
    world.vault.outage(0.0, 80.0, Fault.HANGING)
    world.run(80)
    (first, second, *_) = [one.at for one in world.sent("Renew")]
    assert second - first >= 3.0


def test_keep_again_and_release():
    world = World()
    first = world.keep("a", Role(length=100))
    world.run(1)
    second = world.keep("a")
    assert first != second
    kept = world.release("a")
    assert kept.lease is world.leases[second]
    world.run(5)
    assert len(world.core) == 0
    assert kept.lease.end() < 10


def test_keep_says_when_the_server_does_not_answer():
    world = World()
    world.vault.outage(0.0, 1.0, Fault.HANGING)
    with pytest.raises(ValueError, match="does not answer"):
        world.keep("a", Role())


def test_suspend_hides_time_from_the_core():
    world = World()
    world.keep("a", Role(length=100))
    world.suspend(30)
    assert (world.now, world.clock) == (30.0, 0.0)


def test_same_seed_same_world():
    def requests(seed: int) -> list[float]:
        world = World(seed=seed)
        world.keep("a", Role(length=60, maximum=300))
        world.run(2000)
        return [one.at for one in world.requests]

    assert requests(5) == requests(5)
    assert requests(5) != requests(6)
