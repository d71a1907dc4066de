from __future__ import annotations

import dataclasses
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus

import pytest
import requests

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ClosedError,
    ConfigurationError,
    DecodingError,
    InvalidRequestError,
    PropertyNotFoundError,
    SecretNotFoundError,
    SecretsError,
    SecretVersionDeletedError,
    StoreUnavailableError,
    ThrottledError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.stores.base import Fetch, Query, RetryPolicy, StoreKey
from virtrigaud_secrets.stores.gcp.client import LIST, LIST_VERSIONS

PROJECT = "test-project"
STORE = StoreKey(kind="SecretStore", namespace="virtrigaud-system", name="gcp-secret-manager")
CANARY = "canary-" + "77ce"
MACHINE = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
LATEST = f"https://secretmanager.googleapis.com/v1/projects/{PROJECT}/secrets/k/versions/latest:access"


def fetch(key: str = "k", **parts: object) -> Fetch:
    return Fetch(store=STORE, key=key, **parts)  # type: ignore[arg-type]


def test_a_value_costs_one_request_after_one_login(world, put):
    put("k", "value")
    client = world.connect()
    answer = client.get(fetch())
    assert answer.payload.whole() == b"value"
    assert (answer.version, answer.path) == ("1", f"projects/{PROJECT}/secrets/k/versions/latest")
    client.get(fetch())
    assert world.adapter.urls == [MACHINE, LATEST, LATEST]


def test_a_version_is_read_by_number_and_by_alias(world, put):
    put("k", "one")
    put("k", "two")
    world.google.secrets.alias(PROJECT, "k", "stable", 1)
    client = world.connect()
    assert client.get(fetch(version="1")).payload.whole() == b"one"
    assert client.get(fetch(version="stable")).payload.whole() == b"one"
    assert client.get(fetch(version="stable")).version == "1"
    assert client.get(fetch()).version == "2"


@pytest.mark.parametrize("state", ["DISABLED", "DESTROYED"])
def test_latest_is_the_newest_whatever_its_state(world, put, state):
    put("k", "one")
    put("k", "two")
    world.google.secrets.set_state(PROJECT, "k", "2", state)
    with pytest.raises(SecretVersionDeletedError, match="LatestOrFetch") as caught:
        world.connect().get(fetch())
    assert not caught.value.missing


def test_latest_or_fetch_reads_the_newest_enabled_one(world, put):
    for value in ("one", "two", "three", "four"):
        put("k", value)
    for version in ("3", "4"):
        world.google.secrets.set_state(PROJECT, "k", version, "DISABLED")
    client = world.connect(secretVersionSelectionPolicy="LatestOrFetch")
    assert client.get(fetch()).payload.whole() == b"two"
    assert client.get(fetch()).version == "2"
    assert len(world.adapter.urls) == 1 + 2 * 3
    for asked in (fetch(version="latest"), fetch(version="4")):
        with pytest.raises(SecretVersionDeletedError):
            client.get(asked)


def test_latest_or_fetch_without_any_enabled_version_is_the_first_fault(world, put):
    put("k", "one")
    world.google.secrets.set_state(PROJECT, "k", "1", "DESTROYED")
    client = world.connect(secretVersionSelectionPolicy="LatestOrFetch")
    with pytest.raises(SecretVersionDeletedError):
        client.get(fetch())
    world.google.secrets.deny(LIST_VERSIONS)
    with pytest.raises(AccessDeniedError) as caught:
        client.get(fetch())
    assert caught.value.capability == LIST_VERSIONS


def test_properties_are_literal_before_they_are_paths(world, put):
    put("k", json.dumps({"a.b": "literal", "a": {"b": "path", "c": 1.50}, ".x": "dot"}))
    payload = world.connect().get(fetch()).payload
    assert payload.property("a.b") == b"literal"
    assert payload.property("a.c") == b"1.5"
    assert payload.entries("a") == {"b": b"path", "c": b"1.5"}
    with pytest.raises(PropertyNotFoundError):
        payload.property("a.d")


def test_a_property_of_what_is_no_json_is_an_error_without_the_value(world, put):
    put("k", CANARY)
    payload = world.connect().get(fetch()).payload
    with pytest.raises(DecodingError, match="must be JSON") as caught:
        payload.property("x")
    assert CANARY not in str(caught.value)


def test_metadata_is_labels_and_annotations(world, put):
    put("k", "value", labels={"team": "vm"}, annotations={"example.com/owner": "me"})
    answer = world.connect().get(fetch(metadata=True))
    assert answer.payload.property("labels.team") == b"vm"
    assert answer.payload.property("annotations.example.com/owner") == b"me"
    assert answer.path == f"projects/{PROJECT}/secrets/k"
    world.google.secrets.deny("secretmanager.secrets.get")
    with pytest.raises(AccessDeniedError):
        world.connect().get(fetch(metadata=True))


def test_a_regional_secret_is_asked_for_at_its_location(world, put):
    put("k", "here", location="europe-west3")
    client = world.connect(location="europe-west3")
    assert client.get(fetch()).payload.whole() == b"here"
    assert world.adapter.urls[-1].startswith("https://secretmanager.europe-west3.rep.googleapis.com/v1/projects/")
    with pytest.raises(SecretNotFoundError):
        world.connect().get(fetch())


def test_the_metadata_server_is_asked_once_for_a_project(world, put):
    put("k", "value")
    client = world.connect(projectID=None)
    client.get(fetch())
    client.get(fetch())
    assert sum(url.endswith("/project/project-id") for url in world.adapter.urls) == 1
    world.google.identity.machine = None
    with pytest.raises(ConfigurationError, match="no projectID"):
        world.connect(projectID=None).get(fetch())


def test_a_damaged_value_is_not_handed_out(world, put):
    put("k", CANARY)
    world.google.secrets.damaged.add("k")
    with pytest.raises(StoreUnavailableError, match="checksum") as caught:
        world.connect().get(fetch())
    assert CANARY not in str(caught.value)
    assert len(world.clock.sleeps) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [(HTTPStatus.TOO_MANY_REQUESTS, ThrottledError), (HTTPStatus.SERVICE_UNAVAILABLE, StoreUnavailableError)],
)
def test_what_may_pass_is_repeated_and_then_told(world, put, status, kind):
    put("k", "value")
    client = world.connect()
    world.google.fail_next(status, times=2)
    assert client.get(fetch()).payload.whole() == b"value"
    assert len(world.clock.sleeps) == 2
    world.google.fail_next(status, times=3)
    with pytest.raises(kind) as caught:
        client.get(fetch())
    assert (caught.value.store, caught.value.path) == (str(STORE), f"projects/{PROJECT}/secrets/k/versions/latest")


def test_retry_settings_and_retry_after_decide(world, put):
    put("k", "value")
    world.google.fail_next(HTTPStatus.TOO_MANY_REQUESTS, retry_after="9")
    client = world.connect(retry=RetryPolicy(retries=1, interval=timedelta(seconds=2)))
    client.get(fetch())
    assert world.clock.sleeps == [9.0]
    world.google.fail_next(HTTPStatus.INTERNAL_SERVER_ERROR, times=2)
    with pytest.raises(StoreUnavailableError):
        client.get(fetch())
    assert world.clock.sleeps == [9.0, 2.0]


def test_a_wait_longer_than_a_request_may_take_is_not_waited(world, put):
    put("k", "value")
    world.google.fail_next(HTTPStatus.TOO_MANY_REQUESTS, retry_after="3600")
    with pytest.raises(ThrottledError) as caught:
        world.connect().get(fetch())
    assert caught.value.retry_after == 3600
    assert world.clock.sleeps == []


def test_a_lost_connection_is_repeated(world, put):
    put("k", "value")
    client = world.connect()
    client.get(fetch())
    world.adapter.failures = [requests.exceptions.ConnectionError("reset")]
    assert client.get(fetch()).payload.whole() == b"value"


def test_a_dead_token_is_replaced_once_and_the_request_sent_again(world, put):
    put("k", "value")
    client = world.connect()
    client.get(fetch())
    world.google.identity.revoke_tokens()
    assert client.get(fetch()).payload.whole() == b"value"
    assert world.adapter.urls.count(MACHINE) == 2
    assert world.clock.sleeps == []


def test_a_token_that_is_never_accepted_is_an_error_and_no_loop(world, put):
    put("k", "value")
    world.google.fail_next(HTTPStatus.UNAUTHORIZED, times=9)
    with pytest.raises(AuthenticationError):
        world.connect().get(fetch())
    assert world.adapter.urls.count(MACHINE) == 2


def test_a_token_is_replaced_ahead_of_its_end(world, put):
    put("k", "value")
    client = world.connect()
    client.get(fetch())
    world.clock.advance(timedelta(minutes=57))
    client.get(fetch())
    assert world.adapter.urls.count(MACHINE) == 2


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"payload": 3}', b'{"payload": {"data": "***"}}', b""])
def test_an_answer_that_is_none_of_googles_is_no_value(world, put, body):
    put("k", CANARY)
    world.google.fail_next(HTTPStatus.OK, times=6, body=body)
    for asked in (fetch(), fetch(metadata=True)):
        with pytest.raises(StoreUnavailableError, match="not what Secret Manager answers"):
            world.connect().get(asked)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"error": "x"}', b'{"error": {"details": 1}}', b""])
def test_an_error_that_is_none_of_googles_is_read_by_its_status(world, put, body):
    put("k", "value")
    world.google.fail_next(HTTPStatus.FORBIDDEN, body=body)
    with pytest.raises((AccessDeniedError, StoreUnavailableError)):
        world.connect(retry=RetryPolicy()).get(fetch())


def test_no_error_shows_or_hangs_on_googles(world, put):
    put("k", CANARY)
    world.google.secrets.deny("secretmanager.versions.access", reason=CANARY)
    with pytest.raises(AccessDeniedError) as caught:
        world.connect().get(fetch())
    assert caught.value.capability == "secretmanager.versions.access"
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_no_log_shows_the_value_or_the_token(world, put, caplog):
    put("k", CANARY)
    logger = logging.getLogger("google")
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "google"):
            world.connect().get(fetch())
    finally:
        logger.removeHandler(caplog.handler)
    shown = "".join(str(record.__dict__) for record in caplog.records)
    assert CANARY not in shown
    assert "ya29." not in shown
    assert "Y2FuYXJ5" not in shown


def query(**parts: object) -> Query:
    return Query(store=STORE, **parts)  # type: ignore[arg-type]


def found(client, asked):
    return {name: answer.payload.whole() for name, answer in client.find(asked).items()}


def test_find_by_name_reads_each_match_once(world, put):
    for key in ("app-db", "app-web", "other", "my-app-db"):
        put(key, f"v-{key}")
    client = world.connect()
    assert found(client, query(name="^app-")) == {"app-db": b"v-app-db", "app-web": b"v-app-web"}
    assert len(world.adapter.urls) == 1 + 1 + 2


def test_the_name_goes_before_tags_and_the_path_is_a_prefix(world, put):
    put("app-db", "1", labels={"env": "prod"})
    put("app-web", "2")
    put("my-app-db", "3", labels={"env": "prod", "team": "vm"})
    client = world.connect()
    assert set(found(client, query(name="db$", tags=(("env", "none"),)))) == {"app-db", "my-app-db"}
    assert set(found(client, query(name=".", path="app-"))) == {"app-db", "app-web"}
    assert set(found(client, query(tags=(("env", "prod"),)))) == {"app-db", "my-app-db"}
    assert set(found(client, query(tags=(("env", "prod"), ("team", "vm"))))) == {"my-app-db"}
    assert set(found(client, query(tags=(("env", "prod"),), path="app-"))) == {"app-db"}
    assert "filter=labels.env%3Dprod+name%3Aapp-" in str(world.adapter.sent[-2].url)
    assert found(client, query(name="nothing")) == {}


def test_a_listing_has_pages(world, put, monkeypatch):
    monkeypatch.setattr("virtrigaud_secrets.stores.gcp.sdk.PAGE_SIZE", 2)
    for number in range(5):
        put(f"k{number}", str(number))
    assert len(found(world.connect(), query(name="k"))) == 5
    assert sum(url.endswith("/secrets") for url in world.adapter.urls) == 3


def test_a_listing_without_end_is_left(world, put, monkeypatch):
    monkeypatch.setattr("virtrigaud_secrets.stores.gcp.sdk.PAGE_SIZE", 1)
    monkeypatch.setattr("virtrigaud_secrets.stores.gcp.client.MAX_PAGES", 3)
    for number in range(5):
        put(f"k{number}", str(number))
    with pytest.raises(StoreUnavailableError, match="does not end"):
        world.connect().find(query(name="k"))


def test_find_needs_something_to_look_for_and_leave_to_look(world, put):
    client = world.connect()
    with pytest.raises(UnsupportedFeatureError):
        client.find(query(path="app"))
    with pytest.raises(SecretsError, match="error parsing regexp"):
        client.find(query(name="("))
    world.google.secrets.deny(LIST)
    with pytest.raises(AccessDeniedError) as caught:
        client.find(query(name="."))
    assert caught.value.capability == LIST
    assert caught.value.store == str(STORE)


def test_one_match_that_cannot_be_read_fails_the_search(world, put):
    put("k1", "1")
    put("k2", "2")
    world.google.secrets.set_state(PROJECT, "k2", "1", "DISABLED")
    with pytest.raises(SecretVersionDeletedError):
        world.connect().find(query(name="k"))


def test_many_threads_log_in_once(world, put):
    put("k", "value")
    client = world.connect()
    barrier = threading.Barrier(8)

    def read():
        barrier.wait()
        return client.get(fetch()).payload.whole()

    with ThreadPoolExecutor(8) as pool:
        assert {job.result() for job in [pool.submit(read) for _ in range(8)]} == {b"value"}
    assert world.adapter.urls.count(MACHINE) == 1


def test_a_closed_client_answers_nothing(world, put):
    put("k", "value")
    client = world.connect()
    client.get(fetch())
    client.close()
    client.close(revoke=False)
    with pytest.raises(ClosedError):
        client.get(fetch())
    with pytest.raises(ClosedError):
        client.find(query(name="k"))


def test_a_key_that_is_no_name_is_refused_without_a_request(world):
    with pytest.raises(InvalidRequestError):
        world.connect().get(fetch("a/b"))
    assert world.adapter.urls == []


def test_an_address_that_is_none_is_refused_at_once(world):
    world.change(endpoints={"https://secretmanager.googleapis.com": "localhost"})
    with pytest.raises(ConfigurationError, match="must look like"):
        world.connect()


def test_nothing_shows_what_was_read(world, put):
    put("k", CANARY)
    client = world.connect()
    answer = client.get(fetch())
    assert CANARY not in f"{answer!r} {answer.payload!r} {client!r} {dataclasses.asdict(fetch())}"
