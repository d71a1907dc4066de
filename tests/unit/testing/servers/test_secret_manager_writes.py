from __future__ import annotations

import base64

import pytest

from virtrigaud_secrets.stores.gcp.crc32c import crc32c
from virtrigaud_secrets.testing.clock import ManualClock
from virtrigaud_secrets.testing.servers import secret_manager_writes as writes
from virtrigaud_secrets.testing.servers.secret_manager_store import SecretManagerStore

AUTOMATIC = {"replication": {"automatic": {}}}


@pytest.fixture
def store():
    return SecretManagerStore(clock=ManualClock())


def value(text: bytes, checksum: int | None = None) -> dict[str, object]:
    payload = {
        "data": base64.b64encode(text).decode(),
        "dataCrc32c": str(crc32c(text) if checksum is None else checksum),
    }
    return {"payload": payload}


def create(store, key="k", parent="projects/p", body=None):
    return store.answer("POST", f"{parent}/secrets", {"secretId": key}, AUTOMATIC if body is None else body)


def test_a_secret_is_created_then_has_versions(store):
    status, body = create(store, body={**AUTOMATIC, "labels": {"a": "b"}, "topics": [{"name": "t"}]})
    assert (status, body["labels"], body["topics"]) == (200, {"a": "b"}, [{"name": "t"}])
    assert store.answer("GET", "projects/p/secrets/k/versions/latest:access", {})[0] == 404
    status, body = store.answer("POST", "projects/p/secrets/k:addVersion", {}, value(b"v"))
    assert (status, body["name"].rpartition("/")[2]) == (200, "1")
    assert store.state("p", "k").versions[0].data == b"v"
    assert store.changes == 2


def test_what_is_there_is_not_created_again(store):
    create(store)
    status, body = create(store)
    assert (status, body["error"]["status"], store.changes) == (409, "ALREADY_EXISTS", 1)


@pytest.mark.parametrize(
    ("parent", "key", "body"),
    [
        ("projects/p", "k/", AUTOMATIC),
        ("projects/p", "", AUTOMATIC),
        ("projects/p", "k", {}),
        ("projects/p/locations/l", "k", AUTOMATIC),
        ("projects/p", "k", {**AUTOMATIC, "labels": {"A": "b"}}),
    ],
)
def test_a_secret_that_makes_no_sense(store, parent, key, body):
    assert create(store, key, parent, body)[0] == 400


def test_a_regional_secret_has_no_replication(store):
    assert create(store, parent="projects/p/locations/l", body={})[0] == 200


def test_an_update_changes_what_its_mask_names(store):
    store.add("p", "k", "v", labels={"a": "1"}, annotations={"b": "2"})
    etag = store.answer("GET", "projects/p/secrets/k", {})[1]["etag"]
    sent = {"labels": {"c": "3"}, "annotations": {}, "etag": etag}
    assert store.answer("PATCH", "projects/p/secrets/k", {"updateMask": "labels"}, sent)[0] == 200
    secret = store.state("p", "k")
    assert (secret.labels, secret.annotations) == ({"c": "3"}, {"b": "2"})
    for mask in ("", "name"):
        assert store.answer("PATCH", "projects/p/secrets/k", {"updateMask": mask}, {})[0] == 400


def test_an_old_etag_is_refused(store):
    store.add("p", "k", "v")
    old = {"etag": '"0"'}
    for method, query, sent in (("PATCH", {"updateMask": "labels"}, old), ("DELETE", old, {})):
        status, body = store.answer(method, "projects/p/secrets/k", query, sent)
        assert (status, body["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert store.answer("DELETE", "projects/p/secrets/k", {"etag": '"1"'})[0] == 200
    assert store.state("p", "k") is None


def test_a_damaged_or_too_large_value_is_refused(store):
    store.add("p", "k", "v")
    for sent in (value(b"w", 1), value(bytes(writes.LARGEST + 1)), {"payload": {"data": "?"}}):
        assert store.answer("POST", "projects/p/secrets/k:addVersion", {}, sent)[0] == 400
    assert store.changes == 0


@pytest.mark.parametrize(
    ("method", "resource", "permission"),
    [
        ("POST", "projects/p/secrets", "secretmanager.secrets.create"),
        ("POST", "projects/p/secrets/k:addVersion", "secretmanager.versions.add"),
        ("PATCH", "projects/p/secrets/k", "secretmanager.secrets.update"),
        ("DELETE", "projects/p/secrets/k", "secretmanager.secrets.delete"),
    ],
)
def test_a_permission_is_needed(store, method, resource, permission):
    store.add("p", "k", "v")
    store.deny(permission)
    assert store.answer(method, resource, {"secretId": "n"}, AUTOMATIC)[0] == 403
    assert store.changes == 0


@pytest.mark.parametrize(
    ("method", "resource"),
    [
        ("DELETE", "projects/p/secrets/none"),
        ("DELETE", "projects/p/secrets"),
        ("PUT", "projects/p/secrets/k"),
        ("DELETE", "projects/p/secrets/k/versions/1"),
        ("POST", "projects/p/secrets/k:other"),
    ],
)
def test_what_is_not_there(store, method, resource):
    store.add("p", "k", "v")
    assert store.answer(method, resource, {})[0] == 404
