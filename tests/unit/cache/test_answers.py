import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from virtrigaud_secrets.cache.answers import AnswerCache, BatchingClient, CachingClient, Kept
from virtrigaud_secrets.errors import SecretNotFoundError, StoreUnavailableError
from virtrigaud_secrets.stores.base import Answer, Fetch, Query, StoreClient, StoreKey
from virtrigaud_secrets.stores.payload import Lookup, TextPayload
from virtrigaud_secrets.testing import ManualClock

STORE = StoreKey("SecretStore", "ns", "s")
CANARY = "canary-" + "d4"


def fetch(key):
    return Fetch(store=STORE, key=key)


def answer(key, **fields):
    return Answer(payload=TextPayload(CANARY.encode(), lookup=Lookup.PATH, store="s", path=key), path=key, **fields)


class Client(StoreClient):
    """Answers whatever it is asked but `missing`; counts."""

    def __init__(self, answering=None):
        self.asked = []
        self.searches = []
        self.answering = answering or self.plain
        self.closed = False

    @staticmethod
    def plain(fetch):
        if fetch.key == "missing":
            raise SecretNotFoundError("there is no such secret", path="missing")
        return answer(fetch.key)

    def get(self, fetch):
        self.asked.append(fetch.key)
        return self.answering(fetch)

    def find(self, query):
        self.searches.append(query)
        return {"found": answer("found")}

    def close(self, *, revoke=True):
        self.closed = True


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def cache(clock):
    return AnswerCache(clock)


def always(_fetch, _kept):
    return True


def never(_fetch, _kept):
    return False


def as_it_is(_fetch, kept):
    return kept


def read(cache, client, *keys, usable=always, took=as_it_is):
    return cache.read(client, [fetch(key) for key in keys], usable=usable, took=took)


def test_what_is_kept_is_not_asked_again(cache):
    client = Client()
    first = read(cache, client, "a")
    assert read(cache, client, "a") == first
    assert client.asked == ["a"]
    assert (cache.requested, cache.hits) == (1, 1)


def test_what_may_not_be_used_is_asked_again(cache):
    client = Client()
    read(cache, client, "a")
    read(cache, client, "a", usable=never)
    assert client.asked == ["a", "a"]


def test_outcomes_come_in_the_order_asked_and_one_fault_takes_no_other_with_it(cache):
    client = Client()
    outcomes = read(cache, client, "b", "missing", "a", "b")
    assert [outcome.answer.path if isinstance(outcome, Kept) else outcome.code for outcome in outcomes] == [
        "b",
        "not-found",
        "a",
        "b",
    ]
    assert client.asked == ["b", "missing", "a"]


def test_a_fault_is_not_kept(cache):
    client = Client()
    read(cache, client, "missing")
    read(cache, client, "missing")
    assert client.asked == ["missing", "missing"]


def test_the_time_is_that_before_the_request(cache, clock):
    def slow(fetch):
        clock.advance(5)
        return answer(fetch.key)

    clock.advance(100)
    (kept,) = read(cache, Client(slow), "a")
    assert kept.sent == 100
    (kept,) = read(cache, Client(lambda fetch: answer(fetch.key, sent=42.0)), "a", usable=never)
    assert kept.sent == 42.0


def test_what_took_says_is_what_is_kept(cache):
    def took(fetch, kept):
        assert cache.get(fetch) is None
        return Kept(kept.answer, kept.sent, serial=7)

    (kept,) = read(cache, Client(), "a", took=took)
    assert kept.serial == 7
    assert cache.get(fetch("a")) is kept


def test_put_and_drop(cache):
    kept = Kept(answer("a"), 0.0)
    cache.put(fetch("a"), kept)
    assert cache.get(fetch("a")) is kept
    cache.put(fetch("a"), None)
    assert cache.get(fetch("a")) is None
    cache.put(fetch("a"), kept)
    cache.drop([fetch("a"), fetch("unknown")])
    assert cache.get(fetch("a")) is None


class Slow:
    """Answers when told to."""

    def __init__(self, error=None):
        self.begun, self.go, self.error = threading.Event(), threading.Event(), error

    def __call__(self, fetch):
        self.begun.set()
        assert self.go.wait(10)
        if self.error:
            raise self.error
        return answer(fetch.key)


def test_those_who_ask_meanwhile_share_one_request(cache):
    slow = Slow()
    client = Client(slow)
    with ThreadPoolExecutor(9) as pool:
        leader = pool.submit(read, cache, client, "a")
        assert slow.begun.wait(10)
        others = [pool.submit(read, cache, client, "a") for _ in range(8)]
        slow.go.set()
        assert {id(future.result(10)[0]) for future in [leader, *others]} == {id(cache.get(fetch("a")))}
    assert client.asked == ["a"]


def test_a_shared_fault_comes_as_an_object_of_ones_own(cache):
    slow = Slow(StoreUnavailableError("no"))
    client = Client(slow)
    with ThreadPoolExecutor(3) as pool:
        leader = pool.submit(read, cache, client, "a")
        assert slow.begun.wait(10)
        other = pool.submit(read, cache, client, "a")
        while cache.hits < 1:
            pass
        slow.go.set()
        faults = [future.result(10)[0] for future in (leader, other)]
    assert all(isinstance(fault, StoreUnavailableError) for fault in faults)
    assert faults[0] is not faults[1]
    assert len(client.asked) == 1


def test_whatever_a_backend_raises_is_an_error_of_each_fetch(cache):
    def broken(fetch):
        if fetch.key == "b":
            raise ZeroDivisionError(CANARY)
        return answer(fetch.key)

    outcomes = read(cache, Client(broken), "a", "b")
    assert all(isinstance(outcome, StoreUnavailableError) for outcome in outcomes)
    assert "ZeroDivisionError" in str(outcomes[1])
    assert CANARY not in str(outcomes)
    assert outcomes[1].path == "b"


def test_a_backend_that_answers_too_little_is_an_error(cache):
    class Short(Client):
        def get_all(self, fetches):
            return [answer(fetches[0].key)]

    first, second = read(cache, Short(), "a", "b")
    assert isinstance(first, Kept)
    assert isinstance(second, StoreUnavailableError)


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), SystemExit(1)])
def test_an_interrupted_leader_lets_nobody_wait_for_ever(cache, raised):
    slow = Slow(raised)
    client = Client(slow)
    caught = []

    def lead():
        try:
            read(cache, client, "a")
        except BaseException as error:  # noqa: BLE001
            caught.append(error)

    leader = threading.Thread(target=lead)
    leader.start()
    assert slow.begun.wait(10)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(read, cache, client, "a")
        while cache.hits < 1:
            pass
        slow.go.set()
        (outcome,) = other.result(10)
    leader.join(10)
    assert caught == [raised]
    assert isinstance(outcome, StoreUnavailableError)
    assert "canary" not in str(outcome)
    assert isinstance(read(cache, Client(), "a")[0], Kept)


class TestClient:
    def make(self, cache, client, kind=CachingClient, **fields):
        return kind(client, cache, always, as_it_is, **fields)

    def test_gives_out_and_remembers_what(self, cache):
        store = Client()
        client = self.make(cache, store)
        assert client.get(fetch("a")).path == "a"
        assert [key.key for key in client.used] == ["a"]
        with pytest.raises(SecretNotFoundError):
            client.get(fetch("missing"))
        assert len(client.used) == 1

    def test_searches_once(self, cache):
        store = Client()
        client = self.make(cache, store)
        query = Query(store=STORE, name="x")
        assert client.find(query) is client.find(query)
        assert store.searches == [query]
        again = self.make(cache, store, found=dict(client.found))
        assert again.find(query) is client.find(query)
        assert store.searches == [query]

    def test_close_leaves_the_store_open(self, cache):
        store = Client()
        self.make(cache, store).close()
        assert not store.closed

    def test_the_batching_one_says_so(self, cache):
        assert self.make(cache, Client(), BatchingClient).batches
        assert not self.make(cache, Client()).batches

    def test_no_text_shows_a_value(self, cache):
        client = self.make(cache, Client())
        client.get(fetch("a"))
        assert CANARY not in f"{client!r} {client.used!r} {cache!r}"


def test_it_is_noted_whether_a_store_answered(cache):
    def down(_):
        raise StoreUnavailableError("nobody answers")

    def broken(_):
        raise KeyError(CANARY)

    for answering, answered in ((None, True), (down, False), (None, True), (broken, False)):
        read(cache, Client(answering), "a", usable=never)
        assert cache.reachability.stores() == {STORE: answered}
    read(cache, Client(), "missing")
    assert cache.reachability.stores() == {STORE: True}


def test_it_is_noted_of_searches_too(cache):
    class Down(Client):
        def find(self, query):
            raise StoreUnavailableError("nobody answers")

    for client, answered in ((Client(), True), (Down(), False)):
        caching = CachingClient(client, cache, usable=always, took=as_it_is)
        with suppress(StoreUnavailableError):
            caching.find(Query(store=STORE, path="p"))
        assert cache.reachability.stores() == {STORE: answered}
