from __future__ import annotations

from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.testing import ManualClock
from virtrigaud_secrets.testing.servers.key_vault_objects import VaultObjects, standard_base64


@pytest.fixture
def objects() -> VaultObjects:
    return VaultObjects(ManualClock())


def test_the_newest_version_unless_one_is_named(objects: VaultObjects) -> None:
    first = objects.add("secrets", "db", {"value": "1"})
    second = objects.add("secrets", "db", {"value": "2"})
    newest = objects.find("secrets", "db")
    assert newest is not None
    assert (newest[0], newest[1].content) == (second, {"value": "2"})
    old = objects.find("secrets", "db", first)
    assert old is not None
    assert old[1].content == {"value": "1"}
    assert objects.versions("secrets", "db") == [first, second]


def test_what_is_not_there(objects: VaultObjects) -> None:
    objects.add("secrets", "db", {"value": "1"})
    assert objects.find("secrets", "other") is None
    assert objects.find("secrets", "db", "no-such-version") is None
    assert objects.find("keys", "db") is None
    assert objects.versions("keys", "db") == []


def test_names_do_not_differ_by_case(objects: VaultObjects) -> None:
    objects.add("secrets", "DB", {"value": "1"})
    assert objects.find("secrets", "db") is not None
    assert objects.names("secrets") == ["db"]


def test_deleting_is_soft(objects: VaultObjects) -> None:
    objects.add("secrets", "db", {"value": "1"})
    assert objects.delete("secrets", "db")
    assert not objects.delete("secrets", "db")
    assert objects.find("secrets", "db") is None
    assert objects.deleted("secrets", "db") is not None
    with pytest.raises(FileExistsError):
        objects.add("secrets", "db", {"value": "2"})
    assert objects.recover("secrets", "db")
    assert not objects.recover("secrets", "db")
    assert objects.find("secrets", "db") is not None


def test_attributes(objects: VaultObjects) -> None:
    until = datetime(2031, 1, 1, tzinfo=UTC)
    objects.add("secrets", "db", {"value": "hunter2"}, enabled=False, expires=until, tags={"a": "b"})
    found = objects.find("secrets", "db")
    assert found is not None
    attributes = found[1].attributes()
    created = int(ManualClock().now().timestamp())
    assert attributes["enabled"] is False
    assert attributes["exp"] == int(until.timestamp())
    assert attributes["created"] == attributes["updated"] == created
    assert "nbf" not in attributes
    assert "hunter2" not in repr(found[1])


def test_a_certificate_in_json() -> None:
    assert standard_base64(b"\xfb\xff") == "+/8="


def test_a_version_can_get_other_tags(objects: VaultObjects) -> None:
    version = objects.add("secrets", "db", {"value": "1"}, tags={"a": "b"})
    assert objects.replace("secrets", "db", version, tags={"c": "d"})
    assert not objects.replace("secrets", "db", "no-such-version", tags={})
    found = objects.find("secrets", "db")
    assert found is not None
    assert found[1].tags == {"c": "d"}


def test_what_is_purged_leaves_its_name(objects: VaultObjects) -> None:
    objects.add("secrets", "db", {"value": "1"})
    objects.delete("secrets", "db")
    assert objects.purge("secrets", "db")
    assert not objects.purge("secrets", "db")
    objects.add("secrets", "db", {"value": "2"})
