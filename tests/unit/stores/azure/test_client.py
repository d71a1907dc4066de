import json
import logging
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
import requests
import urllib3

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ClosedError,
    InvalidRequestError,
    SecretNotFoundError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.stores.base import Fetch, Query, RetryPolicy, StoreKey

STORE = StoreKey("SecretStore", "team", "azure-key-vault")
VALUE = "hunter2-never-show"


def fetch(key="db", **fields):
    return Fetch(store=STORE, key=key, **fields)


def asked(vault, *, status=None):
    """Paths of the requests to the vault that were logged in."""
    return [request.path for request in vault.requests if request.client_id and status in {None, request.status}]


def test_a_secret(make_client, vault):
    version = vault.set_secret("db", VALUE, expires=datetime(2031, 1, 1, tzinfo=UTC))
    answer = make_client().get(fetch())
    assert answer.payload.whole() == VALUE.encode()
    assert (answer.path, answer.version) == ("secrets/db", version)
    assert answer.expires_at == datetime(2031, 1, 1, tzinfo=UTC)
    assert answer.request_id == "request-7"
    assert answer.lease is None


def test_a_key(make_client, vault):
    version = vault.set_key("sign", {"kty": "RSA", "n": "AP8", "e": "AQAB", "key_ops": ["sign"]})
    answer = make_client().get(fetch("key/sign"))
    key = json.loads(answer.payload.whole())
    assert list(key) == ["kid", "kty", "key_ops", "n", "e"]
    assert (key["n"], key["e"], key["key_ops"]) == ("AP8", "AQAB", ["sign"])
    assert answer.payload.property("kty") == b"RSA"
    assert (answer.path, answer.version) == ("keys/sign", version)


def test_a_certificate_and_its_secret(make_client, vault):
    version = vault.set_certificate("web", b"\x30\x82der", secret="pkcs12-in-base64")
    client = make_client()
    answer = client.get(fetch("cert/web"))
    assert answer.payload.whole() == b"\x30\x82der"
    assert (answer.path, answer.version) == ("certificates/web", version)
    assert client.get(fetch("web")).payload.whole() == b"pkcs12-in-base64"


@pytest.mark.parametrize("key", ["db", "key/db", "cert/db"])
def test_versions(make_client, vault, key):
    def put(number):
        if key.startswith("key"):
            return vault.set_key("db", {"kty": "RSA", "n": f"AP8{number}"})
        if key.startswith("cert"):
            return vault.set_certificate("db", bytes([number]))
        return vault.set_secret("db", str(number))

    first, second = put(1), put(2)
    client = make_client()
    wholes = [client.get(fetch(key, version=version)).payload.whole() for version in (first, second, "")]
    assert wholes[0] != wholes[1] == wholes[2]
    with pytest.raises(SecretNotFoundError):
        client.get(fetch(key, version="0" * 32))


def test_properties_are_sought_by_path_then_literally(make_client, vault):
    vault.set_secret("db", '{"a.b": "literal", "x": {"y": "nested"}, "x.y": "hidden"}')
    payload = make_client().get(fetch()).payload
    assert payload.property("a.b") == b"literal"
    assert payload.property("x.y") == b"nested"


def test_metadata(make_client, vault, clock):
    vault.set_secret("db", VALUE, tags={"team": "x", "config": '{"a": "1"}'})
    client = make_client()
    payload = client.get(fetch(metadata=True)).payload
    now = f"{clock.now():%Y-%m-%dT%H:%M:%SZ}"
    assert json.loads(payload.whole()) == {
        "team": "x",
        "config": '{"a": "1"}',
        "attribute.created": now,
        "attribute.updated": now,
    }
    assert payload.property("config.a") == b"1"
    assert payload.entries()["db_config_a"] == b"1"
    assert VALUE not in repr(payload)


def test_metadata_without_times_as_esos_newer_client(make_client, vault):
    vault.set_secret("db", VALUE, tags={"team": "x"})
    payload = make_client(useAzureSDK=True).get(fetch(metadata=True)).payload
    assert json.loads(payload.whole()) == {"team": "x"}


@pytest.mark.parametrize("key", ["key/it", "cert/it"])
def test_metadata_of_keys_and_certificates(make_client, vault, key):
    vault.set_key("it", {"kty": "RSA", "n": "AP8"}, tags={"team": "x"})
    vault.set_certificate("it", b"der", tags={"team": "x"})
    assert make_client().get(fetch(key, metadata=True)).payload.property("team") == b"x"


def test_find_reads_the_enabled_that_match(make_client, vault):
    for name in ("db-a", "db-b", "web", "db-c"):
        vault.set_secret(name, f"value of {name}", tags={"team": "x", "name": name})
    vault.set_secret("db-off", "x", tags={"team": "x"}, enabled=False)
    vault.set_secret("db-other", "x", tags={"team": "y"})
    found = make_client().find(Query(store=STORE, name="^db-", tags=(("team", "x"),), path="ignored"))
    assert {name: answer.payload.whole().decode() for name, answer in found.items()} == {
        "db-a": "value of db-a",
        "db-b": "value of db-b",
        "db-c": "value of db-c",
    }
    assert sorted(asked(vault)) == ["/secrets"] * 3 + ["/secrets/db-a", "/secrets/db-b", "/secrets/db-c"]


def test_find_without_conditions_is_all(make_client, vault):
    for name in ("a", "b", "c"):
        vault.set_secret(name, name)
    assert list(make_client().find(Query(store=STORE))) == ["a", "b", "c"]


def test_find_by_an_expression_that_is_none_finds_nothing(make_client, vault):
    vault.set_secret("a", "a")
    assert make_client().find(Query(store=STORE, name="(")) == {}
    assert vault.requests == ()


def test_find_names_the_permission_it_lacks(make_client, vault):
    vault.deny("secrets/list")
    with pytest.raises(AccessDeniedError) as caught:
        make_client().find(Query(store=STORE))
    assert (caught.value.capability, caught.value.path) == ("secrets/list", "secrets")


def test_a_challenge_and_a_login_once_then_one_request_each(make_client, vault):
    vault.set_secret("db", VALUE)
    client = make_client()
    for _ in range(3):
        client.get(fetch())
    assert [request.path for request in vault.requests] == [
        "/secrets/db",
        "/metadata/identity/oauth2/token",
        "/secrets/db",
        "/secrets/db",
        "/secrets/db",
    ]


def test_the_three_kinds_share_one_login(make_client, vault):
    vault.set_secret("it", VALUE)
    vault.set_key("it", {"kty": "RSA", "n": "AP8"})
    vault.set_certificate("it", b"der")
    client = make_client()
    for key in ("it", "key/it", "cert/it"):
        client.get(fetch(key))
    assert sum("metadata" in request.path for request in vault.requests) == 1


@pytest.mark.parametrize(
    ("prepare", "key", "kind", "capability"),
    [
        (lambda vault: vault.deny("secrets/get"), "db", AccessDeniedError, "secrets/get"),
        (lambda vault: vault.deny("keys/get", code="ForbiddenByRbac"), "key/db", AccessDeniedError, "keys/get"),
        (lambda vault: vault.deny("certificates/get"), "cert/db", AccessDeniedError, "certificates/get"),
        (lambda vault: vault.set_secret("db", VALUE, enabled=False), "db", AccessDeniedError, ""),
        (lambda vault: None, "absent", SecretNotFoundError, None),
        (lambda vault: vault.delete("db"), "db", SecretNotFoundError, None),
    ],
)
def test_refusals_are_told_apart_and_not_repeated(make_client, vault, prepare, key, kind, capability):
    vault.set_secret("db", VALUE)
    prepare(vault)
    with pytest.raises(kind) as caught:
        make_client().get(fetch(key))
    assert getattr(caught.value, "capability", None) == capability
    assert caught.value.store == str(STORE)
    assert len(asked(vault)) == 1
    assert VALUE not in str(caught.value)


def test_a_missing_secret_is_missing_to_eso(make_client):
    with pytest.raises(SecretNotFoundError) as caught:
        make_client().get(fetch())
    assert caught.value.missing


def test_throttling_is_waited_out(make_client, vault, clock):
    vault.set_secret("db", VALUE)
    vault.fail(HTTPStatus.TOO_MANY_REQUESTS, retry_after="7")
    assert make_client().get(fetch()).payload.whole() == VALUE.encode()
    assert clock.sleeps == [7.0]


def test_throttling_beyond_the_time_limit_is_told(make_client, vault, clock):
    vault.fail(HTTPStatus.TOO_MANY_REQUESTS, retry_after="3600", times=9)
    with pytest.raises(ThrottledError) as caught:
        make_client().get(fetch())
    assert caught.value.retry_after == 3600.0
    assert clock.sleeps == []


def test_a_failing_vault_is_asked_thrice_by_default(make_client, vault):
    vault.fail(HTTPStatus.SERVICE_UNAVAILABLE, times=99)
    with pytest.raises(StoreUnavailableError, match="the vault failed"):
        make_client().get(fetch())
    assert len(asked(vault)) == 3


def test_retries_are_the_manifests(make_client, make_context, vault, clock):
    vault.fail(HTTPStatus.INTERNAL_SERVER_ERROR, times=99)
    context = make_context(retry=RetryPolicy(retries=1, interval=timedelta(seconds=4)))
    with pytest.raises(StoreUnavailableError):
        make_client(context).get(fetch())
    assert len(asked(vault)) == 2
    assert clock.sleeps == [4.0]


def test_a_revoked_token_is_replaced_once(make_client, vault):
    vault.set_secret("db", VALUE)
    client = make_client()
    client.get(fetch())
    vault.entra.revoke()
    assert client.get(fetch()).payload.whole() == VALUE.encode()
    assert sum("metadata" in request.path for request in vault.requests) == 2


def test_a_vault_of_another_tenant_refuses_every_token(make_client, vault, monkeypatch):
    monkeypatch.setattr(vault.entra, "holder", lambda _token: "")
    with pytest.raises(AuthenticationError, match="refuses the login's token") as caught:
        make_client().get(fetch())
    assert caught.value.status == HTTPStatus.UNAUTHORIZED
    assert sum("metadata" in request.path for request in vault.requests) == 2


def test_an_answer_that_is_no_vaults(make_client, vault, wire):
    vault.set_secret("db", VALUE)
    client = make_client()
    client.get(fetch())
    for body in (b"<html>", b'{"value": "hunter2-never-show'):
        broken = requests.Response()
        broken.status_code = 200
        broken.headers.update({"Content-Type": "application/json"})
        broken.raw = urllib3.HTTPResponse(__import__("io").BytesIO(body), status=200, preload_content=False)
        wire.faults = [broken]
        with pytest.raises(StoreUnavailableError, match="is vaultUrl the address of one") as caught:
            client.get(fetch())
        assert VALUE not in "".join(traceback.format_exception(caught.value))


def test_a_lost_connection_is_tried_again(make_client, vault, wire):
    vault.set_secret("db", VALUE)
    wire.faults = [ConnectionResetError(), urllib3.exceptions.ProtocolError("x")]
    assert make_client().get(fetch()).payload.whole() == VALUE.encode()


def test_a_name_that_no_vault_takes_is_not_sent(make_client, vault):
    with pytest.raises(InvalidRequestError):
        make_client().get(fetch("a/../b"))
    assert vault.requests == ()


def test_nothing_is_logged(make_client, vault, caplog):
    caplog.set_level(logging.DEBUG)
    vault.set_secret("db", VALUE)
    client = make_client()
    client.get(fetch())
    vault.deny("keys/get")
    with pytest.raises(AccessDeniedError):
        client.get(fetch("key/x"))
    assert [record.name for record in caplog.records if record.name.startswith(("azure", "msal"))] == []
    assert VALUE not in caplog.text


def test_an_error_holds_no_token_and_no_value(make_client, vault):
    vault.set_secret("db", VALUE)
    client = make_client()
    client.get(fetch())
    vault.deny("secrets/get")
    with pytest.raises(AccessDeniedError) as caught:
        client.get(fetch())
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = str([frame.locals for frame in report.stack if "stores/azure" in frame.filename]) + "".join(report.format())
    assert not any(token in shown for token in vault.entra._grants)
    assert caught.value.__context__ is None
    assert not any("azure/core" in frame.filename for frame in report.stack)


def test_it_shows_nothing(make_client, vault):
    vault.set_secret("db", VALUE)
    client = make_client()
    answer = client.get(fetch())
    assert VALUE not in f"{answer!r} {answer.payload!r} {client!r}"


def test_a_closed_client_answers_nothing(make_client, vault, wire):
    vault.set_secret("db", VALUE)
    client = make_client()
    client.get(fetch())
    client.close()
    client.close(revoke=False)
    assert wire.closed == 1
    with pytest.raises(ClosedError):
        client.get(fetch())
    with pytest.raises(ClosedError):
        client.find(Query(store=STORE))


def test_threads_share_a_client(make_client, vault):
    for number in range(8):
        vault.set_secret(f"db-{number}", str(number))
    client = make_client()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: client.get(fetch(f"db-{number % 8}")).payload.whole(), range(40)))
    assert answers == [str(number % 8).encode() for number in range(40)]
    assert sum("metadata" in request.path for request in vault.requests) == 1


def test_the_agent_is_not_from_the_environment(make_client, vault, monkeypatch):
    monkeypatch.setenv("AZURE_HTTP_USER_AGENT", "from-the-environment")
    seen = []
    answer = vault.answer
    monkeypatch.setattr(vault, "answer", lambda request: seen.append(request.headers["User-Agent"]) or answer(request))
    vault.set_secret("db", VALUE)
    make_client().get(fetch())
    assert not any("from-the-environment" in agent for agent in seen)
