from __future__ import annotations

from typing import Any

import pytest

from virtrigaud_secrets.errors import ClosedError, ConflictError, StoreUnavailableError
from virtrigaud_secrets.operations.sync.election import Terms
from virtrigaud_secrets.operations.sync.elector import Elector
from virtrigaud_secrets.stores.cluster_objects import LEASES
from virtrigaud_secrets.testing import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def candidate(cluster: Any, clock: ManualClock, identity: str) -> Elector:
    return Elector(cluster, "sync", namespace="ns", identity=identity, terms=Terms(), clock=clock)


def holder(cluster: Any) -> str:
    return str(cluster.objects[LEASES.plural, "ns", "sync"]["spec"]["holderIdentity"])


def test_one_leads_and_gives_it_back(cluster: Any, clock: ManualClock) -> None:
    first, second = candidate(cluster, clock, "first"), candidate(cluster, clock, "second")
    assert first.attempt()
    assert not second.attempt()
    assert first.leads()
    first.resign()
    assert holder(cluster) == ""
    assert not first.leads()
    clock.advance(1)
    assert second.attempt()
    assert second.transitions == 1
    first.resign()
    assert holder(cluster) == "second"


def test_of_two_who_bid_at_a_time_one_loses(cluster: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = candidate(cluster, clock, "first"), candidate(cluster, clock, "second")
    assert first.attempt()
    clock.advance(1)
    first.resign()
    clock.advance(1)
    get = cluster.get

    def slow_get(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(cluster, "get", get)
        found = get(*arguments, **options)
        assert second.attempt()
        return found

    monkeypatch.setattr(cluster, "get", slow_get)
    assert not first.attempt()
    assert second.leads()


def test_a_cluster_that_does_not_answer_ends_the_lead_in_time(cluster: Any, clock: ManualClock) -> None:
    first = candidate(cluster, clock, "first")
    assert first.attempt()
    cluster.fault = StoreUnavailableError("down")
    clock.advance(9)
    assert first.attempt()
    clock.advance(1)
    assert not first.attempt()
    first.resign()
    cluster.fault = None
    clock.advance(1)
    assert first.attempt()
    assert first.transitions == 0  # nobody else led meanwhile
    cluster.fault = ConflictError("faster")
    assert not first.attempt()


def test_a_closed_client_is_told(cluster: Any, clock: ManualClock) -> None:
    cluster.fault = ClosedError("closed")
    with pytest.raises(ClosedError):
        candidate(cluster, clock, "first").attempt()
