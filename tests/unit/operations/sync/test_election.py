from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.operations.sync.election import Election, Terms

WALL = datetime(2026, 1, 1, tzinfo=UTC)
TERMS = Terms()


class Cluster:
    """Keeps the one lease."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None

    def attempt(self, candidate: Election, now: float, *, answer_after: float = 0.0) -> bool:
        candidate.observe(self.lease, now)
        spec = candidate.bid(now, WALL + timedelta(seconds=now))
        if spec is None:
            return False
        self.lease = {"spec": spec}
        candidate.won(spec, now, now + answer_after)
        return candidate.leads(now + answer_after)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_the_first_one_gets_it_and_the_second_waits(cluster: Cluster) -> None:
    first, second = Election("first", TERMS), Election("second", TERMS)
    assert not first.leads(0)
    assert cluster.attempt(first, 0)
    assert not cluster.attempt(second, 1)
    assert second.holder == "first"
    assert cluster.lease == {
        "spec": {
            "holderIdentity": "first",
            "leaseDurationSeconds": 15,
            "acquireTime": "2026-01-01T00:00:00.000000Z",
            "renewTime": "2026-01-01T00:00:00.000000Z",
            "leaseTransitions": 0,
        }
    }


def test_a_leader_that_cannot_renew_stops_before_another_may_take_over(cluster: Cluster) -> None:
    first, second = Election("first", TERMS), Election("second", TERMS)
    cluster.attempt(first, 0)
    assert not cluster.attempt(second, 0.5)
    assert first.leads(9.9)
    assert not first.leads(10)
    assert not cluster.attempt(second, 15.4)
    assert cluster.attempt(second, 15.5)
    assert second.transitions == 1


def test_an_answer_that_came_late_does_not_lengthen_the_time(cluster: Cluster) -> None:
    first = Election("first", TERMS)
    assert cluster.attempt(first, 0, answer_after=9)
    assert not first.leads(10)
    assert not cluster.attempt(first, 20, answer_after=11)


def test_a_renewal_begins_the_time_anew_for_all(cluster: Cluster) -> None:
    first, second = Election("first", TERMS), Election("second", TERMS)
    for now in range(0, 60, 2):
        assert cluster.attempt(first, now)
        assert not cluster.attempt(second, now + 1)
    assert cluster.lease is not None
    assert cluster.lease["spec"]["acquireTime"] == "2026-01-01T00:00:00.000000Z"
    assert cluster.lease["spec"]["renewTime"] == "2026-01-01T00:00:58.000000Z"
    assert cluster.lease["spec"]["leaseTransitions"] == 0


def test_a_leader_that_sees_another_one_stops_at_once(cluster: Cluster) -> None:
    first, second = Election("first", TERMS), Election("second", TERMS)
    cluster.attempt(first, 0)
    cluster.lease = {"spec": {"holderIdentity": "second", "leaseDurationSeconds": 15}}
    first.observe(cluster.lease, 1)
    assert not first.leads(1)
    assert second.bid(0, WALL) is not None


def test_a_farewell_lets_the_next_one_in_quickly(cluster: Cluster) -> None:
    first, second = Election("first", TERMS), Election("second", TERMS)
    cluster.attempt(first, 0)
    left = first.farewell()
    assert left is not None
    assert left["holderIdentity"] == ""
    assert not first.leads(0)
    cluster.lease = {"spec": left}
    assert cluster.attempt(second, 0.1)
    assert Election("third", TERMS).farewell() is None


def test_what_the_holder_promised_counts(cluster: Cluster) -> None:
    second = Election("second", TERMS)
    cluster.lease = {"spec": {"holderIdentity": "first", "leaseDurationSeconds": 60}}
    assert not cluster.attempt(second, 0)
    assert not cluster.attempt(second, 59)
    assert cluster.attempt(second, 60)


@pytest.mark.parametrize("lease", [{}, {"spec": None}, {"spec": {"holderIdentity": 7, "leaseTransitions": "x"}}])
def test_a_lease_of_nobody_is_taken(cluster: Cluster, lease: dict[str, object]) -> None:
    cluster.lease = lease
    assert cluster.attempt(Election("first", TERMS), 0)


@pytest.mark.parametrize(
    "terms",
    [
        {"retry_period": timedelta(0)},
        {"retry_period": timedelta(seconds=10)},
        {"duration": timedelta(seconds=10)},
        {"renew_deadline": timedelta(seconds=15)},
    ],
)
def test_terms_that_allow_two_leaders_are_refused(terms: dict[str, timedelta]) -> None:
    with pytest.raises(ConfigurationError, match="retry period < renew deadline < lease duration"):
        Terms(**terms)


@pytest.mark.parametrize("stalled", range(0, 40, 3))
def test_there_are_never_two(cluster: Cluster, stalled: int) -> None:
    """Each candidate is cut off from the cluster for a while, at different times."""
    candidates = [Election("first", TERMS), Election("second", TERMS), Election("third", TERMS)]
    led = 0
    for tick in range(400):
        now = tick / 4
        for index, candidate in enumerate(candidates):
            cut_off = stalled + index * 12 < now < stalled + index * 12 + 20
            if not cut_off and tick % 8 == index:
                cluster.attempt(candidate, now)
        leaders = [candidate for candidate in candidates if candidate.leads(now)]
        assert len(leaders) <= 1
        led += len(leaders)
    assert led > 200
    assert math.isfinite(led)
