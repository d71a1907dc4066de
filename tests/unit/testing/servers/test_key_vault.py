from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing import ManualClock
from virtrigaud_secrets.testing.servers.key_vault import KeyVault
from virtrigaud_secrets.testing.servers.key_vault_messages import Reply, Request

VAULT = "unit.vault.azure.net"
VERSION = {"api-version": "7.5"}


@pytest.fixture
def vault() -> KeyVault:
    made = KeyVault(page=2, clock=ManualClock())
    made.entra.add_identity()
    return made


@pytest.fixture
def token(vault: KeyVault) -> str:
    query = {"resource": "https://vault.azure.net"}
    reply = vault.answer(Request("GET", "/metadata/identity/oauth2/token", query, {"Metadata": "true"}))
    return str(reply.body["access_token"])


def ask(
    vault: KeyVault,
    path: str,
    token: str = "",
    *,
    method: str = "GET",
    query: Mapping[str, str] = VERSION,
    body: object = None,
) -> Reply:
    headers = {"Host": VAULT} | ({"Authorization": f"Bearer {token}"} if token else {})
    return vault.answer(Request(method, path, query, headers, b"" if body is None else json.dumps(body).encode()))


def inner(reply: Reply) -> str:
    error = cast("dict[str, Any]", reply.body["error"])
    return str(error.get("innererror", {}).get("code", error["code"]))


def test_nobody_gets_a_challenge(vault: KeyVault) -> None:
    vault.set_secret("db", "x")
    for bad in ("", "made-up"):
        reply = ask(vault, "/secrets/db", bad)
        assert reply.status == HTTPStatus.UNAUTHORIZED
        assert reply.headers["WWW-Authenticate"] == (
            'Bearer authorization="https://login.microsoftonline.com/tenant-id-here", '
            'resource="https://vault.azure.net"'
        )


def test_a_secret_names_itself_by_the_host_that_was_asked(vault: KeyVault, token: str) -> None:
    version = vault.set_secret("db", "x", tags={"a": "b"}, content_type="text/plain")
    reply = ask(vault, "/secrets/db", token)
    assert reply.status == HTTPStatus.OK
    assert reply.body["id"] == f"https://{VAULT}/secrets/db/{version}"
    assert (reply.body["value"], reply.body["tags"], reply.body["contentType"]) == ("x", {"a": "b"}, "text/plain")


def test_an_api_version_is_required(vault: KeyVault, token: str) -> None:
    assert ask(vault, "/secrets/db", token, query={}).status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(
    "path", ["/secrets/absent", "/secrets/db/no-such-version", "/storage/x", "/", "/deletedsecrets/db"]
)
def test_what_is_not_there(vault: KeyVault, token: str, path: str) -> None:
    vault.set_secret("db", "x")
    assert ask(vault, path, token).status == HTTPStatus.NOT_FOUND


def test_pages(vault: KeyVault, token: str) -> None:
    for name in ("a", "b", "c"):
        vault.set_secret(name, "x")
    first = ask(vault, "/secrets", token)
    assert [one["id"] for one in cast("list[dict[str, Any]]", first.body["value"])] == [
        f"https://{VAULT}/secrets/a",
        f"https://{VAULT}/secrets/b",
    ]
    assert first.body["nextLink"] == f"https://{VAULT}:443/secrets?api-version=7.5&$skiptoken=2"
    last = ask(vault, "/secrets", token, query={**VERSION, "$skiptoken": "2"})
    assert len(cast("list[object]", last.body["value"])) == 1
    assert "nextLink" not in last.body
    assert "value" not in cast("list[dict[str, Any]]", last.body["value"])[0]


def test_versions(vault: KeyVault, token: str) -> None:
    versions = [vault.set_key("sign", {"kty": "RSA", "n": "AQ"}) for _ in range(2)]
    listed = cast("list[dict[str, Any]]", ask(vault, "/keys/sign/versions", token).body["value"])
    assert [one["kid"].rpartition("/")[2] for one in listed] == versions
    key = cast("dict[str, str]", ask(vault, f"/keys/sign/{versions[0]}", token).body["key"])
    assert key["kid"] == f"https://{VAULT}/keys/sign/{versions[0]}"


def test_disabled_objects(vault: KeyVault, token: str) -> None:
    vault.set_secret("off", "x", enabled=False)
    vault.set_key("off", {}, enabled=False)
    assert inner(ask(vault, "/secrets/off", token)) == "SecretDisabled"
    assert inner(ask(vault, "/keys/off", token)) == "KeyDisabled"


def test_denied_permissions(vault: KeyVault, token: str) -> None:
    vault.set_secret("db", "x")
    vault.deny("secrets/get", code="ForbiddenByRbac")
    reply = ask(vault, "/secrets/db", token)
    assert (reply.status, inner(reply)) == (HTTPStatus.FORBIDDEN, "ForbiddenByRbac")
    assert ask(vault, "/secrets", token).status == HTTPStatus.OK
    vault.deny("secrets/list")
    assert ask(vault, "/secrets", token).status == HTTPStatus.FORBIDDEN


def test_writing_deleting_recovering(vault: KeyVault, token: str) -> None:
    body = {"value": "x", "tags": {"a": "b"}, "attributes": {"enabled": True}}
    assert ask(vault, "/secrets/db", token, method="PUT", body=body).body["tags"] == {"a": "b"}
    assert ask(vault, "/secrets/db", token, method="PUT", body={}).status == HTTPStatus.BAD_REQUEST
    assert ask(vault, "/secrets/db", token, method="PUT", body=[]).status == HTTPStatus.BAD_REQUEST
    gone = ask(vault, "/secrets/db", token, method="DELETE")
    assert gone.body["recoveryId"] == f"https://{VAULT}/deletedsecrets/db"
    assert ask(vault, "/secrets/db", token, method="DELETE").status == HTTPStatus.NOT_FOUND
    conflict = ask(vault, "/secrets/db", token, method="PUT", body=body)
    assert (conflict.status, inner(conflict)) == (HTTPStatus.CONFLICT, "ObjectIsDeletedButRecoverable")
    assert ask(vault, "/deletedsecrets/db", token).status == HTTPStatus.OK
    assert "value" not in ask(vault, "/deletedsecrets/db/recover", token, method="POST").body
    assert ask(vault, "/secrets/db", token).body["value"] == "x"


def test_a_certificate_may_come_with_its_secret(vault: KeyVault, token: str) -> None:
    vault.set_certificate("web", b"\x30", secret="pkcs12")
    assert ask(vault, "/certificates/web", token).body["cer"] == "MA=="
    assert ask(vault, "/secrets/web", token).body["contentType"] == "application/x-pkcs12"


def test_troubles_are_for_whoever_is_logged_in(vault: KeyVault, token: str) -> None:
    vault.set_secret("db", "x")
    vault.fail(HTTPStatus.TOO_MANY_REQUESTS, times=2, retry_after="3")
    assert ask(vault, "/secrets/db").status == HTTPStatus.UNAUTHORIZED
    replies = [ask(vault, "/secrets/db", token) for _ in range(3)]
    assert [reply.status for reply in replies] == [429, 429, 200]
    assert replies[0].headers == {"Retry-After": "3"}


def test_logins(vault: KeyVault) -> None:
    vault.entra.add_secret("app", "right")
    headers = {"Host": "login.microsoftonline.com"}
    found = vault.answer(Request("GET", "/tenant-id-here/v2.0/.well-known/openid-configuration", {}, headers))
    assert found.body["token_endpoint"] == "https://login.microsoftonline.com/tenant-id-here/oauth2/v2.0/token"
    form = b"grant_type=client_credentials&client_id=app&client_secret=right"
    form += b"&scope=https%3A%2F%2Fvault.azure.net%2F.default"
    reply = vault.answer(Request("POST", "/tenant-id-here/oauth2/v2.0/token", {}, headers, form))
    assert vault.entra.holder(str(reply.body["access_token"])) == "app"
    vault.fail(HTTPStatus.SERVICE_UNAVAILABLE, part="login")
    assert vault.answer(Request("POST", "/tenant-id-here/oauth2/v2.0/token", {}, headers, form)).status == 503


def test_what_was_seen_holds_neither_token_nor_value(vault: KeyVault, token: str) -> None:
    vault.set_secret("db", "hunter2")
    ask(vault, "/secrets/db", token)
    last = vault.requests[-1]
    assert (last.method, last.path, last.client_id, last.status, last.host) == (
        "GET",
        "/secrets/db",
        "system-assigned",
        200,
        VAULT,
    )
    assert token not in repr(vault.requests)
    assert "hunter2" not in repr(vault.requests)


def test_not_started_it_says_so() -> None:
    server = KeyVault()
    with pytest.raises(LocalServerError, match="use it in a with block"):
        server.endpoints()
    server.close()


def test_started_it_answers_over_tls(vault: KeyVault) -> None:
    assert b"BEGIN CERTIFICATE" in vault.ca_pem
    with vault as server:
        assert server.endpoints("https://a.vault.azure.net")["https://a.vault.azure.net"] == server.address
        assert server.endpoints()["http://169.254.169.254"] == server.address
    server.close()


def test_what_a_push_left_can_be_looked_at(vault: KeyVault, token: str) -> None:
    assert vault.newest("db") is None
    ask(vault, "/secrets/db", token, method="PUT", body={"value": "x"})
    ask(vault, "/secrets/db", token, method="PUT", body={"value": "y", "tags": {"a": "b"}})
    newest = vault.newest("db")
    assert newest is not None
    assert (newest.content["value"], newest.tags) == ("y", {"a": "b"})
    assert (vault.versions("db"), vault.versions("other")) == (2, 0)


def test_a_refusal_can_be_taken_back(vault: KeyVault, token: str) -> None:
    vault.set_secret("db", "x")
    vault.deny("secrets/get")
    assert ask(vault, "/secrets/db", token).status == HTTPStatus.FORBIDDEN
    vault.allow("secrets/get")
    assert ask(vault, "/secrets/db", token).status == HTTPStatus.OK
