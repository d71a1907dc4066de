from __future__ import annotations

import base64

import pytest

from virtrigaud_secrets.stores.gcp.crc32c import crc32c
from virtrigaud_secrets.testing.clock import ManualClock
from virtrigaud_secrets.testing.servers.secret_manager_store import SecretManagerStore, project_number


@pytest.fixture
def store():
    return SecretManagerStore(clock=ManualClock())


def get(store, resource, **query):
    return store.answer("GET", resource, query)


def test_an_answer_has_value_checksum_and_the_projects_number(store):
    assert store.add("p", "k", "value") == "1"
    status, body = get(store, "projects/p/secrets/k/versions/latest:access")
    assert status == 200
    assert body["name"] == f"projects/{project_number('p')}/secrets/k/versions/1"
    assert base64.b64decode(body["payload"]["data"]) == b"value"
    assert body["payload"]["dataCrc32c"] == str(crc32c(b"value"))
    assert get(store, body["name"] + ":access") == (status, body)


def test_latest_is_the_newest_even_if_it_cannot_be_read(store):
    store.add("p", "k", "1")
    store.add("p", "k", "2")
    store.set_state("p", "k", "latest", "DISABLED")
    status, body = get(store, "projects/p/secrets/k/versions/latest:access")
    assert (status, body["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert "DISABLED state" in body["error"]["message"]
    assert get(store, "projects/p/secrets/k/versions/1:access")[0] == 200
    with pytest.raises(LookupError):
        store.set_state("p", "k", "3", "ENABLED")


@pytest.mark.parametrize(
    "resource",
    [
        "projects/p/secrets/none/versions/latest:access",
        "projects/p/secrets/k/versions/9:access",
        "projects/p/secrets/k/versions/none:access",
        "projects/p/locations/l/secrets/k/versions/1:access",
        "projects/q/secrets/k/versions/1:access",
        "projects/p/secrets/none",
        "projects/p/secrets/none/versions",
        "projects/p/secrets/k/versions/9",
        "projects/p/secrets/k:destroy",
        "elsewhere",
    ],
)
def test_what_is_not_there(store, resource):
    store.add("p", "k", "1")
    status, body = get(store, resource)
    assert (status, body["error"]["status"]) == (404, "NOT_FOUND")


def test_a_version_has_names(store):
    store.add("p", "k", "1")
    store.add("p", "k", "2")
    store.alias("p", "k", "stable", 1)
    assert get(store, "projects/p/secrets/k/versions/stable")[1]["name"].endswith("/versions/1")
    assert get(store, "projects/p/secrets/k/versions/latest")[1]["state"] == "ENABLED"


def test_regional_secrets_are_others(store):
    store.add("p", "k", "here", location="l")
    status, body = get(store, "projects/p/locations/l/secrets/k/versions/1:access")
    assert status == 200
    assert "/locations/l/" in body["name"]
    assert "replication" not in get(store, "projects/p/locations/l/secrets/k")[1]
    assert get(store, "projects/p/secrets")[1] == {"totalSize": 0}


def test_what_is_empty_is_left_out(store):
    store.add("p", "k", "1")
    assert not {"labels", "annotations"} & set(get(store, "projects/p/secrets/k")[1])
    store.add("p", "k", "2", labels={"a": "b"}, annotations={"c": "d"})
    shown = get(store, "projects/p/secrets/k")[1]
    assert (shown["labels"], shown["annotations"]) == ({"a": "b"}, {"c": "d"})


def names(answer, kind="secrets"):
    return sorted(entry["name"].rpartition("/")[2] for entry in answer[1].get(kind, []))


def test_filters(store):
    store.add("p", "app-db", "1", labels={"env": "prod"})
    store.add("p", "app-web", "1", labels={"env": "prod", "team": "vm"})
    store.add("p", "db", "1")
    store.add("q", "app", "1")
    for text, expected in (
        ("", ["app-db", "app-web", "db"]),
        ("name:app", ["app-db", "app-web"]),
        ("labels.env=prod", ["app-db", "app-web"]),
        ("labels.env=prod labels.team=vm", ["app-web"]),
        ("labels.env:pr name:db", ["app-db"]),
    ):
        assert names(get(store, "projects/p/secrets", filter=text)) == expected
    for wrong in ("env", "state:ENABLED", "name<3"):
        assert get(store, "projects/p/secrets", filter=wrong)[1]["error"]["status"] == "INVALID_ARGUMENT"


def test_versions_come_newest_first_and_by_state(store):
    for value in "123":
        store.add("p", "k", value)
    store.set_state("p", "k", "3", "DESTROYED")
    listed = get(store, "projects/p/secrets/k/versions")[1]["versions"]
    assert [entry["name"].rpartition("/")[2] for entry in listed] == ["3", "2", "1"]
    assert names(get(store, "projects/p/secrets/k/versions", filter="state:ENABLED"), "versions") == ["1", "2"]
    assert get(store, "projects/p/secrets/k/versions", filter="x:y")[0] == 400


def test_pages(store):
    for number in range(30):
        store.add("p", f"k{number:02}", "1")
    first = get(store, "projects/p/secrets")[1]
    assert len(first["secrets"]) == 25
    rest = get(store, "projects/p/secrets", pageToken=first["nextPageToken"], pageSize="10")[1]
    assert len(rest["secrets"]) == 5
    assert "nextPageToken" not in rest
    assert rest["totalSize"] == 30


@pytest.mark.parametrize(
    ("permission", "resource"),
    [
        ("secretmanager.versions.access", "projects/p/secrets/k/versions/1:access"),
        ("secretmanager.secrets.get", "projects/p/secrets/k"),
        ("secretmanager.versions.get", "projects/p/secrets/k/versions/1"),
        ("secretmanager.versions.list", "projects/p/secrets/k/versions"),
        ("secretmanager.secrets.list", "projects/p/secrets"),
    ],
)
def test_permissions_are_refused_one_by_one(store, permission, resource):
    store.add("p", "k", "1")
    store.deny(permission)
    status, body = get(store, resource)
    assert (status, body["error"]["status"]) == (403, "PERMISSION_DENIED")
    store.allow(permission)
    assert get(store, resource)[0] == 200


def test_a_damaged_value_does_not_fit_its_checksum(store):
    store.add("p", "k", "1")
    store.damaged.add("k")
    payload = get(store, "projects/p/secrets/k/versions/1:access")[1]["payload"]
    assert int(payload["dataCrc32c"]) != crc32c(base64.b64decode(payload["data"]))
