import dataclasses
import threading
from datetime import timedelta

import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ClosedError,
    ConfigurationError,
    InvalidRequestError,
    StoreError,
    StoreUnavailableError,
)
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.aws.client import BATCH_AGAIN, mappings
from virtrigaud_secrets.stores.base import Answer, Fetch, Query
from virtrigaud_secrets.testing.contract import STORE

A, B = Fetch(store=STORE, key="a"), Fetch(store=STORE, key="b")
BOTH = {"SecretValues": [{"Name": name, "SecretString": name, "VersionId": "v"} for name in ("a", "b")]}
ONE = {"Name": "x", "SecretString": "single", "VersionId": "v"}


def test_one_is_read_alone(scripted):
    client, script = scripted(GetSecretValue=[ONE])
    assert [item.payload.whole() for item in client.get_all([A])] == [b"single"]
    assert script.operations == ["GetSecretValue"]


def test_several_are_read_together_and_equal_ones_once(scripted):
    client, script = scripted(BatchGetSecretValue=[BOTH])
    current = dataclasses.replace(A, version="AWSCURRENT")
    outcomes = client.get_all([A, B, current, A])
    assert [item.payload.whole() for item in outcomes] == [b"a", b"b", b"a", b"a"]
    assert script.asked_for == [("BatchGetSecretValue", {"SecretIdList": ["a", "b"]})]


def test_what_a_batch_leaves_open_is_read_alone(scripted):
    client, script = scripted(BatchGetSecretValue=[{"SecretValues": BOTH["SecretValues"][:1]}], GetSecretValue=[ONE])
    assert [item.payload.whole() for item in client.get_all([A, B])] == [b"a", b"single"]
    assert script.operations == ["BatchGetSecretValue", "GetSecretValue"]


def test_a_group_of_one_is_no_batch(scripted):
    fetches = [Fetch(store=STORE, key=f"k{number}") for number in range(21)]
    values = [{"Name": fetch.key, "SecretString": fetch.key} for fetch in fetches[:20]]
    client, script = scripted(BatchGetSecretValue=[{"SecretValues": values}], GetSecretValue=[ONE])
    client.get_all(fetches)
    assert script.operations == ["BatchGetSecretValue", "GetSecretValue"]


def test_a_refused_batch_is_tried_again_after_an_hour(scripted):
    client, script = scripted(BatchGetSecretValue=[AccessDeniedError("no"), BOTH], GetSecretValue=[ONE])
    client.get_all([A, B])
    client.get_all([A, B])
    assert script.operations == ["BatchGetSecretValue", *["GetSecretValue"] * 4]
    client.context.clock.advance(BATCH_AGAIN + timedelta(seconds=1))
    client.get_all([A, B])
    assert script.operations[-1] == "BatchGetSecretValue"


def test_a_malformed_batch_is_read_one_by_one_and_the_next_is_tried(scripted):
    client, script = scripted(BatchGetSecretValue=[InvalidRequestError("bad name"), BOTH], GetSecretValue=[ONE])
    assert all(isinstance(item, Answer) for item in client.get_all([A, B]))
    client.get_all([A, B])
    assert script.operations.count("BatchGetSecretValue") == 2


def test_a_shared_fault_is_an_error_of_its_own_for_each(scripted):
    client, _ = scripted(prefix="p/", BatchGetSecretValue=[StoreUnavailableError("away")])
    first, second = client.get_all([A, B])
    assert isinstance(first, StoreError)
    assert isinstance(second, StoreError)
    assert first is not second
    assert (first.path, second.path, first.store) == ("p/a", "p/b", str(STORE))
    first.at("ExternalSecret x/y", "spec.data[0]")
    assert second.manifest == ""


def test_a_fault_of_another_kind_is_shared_too(scripted):
    client, _ = scripted(BatchGetSecretValue=[ConfigurationError("no identity")])
    assert [type(item) for item in client.get_all([A, B])] == [ConfigurationError, ConfigurationError]


def test_a_single_fault_names_the_store_and_the_path(scripted):
    client, _ = scripted(prefix="p/", GetSecretValue=[StoreUnavailableError("away")])
    with pytest.raises(StoreUnavailableError) as caught:
        client.get(A)
    assert (caught.value.store, caught.value.path) == (str(STORE), "p/a")


def test_tags_are_a_json_object(scripted):
    tags = [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "<1>"}]
    client, script = scripted(DescribeSecret=[{"Tags": tags}, {}])
    fetch = dataclasses.replace(A, metadata=True, version="AWSPREVIOUS")
    assert client.get(fetch).payload.whole() == rb'{"a":"\u003c1\u003e","b":"2"}'
    assert client.get(fetch).payload.whole() == b"{}"
    assert script.asked_for[0] == ("DescribeSecret", {"SecretId": "a"})


def test_a_search_needs_a_name_or_tags(scripted):
    client, script = scripted()
    with pytest.raises(InvalidRequestError, match="name or tags"):
        client.find(Query(store=STORE, path="/x"))
    assert script.operations == []


def test_a_fault_of_a_search_names_the_store(scripted):
    client, _ = scripted(ListSecrets=[AccessDeniedError("no")])
    with pytest.raises(AccessDeniedError) as caught:
        client.find(Query(store=STORE, name="x"))
    assert caught.value.store == str(STORE)


def test_pages_are_read_to_the_end(scripted):
    client, script = scripted(ListX=[{"Items": [{"n": 1}], "NextToken": "t"}, {"Items": [{"n": 2}]}])
    assert list(client.pages("ListX", {"F": 1}, path="", of="Items")) == [{"n": 1}, {"n": 2}]
    assert [parameters for _, parameters in script.asked_for] == [{"F": 1}, {"F": 1, "NextToken": "t"}]


def test_some_are_done_at_the_same_time_and_no_more_than_set(scripted):
    client, _ = scripted()
    client.context = dataclasses.replace(client.context, settings=Settings(concurrency=2))
    together = threading.Barrier(2, timeout=10)

    def call(number):
        together.wait()
        return number

    assert client.side_by_side(call, [1, 2, 3, 4]) == [1, 2, 3, 4]
    assert client.side_by_side(lambda number: threading.current_thread(), [1]) == [threading.current_thread()]


def test_closing_closes_the_service(scripted):
    client, script = scripted(GetSecretValue=[ClosedError("closed")])
    client.close(revoke=False)
    assert script.closed == 1
    assert [type(item) for item in client.get_all([A])] == [ClosedError]


def test_lists_of_objects():
    assert mappings([{"a": 1}, "x", None]) == [{"a": 1}]
    assert mappings(None) == mappings({"a": 1}) == []
