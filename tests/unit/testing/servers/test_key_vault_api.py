from __future__ import annotations

from http import HTTPStatus

import pytest

from virtrigaud_secrets.testing import ManualClock
from virtrigaud_secrets.testing.servers.key_vault_api import VaultApi, permission
from virtrigaud_secrets.testing.servers.key_vault_messages import Reply, Request
from virtrigaud_secrets.testing.servers.key_vault_objects import VaultObjects


@pytest.fixture
def objects() -> VaultObjects:
    return VaultObjects(ManualClock())


@pytest.fixture
def api(objects: VaultObjects) -> VaultApi:
    return VaultApi(objects, page=2)


def ask(api: VaultApi, method: str, path: str) -> Reply:
    first, _, rest = path.partition("/")
    collection = first.removeprefix("deleted")
    request = Request(method, f"/{path}", {"api-version": "7.5"}, {"Host": "v.vault.azure.net"})
    return api.answer(request, collection, rest, deleted=collection != first)


@pytest.mark.parametrize(
    ("method", "collection", "rest", "deleted", "expected"),
    [
        ("GET", "secrets", "db", False, "secrets/get"),
        ("GET", "secrets", "", False, "secrets/list"),
        ("GET", "keys", "k/versions", False, "keys/list"),
        ("GET", "secrets", "db", True, "secrets/get"),
        ("PUT", "secrets", "db", False, "secrets/set"),
        ("PUT", "keys", "k", False, "keys/import"),
        ("POST", "certificates", "c/import", False, "certificates/import"),
        ("PATCH", "secrets", "db/1", False, "secrets/set"),
        ("PATCH", "keys", "k/1", False, "keys/update"),
        ("PATCH", "certificates", "c/1", False, "certificates/update"),
        ("DELETE", "keys", "k", False, "keys/delete"),
        ("POST", "keys", "k/recover", True, "keys/recover"),
        ("DELETE", "secrets", "db", True, "secrets/purge"),
    ],
)
def test_what_a_request_needs(method: str, collection: str, rest: str, deleted: bool, expected: str) -> None:
    assert permission(Request(method, "/", {}, {}), collection, rest, deleted=deleted) == expected


@pytest.mark.parametrize("collection", ["secrets", "keys", "certificates"])
def test_what_is_deleted_is_told_with_its_tags_and_without_its_value(
    api: VaultApi, objects: VaultObjects, collection: str
) -> None:
    content = {"secrets": {"value": "hunter2"}, "keys": {"key": {"kty": "RSA"}}, "certificates": {"cer": "MA=="}}
    objects.add(collection, "db", content[collection], tags={"a": "b"})
    for reply in (ask(api, "DELETE", f"{collection}/db"), ask(api, "GET", f"deleted{collection}/db")):
        assert reply.status == HTTPStatus.OK
        assert reply.body["tags"] == {"a": "b"}
        assert reply.body["recoveryId"] == f"https://v.vault.azure.net/deleted{collection}/db"
        assert "value" not in reply.body
    assert ask(api, "GET", f"{collection}/db").status == HTTPStatus.NOT_FOUND


def test_what_is_recovered_may_take_a_while(api: VaultApi, objects: VaultObjects) -> None:
    objects.add("secrets", "db", {"value": "x"})
    ask(api, "DELETE", "secrets/db")
    api.recovery_looks = 2
    assert ask(api, "POST", "deletedsecrets/db/recover").status == HTTPStatus.OK
    assert [ask(api, "GET", "secrets/db").status for _ in range(3)] == [404, 404, 200]
    assert ask(api, "POST", "deletedsecrets/db/recover").status == HTTPStatus.NOT_FOUND


def test_what_is_purged_is_gone(api: VaultApi, objects: VaultObjects) -> None:
    objects.add("secrets", "db", {"value": "x"})
    ask(api, "DELETE", "secrets/db")
    assert ask(api, "PUT", "deletedsecrets/db").status == HTTPStatus.BAD_REQUEST
    assert ask(api, "DELETE", "deletedsecrets/db").status == HTTPStatus.NO_CONTENT
    assert ask(api, "DELETE", "deletedsecrets/db").status == HTTPStatus.NOT_FOUND
    objects.add("secrets", "db", {"value": "y"})
