import importlib.util
import os

import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ClosedError,
    ConfigurationError,
    InvalidRequestError,
    MissingDependencyError,
    PropertyNotFoundError,
    SecretNotFoundError,
    SecretVersionDeletedError,
)
from virtrigaud_secrets.models.backends.fake import FakeProvider
from virtrigaud_secrets.models.backends.openbao import OpenBaoProvider
from virtrigaud_secrets.stores.base import Fetch, Query, StoreKey
from virtrigaud_secrets.stores.vault.openbao import FACTORY

STORE = StoreKey("SecretStore", "team", "vault-secret-store")
USER_PASS = {"userPass": {"username": "u", "secretRef": {"name": "login", "key": "password"}}}
LOGIN = "auth/userpass/login/u"


def spec(**fields):
    return OpenBaoProvider.model_validate({"server": "https://vault.example.com:8200"} | fields)


def fetch(key, **fields):
    return Fetch(store=STORE, key=key, **fields)


@pytest.fixture
def connect(make_context, server, cluster):
    cluster.secrets = {("team", "login", "password"): "p"}
    server.on("POST", LOGIN, server.say(200, {"auth": {"client_token": "own", "lease_duration": 60}}))
    server.on("POST", "auth/token/revoke-self", server.say(204))
    data = {"data": {"data": {"user": "u", "a": {"b": "c"}}, "metadata": {"version": 4}}}
    server.on("GET", "kv/data/secret/data/x", server.say(200, data))
    server.on("GET", "team/kv/x", server.say(200, {"data": {"user": "one"}}))
    return lambda **fields: FACTORY.connect(spec(**fields), make_context())


def test_nothing_is_cut_from_a_key(connect, server):
    answer = connect().get(fetch("secret/data/x"))
    assert server.paths() == ["GET kv/data/secret/data/x"]
    assert (answer.path, answer.version, answer.payload.property("user")) == ("kv/data/secret/data/x", "4", b"u")
    with pytest.raises(PropertyNotFoundError):
        answer.payload.property("a.b")


def test_version_1_and_another_mount(connect):
    client = connect(path="/team/kv/", version="v1")
    assert client.get(fetch("x")).payload.whole() == b'{"user":"one"}'


def test_a_version_is_asked_for(connect, server):
    connect().get(fetch("secret/data/x", version="3"))
    assert server.seen[0].query == {"version": "3"}


@pytest.mark.parametrize(
    ("fields", "wanted", "why"),
    [
        ({"version": "v1"}, {"version": "3"}, "keeps no versions"),
        ({}, {"version": "latest"}, "whole number"),
        ({}, {"version": "-1"}, "whole number"),
        ({}, {"metadata": True}, "no metadata"),
        ({}, {"parameters": (("ttl", '"1h"'),)}, "parameters"),
        ({}, {"key": "../x"}, "segment"),
        ({}, {"key": "/"}, "empty"),
    ],
)
def test_what_cannot_work_is_told_without_asking(connect, server, make_context, fields, wanted, why):
    wrong = fetch(**({"key": "x"} | wanted))
    with pytest.raises(InvalidRequestError, match=why):
        FACTORY.preview(spec(**fields), wrong, make_context())
    with pytest.raises(InvalidRequestError, match=why) as caught:
        connect(**fields).get(wrong)
    assert caught.value.store == str(STORE)
    assert server.seen == []


def test_not_found_is_not_missing(connect, server):
    with pytest.raises(SecretNotFoundError) as caught:
        connect().get(fetch("absent"))
    assert (caught.value.missing, caught.value.store) == (False, str(STORE))
    gone = {"data": {"data": None, "metadata": {"version": 1, "destroyed": True}}}
    server.on("GET", "kv/data/gone", server.say(404, gone))
    with pytest.raises(SecretVersionDeletedError) as caught:
        connect().get(fetch("gone"))
    assert not caught.value.missing


def test_an_answer_of_another_engine(connect, server):
    server.on("GET", "kv/data/x", server.say(200, {"data": {"user": "u"}}))
    with pytest.raises(InvalidRequestError, match="not that of a KV engine of version 2"):
        connect().get(fetch("x"))


def test_it_finds_names_of_one_folder(connect, server):
    server.on("LIST", "kv/metadata/secret/data", server.say(200, {"data": {"keys": ["x", "xy/", "z"]}}))
    found = connect().find(Query(store=STORE, name="x", path="secret/data"))
    assert {name: answer.payload.property("user") for name, answer in found.items()} == {"secret/data/x": b"u"}


def test_an_empty_folder_is_not_missing(connect):
    with pytest.raises(SecretNotFoundError) as caught:
        connect().find(Query(store=STORE, name="x"))
    assert not caught.value.missing


@pytest.mark.parametrize("asked", [{}, {"tags": (("a", "b"),)}, {"name": "x", "tags": (("a", "b"),)}])
def test_it_finds_by_name_only(connect, server, asked):
    with pytest.raises(InvalidRequestError, match=r"find\.name"):
        connect().find(Query(store=STORE, **asked))
    assert server.seen == []


def test_a_login_is_ended(connect, server):
    client = connect(auth=USER_PASS)
    client.get(fetch("secret/data/x"))
    client.close()
    client.close()
    assert server.paths() == [f"POST {LOGIN}", "GET kv/data/secret/data/x", "POST auth/token/revoke-self"]
    for ask in (lambda: client.get(fetch("x")), lambda: client.find(Query(store=STORE, name="x"))):
        with pytest.raises(ClosedError):
            ask()


@pytest.mark.parametrize("revoke", [True, False])
def test_a_login_is_left_alone(connect, server, monkeypatch, revoke):
    client = connect(auth=USER_PASS)
    client.get(fetch("secret/data/x"))
    if revoke:  # by the parent of this process
        monkeypatch.setattr(os, "getpid", lambda: 1)
    client.close(revoke=revoke)
    assert server.asked("auth/token/revoke-self") == 0


def test_login_at_a_namespace_of_its_own(connect, server):
    connect(auth=USER_PASS | {"namespace": "logins"}, namespace="team").get(fetch("secret/data/x"))
    assert [seen.headers.get("X-Vault-Namespace") for seen in server.seen] == ["logins", "team"]


def test_a_refusal(connect, server):
    server.on("GET", "kv/data/x", server.say(403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}))
    with pytest.raises(AccessDeniedError):
        connect().get(fetch("x"))


def test_the_spec_must_be_its_own(make_context):
    assert FACTORY.spec_model is OpenBaoProvider
    with pytest.raises(ConfigurationError):
        FACTORY.connect(FakeProvider(data=()), make_context())


def test_without_hvac(make_context, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingDependencyError, match=r"virtrigaud-secrets\[vault\]"):
        FACTORY.connect(spec(), make_context())
