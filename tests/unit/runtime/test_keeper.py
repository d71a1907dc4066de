import math
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from virtrigaud_secrets.cache.entries import SecretName
from virtrigaud_secrets.errors import (
    ClosedError,
    CredentialExpiredError,
    SecretNotFoundError,
    StoreUnavailableError,
)
from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.runtime.keeper import REMEMBERED_ERROR
from virtrigaud_secrets.runtime.wishes import Wish

KV, DB = SecretName("ns", "kv"), SecretName("ns", "db")


@pytest.fixture
def keeper(resolver):
    return resolver.keeper


def test_gives_out_from_memory_until_the_interval_is_over(resolver, keeper, lab, clock):
    entry = keeper.entries.obtain(KV)
    first = keeper.get(entry)
    assert keeper.get(entry) is first
    assert 48 <= first.refresh_at <= 60 == first.stale_at
    clock.advance(60)
    assert keeper.get(entry) is not first
    assert lab.count("get", "kv/a") == 2


def test_the_same_data_keeps_the_bundle_object(keeper, lab, clock):
    entry = keeper.entries.obtain(KV)
    first = keeper.get(entry)
    clock.advance(60)
    second = keeper.get(entry)
    assert second.bundle is first.bundle
    assert entry.rotations == 0
    clock.advance(60)
    lab.secrets["kv/a"]["password"] = "new"
    assert keeper.get(entry).bundle is not first.bundle
    assert entry.rotations == 1


def test_an_error_is_remembered_briefly(keeper, lab, clock):
    lab.fail("get", "kv/a", StoreUnavailableError("connection refused"))
    entry = keeper.entries.obtain(KV)
    for _ in range(5):
        with pytest.raises(StoreUnavailableError):
            keeper.get(entry)
    assert lab.count("get", "kv/a") == 1
    clock.advance(REMEMBERED_ERROR)
    lab.up()
    keeper.get(entry)
    assert (entry.error, entry.failures, entry.blocked_until) == (None, 0, -math.inf)


def test_a_remembered_error_comes_as_an_object_of_ones_own(keeper, lab):
    lab.fail("get", "kv/a", StoreUnavailableError("connection refused"))
    entry = keeper.entries.obtain(KV)
    faults = []
    for _ in range(3):
        with pytest.raises(StoreUnavailableError) as caught:
            keeper.get(entry)
        faults.append(caught.value)
    assert len(set(map(id, faults))) == 3


def test_a_wish_for_something_newer_is_not_met_by_what_began_before(keeper, lab, clock):
    entry = keeper.entries.obtain(KV)
    begun, go = threading.Event(), threading.Event()

    def wait():
        begun.set()
        assert go.wait(10)

    lab.troubles["get", "kv/a"] = wait
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(keeper.obtain, entry, Wish())
        assert begun.wait(10)
        clock.advance(1)
        newer = pool.submit(keeper.obtain, entry, Wish(newer_than=clock.elapsed()))
        go.set()
        assert first.result(10).read_at == 0
        assert newer.result(10).read_at == 1
    assert lab.count("get", "kv/a") == 2


def test_min_ttl_reads_anew_what_ends_sooner(keeper, lab, clock):
    entry = keeper.entries.obtain(DB)
    first = keeper.get(entry)
    assert keeper.get(entry, min_ttl=50) is first
    clock.advance(20)
    second = keeper.get(entry, min_ttl=50)
    assert second is not first
    assert second.ends == 80


def test_the_expired_error_names_path_end_and_cause(keeper, clock):
    entry = keeper.entries.obtain(DB)
    snapshot = keeper.get(entry)
    clock.advance(61)
    error = keeper.expired(entry, snapshot, StoreUnavailableError("connection refused"))
    assert isinstance(error, CredentialExpiredError)
    assert str(error) == (
        "ExternalSecret ns/db: what was read from creds/app ended at 2030-01-01 12:01:00 UTC, and no new one could be "
        "had: connection refused"
    )


def test_a_definite_error_drops_what_was_there(keeper, lab, clock):
    entry = keeper.entries.obtain(KV)
    keeper.get(entry)
    clock.advance(60)
    del lab.secrets["kv/a"]
    with pytest.raises(SecretNotFoundError):
        keeper.get(entry)
    assert entry.snapshot is None


def test_forgetting_says_so(resolver, keeper, lab, told):
    keeper.get(keeper.entries.obtain(DB))
    keeper.forget(DB)
    assert keeper.entries.get(DB) is None
    assert told(resolver).kinds()[EventKind.RELEASED] == 1
    keeper.forget(DB)
    assert told(resolver).kinds()[EventKind.RELEASED] == 1


def test_closed_is_closed(keeper):
    entry = keeper.entries.obtain(KV)
    keeper.close()
    with pytest.raises(ClosedError):
        keeper.get(entry)
    with pytest.raises(ClosedError):
        keeper.obtain(entry, Wish())


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), ZeroDivisionError("x")])
def test_an_interrupted_making_leaves_the_entry_free(keeper, lab, monkeypatch, raised):
    entry = keeper.entries.obtain(KV)

    def make(_name, _access):
        raise raised

    with monkeypatch.context() as patch:
        patch.setattr(keeper.maker, "make", make)
        with pytest.raises(type(raised)):
            keeper.obtain(entry, Wish())
    assert entry.flight is None
    keeper.get(entry)
