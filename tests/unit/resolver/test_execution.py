"""Sending a plan: each request once, harmless ones first, every fault reported."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ClosedError,
    ResolveError,
    SecretNotFoundError,
    StoreUnavailableError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.resolver.execution import execute
from virtrigaud_secrets.resolver.plan import DataStep, ExtractStep, FindStep, Plan
from virtrigaud_secrets.stores.base import Answer, Fetch, Payload, Preview, Query, StoreClient, StoreKey

STORE = StoreKey("SecretStore", "ns", "store")


class Nothing(Payload):
    def whole(self):
        return b""

    def property(self, name):
        return b""

    def entries(self, name=""):
        return {}


class Scripted(StoreClient):
    """Answers with what the script says and remembers what was asked."""

    def __init__(self, script=()):
        self.script = dict(script)
        self.asked = []

    def get(self, fetch):
        self.asked.append(fetch.key)
        if fetch.key in self.script:
            raise self.script[fetch.key]
        return Answer(payload=Nothing(), path=fetch.key)

    def close(self, *, revoke=True):
        pass


def fetch_of(key):
    return Fetch(store=STORE, key=key)


def plan_of(*keys, making=(), skip_missing=False):
    return Plan(
        name="es",
        namespace="ns",
        target=None,
        requests=tuple(Preview(fetch=fetch_of(key), method="GET", path=key, side_effect=key in making) for key in keys),
        steps=tuple(
            DataStep(field=f"spec.data[{index}]", fetch=fetch_of(key), secret_key=key) for index, key in enumerate(keys)
        ),
        skip_missing=skip_missing,
    )


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as executor:
        yield lambda: executor


def no_pool():
    raise AssertionError("one request needs no thread")


def test_one_request_needs_no_thread():
    store = Scripted()
    answers = execute(plan_of("a"), lambda key: store, no_pool)
    assert list(answers) == [fetch_of("a")]


def test_a_store_that_reads_several_at_once_is_called_once():
    class Batching(Scripted):
        batches = True
        calls = 0

        def get_all(self, fetches):
            self.calls += 1
            return super().get_all(fetches)

    store = Batching({"b": SecretNotFoundError("gone")})
    with pytest.raises(SecretNotFoundError):
        execute(plan_of("a", "b", "c"), lambda key: store, no_pool)
    assert store.calls == 1
    assert store.asked == ["a", "b", "c"]


def test_a_store_that_cannot_be_connected_is_a_fault_of_its_fetches(pool):
    def client_of(key):
        raise StoreUnavailableError("down")

    with pytest.raises(ResolveError) as caught:
        execute(plan_of("a", "b"), client_of, pool)
    assert [error.fields for error in caught.value.errors] == [("spec.data[0]",), ("spec.data[1]",)]


def test_each_request_is_sent_once(pool):
    store = Scripted()
    execute(plan_of("a", "b", "c"), lambda key: store, pool)
    assert sorted(store.asked) == ["a", "b", "c"]


def test_requests_that_make_something_are_sent_last(pool):
    store = Scripted()
    execute(plan_of("pki", "kv", "dynamic", making={"pki", "dynamic"}), lambda key: store, pool)
    assert store.asked[0] == "kv"


def test_nothing_is_made_when_a_plain_read_failed(pool):
    store = Scripted({"kv": AccessDeniedError("no", path="kv")})
    with pytest.raises(AccessDeniedError):
        execute(plan_of("dynamic", "kv", making={"dynamic"}), lambda key: store, pool)
    assert store.asked == ["kv"]


def test_an_error_names_manifest_and_fields(pool):
    store = Scripted({"b": AccessDeniedError("no", path="b")})
    with pytest.raises(AccessDeniedError) as caught:
        execute(plan_of("a", "b"), lambda key: store, pool)
    assert caught.value.manifest == "ExternalSecret ns/es"
    assert caught.value.fields == ("spec.data[1]",)
    assert str(caught.value).startswith("ExternalSecret ns/es: spec.data[1]: no")


def test_several_faults_are_all_reported_in_plan_order(pool):
    store = Scripted({"a": StoreUnavailableError("down"), "c": SecretNotFoundError("gone")})
    with pytest.raises(ResolveError) as caught:
        execute(plan_of("a", "b", "c"), lambda key: store, pool)
    assert [type(error) for error in caught.value.errors] == [StoreUnavailableError, SecretNotFoundError]


def test_missing_secrets_are_left_out_where_the_plan_says_so(pool):
    script = {"a": SecretNotFoundError("gone")}
    answers = execute(plan_of("a", "b", skip_missing=True), lambda key: Scripted(script), pool)
    assert list(answers) == [fetch_of("b")]
    with pytest.raises(SecretNotFoundError):
        execute(plan_of("a", "b"), lambda key: Scripted(script), pool)


def test_a_denied_secret_is_not_a_missing_one(pool):
    store = Scripted({"a": AccessDeniedError("no")})
    with pytest.raises(AccessDeniedError):
        execute(plan_of("a", "b", skip_missing=True), lambda key: store, pool)


def test_a_pool_that_was_shut_down_meanwhile_is_a_closed_resolver():
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(ClosedError):
        execute(plan_of("a", "b"), lambda key: Scripted(), lambda: executor)


def test_a_secret_that_is_missing_to_extract_only_is_a_fault_of_data(pool):
    missing = SecretNotFoundError("gone")
    missing.missing_value = False
    extracting = replace(
        plan_of("a", "b", skip_missing=True),
        steps=(ExtractStep(field="spec.dataFrom[0]", fetch=fetch_of("a")),),
    )
    assert list(execute(extracting, lambda key: Scripted({"a": missing}), pool)) == [fetch_of("b")]
    with pytest.raises(SecretNotFoundError):
        execute(plan_of("a", "b", skip_missing=True), lambda key: Scripted({"a": missing}), pool)


def test_a_store_closed_meanwhile_is_one_closed_error_and_no_list_of_faults(pool):
    store = Scripted({key: ClosedError("closed") for key in "abc"})
    with pytest.raises(ClosedError):
        execute(plan_of("a", "b", "c"), lambda key: store, pool)


def search_of(store, *, skip_missing=False):
    query = Query(store=STORE, name="^vc")
    step = FindStep(field="spec.dataFrom[0]", query=query)
    plan = Plan(name="es", namespace="ns", target=None, requests=(), steps=(step,), skip_missing=skip_missing)
    return query, execute(plan, lambda key: store, no_pool)


class Searched(Scripted):
    def __init__(self, outcome):
        super().__init__()
        self.outcome = outcome

    def find(self, query):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def test_a_search_gives_what_it_found():
    found = {"vc1": Answer(payload=Nothing(), path="vc1")}
    query, answers = search_of(Searched(found))
    assert answers == {query: found}


def test_a_search_that_fails_names_its_field():
    with pytest.raises(AccessDeniedError) as caught:
        search_of(Searched(AccessDeniedError("no")))
    assert caught.value.fields == ("spec.dataFrom[0]",)


def test_a_search_that_finds_nothing_is_left_out_where_the_plan_says_so():
    assert search_of(Searched(SecretNotFoundError("none")), skip_missing=True)[1] == {}


def test_a_store_that_cannot_be_searched_says_so():
    with pytest.raises(UnsupportedFeatureError, match=r"dataFrom\.find"):
        search_of(Scripted())
