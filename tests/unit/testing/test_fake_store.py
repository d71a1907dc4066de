from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ClosedError,
    SecretNotFoundError,
    StoreUnavailableError,
    ThrottledError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.models.backends.fake import FakeProvider
from virtrigaud_secrets.stores.base import Answer, Fetch, Query, StoreClient
from virtrigaud_secrets.testing import FakeStore, ManualClock, store_context
from virtrigaud_secrets.testing.clock import START
from virtrigaud_secrets.testing.contract import STORE

SPEC = FakeProvider(data=())


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def client(store: FakeStore) -> StoreClient:
    factory = store.factory("vault")
    return factory.connect(SPEC, store_context())


def get(client: StoreClient, key: str = "a", version: str = "") -> Answer:
    return client.get(Fetch(store=STORE, key=key, version=version))


def test_text_and_properties(store: FakeStore, client: StoreClient) -> None:
    store.put("text", "value")
    store.put("map", {"username": "u", "password": "p"})
    assert get(client, "text").payload.whole() == b"value"
    assert get(client, "map").payload.property("password") == b"p"
    assert json.loads(get(client, "map").payload.whole()) == {"username": "u", "password": "p"}
    assert store.reads == ["text", "map", "map"]


def test_versions(store: FakeStore, client: StoreClient) -> None:
    store.put("a", "one")
    store.rotate("a", "two")
    assert [get(client, version=version).payload.whole() for version in ("", "latest", "2", "1")] == [
        b"two",
        b"two",
        b"two",
        b"one",
    ]
    for version in ("0", "3", "x"):
        with pytest.raises(SecretNotFoundError):
            get(client, version=version)


def test_what_is_not_there(store: FakeStore, client: StoreClient) -> None:
    with pytest.raises(SecretNotFoundError, match=r"\[path a\] \[store SecretStore contract/under-test\]"):
        get(client)
    store.put("a", "one")
    store.delete("a")
    with pytest.raises(SecretNotFoundError):
        get(client)


def test_an_end(store: FakeStore, client: StoreClient) -> None:
    store.put("a", "one", life=timedelta(hours=1))
    assert get(client).expires_at == START + timedelta(hours=1)


def test_each_read_issues_another(store: FakeStore, client: StoreClient) -> None:
    store.issue("a", lambda number: {"password": f"p{number}"}, life=timedelta(minutes=15))
    first, second = get(client), get(client)
    assert [answer.payload.property("password") for answer in (first, second)] == [b"p1", b"p2"]
    assert first.lease is not None
    assert second.lease is not None
    assert first.lease.lease_id != second.lease.lease_id
    assert first.lease.duration == 900
    factory = store.factory()
    preview = factory.preview(SPEC, Fetch(store=STORE, key="a"), store_context())
    assert preview.side_effect
    store.put("a", "kept")
    assert not factory.preview(SPEC, Fetch(store=STORE, key="a"), store_context()).side_effect


def test_denial_until_allowed(store: FakeStore, client: StoreClient) -> None:
    store.put("a", "one")
    store.deny("a")
    for _ in range(2):
        with pytest.raises(AccessDeniedError, match=r"\[path a\]"):
            get(client)
    store.allow("a")
    assert get(client).payload.whole() == b"one"


def test_faults_for_a_number_of_reads(store: FakeStore, client: StoreClient) -> None:
    store.put("a", "one")
    given = ThrottledError("slow down", retry_after=3)
    store.fail("a", given, times=1)
    with pytest.raises(ThrottledError) as caught:
        get(client)
    assert caught.value.retry_after == 3
    assert given.path == ""
    assert get(client).payload.whole() == b"one"
    store.fail("a")
    with pytest.raises(StoreUnavailableError):
        get(client)


def test_latency_passes_on_the_clock(store: FakeStore) -> None:
    clock = ManualClock()
    factory = store.factory()
    client = factory.connect(SPEC, store_context(clock=clock))
    store.put("a", "one")
    store.delay(timedelta(seconds=5))
    get(client)
    assert clock.elapsed() == 5


def test_reads_can_be_held(store: FakeStore, client: StoreClient) -> None:
    store.put("a", "one")
    found: list[Answer] = []
    with store.hold():
        reader = threading.Thread(target=lambda: found.append(get(client)))
        reader.start()
        while not store.reads:
            pass
        assert found == []
    reader.join(5)
    assert found[0].payload.whole() == b"one"


def test_searches(store: FakeStore, client: StoreClient) -> None:
    for key in ("team/a", "team/b", "other/a"):
        store.put(key, key)
    assert set(client.find(Query(store=STORE, path="team/", name="a$"))) == {"team/a"}
    with pytest.raises(UnsupportedFeatureError):
        client.find(Query(store=STORE, tags=(("a", "b"),)))


def test_closed(store: FakeStore, client: StoreClient) -> None:
    client.close()
    with pytest.raises(ClosedError):
        get(client)


def test_its_model_is_that_of_the_fake_backend(store: FakeStore) -> None:
    assert store.factory().spec_model is FakeProvider


def test_no_value_shows(store: FakeStore) -> None:
    store.put("a", {"password": "planted"})
    assert repr(store) == "<FakeStore of 1 secrets>"
