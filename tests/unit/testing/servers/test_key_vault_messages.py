from __future__ import annotations

from http import HTTPStatus

import pytest

from virtrigaud_secrets.testing.servers.key_vault_messages import Request, bad, error, missing


def request(path: str = "/secrets/db", **headers: str) -> Request:
    return Request("GET", path, {}, headers, b'{"value": "hunter2"}')


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/metadata/identity/oauth2/token", "metadata"),
        ("/tenant/oauth2/v2.0/token", "login"),
        ("/tenant/v2.0/.well-known/openid-configuration", "login"),
        ("/secrets/token", "vault"),
    ],
)
def test_which_server_is_meant(path: str, part: str) -> None:
    assert request(path).part == part


def test_what_a_request_says() -> None:
    assert request(Host="a.vault.azure.net").host == "a.vault.azure.net"
    assert request().host == "127.0.0.1"
    assert request(Authorization="Bearer abc").token == "abc"
    assert request(Authorization="Basic abc").token == ""
    assert request().json == {"value": "hunter2"}
    assert Request("PUT", "/", {}, {}, b"[1]").json == Request("PUT", "/", {}, {}, b"{").json == {}
    assert Request("POST", "/", {}, {}, b"a=1&b=%26").form == {"a": "1", "b": "&"}
    assert "hunter2" not in repr(request())


def test_errors_are_the_services() -> None:
    told = error(HTTPStatus.FORBIDDEN, "Forbidden", "no", "ForbiddenByPolicy")
    assert told.body == {"error": {"code": "Forbidden", "message": "no", "innererror": {"code": "ForbiddenByPolicy"}}}
    assert bad("why").body == {"error": {"code": "BadParameter", "message": "why"}}
    gone = missing("keys", "sign")
    assert gone.status == HTTPStatus.NOT_FOUND
    assert gone.body["error"] == {"code": "KeyNotFound", "message": "A key with (name/id) sign was not found"}
