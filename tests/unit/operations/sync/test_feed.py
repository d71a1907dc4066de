from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from virtrigaud_secrets.delivery.secret_target import SecretTarget
from virtrigaud_secrets.events import Event, EventKind
from virtrigaud_secrets.manifests.live_catalog import LiveCatalog
from virtrigaud_secrets.operations.sync.feed import Feed
from virtrigaud_secrets.operations.sync.inventory import Inventory, Key
from virtrigaud_secrets.stores.cluster_objects import EXTERNAL_SECRETS, SECRET_STORES, SECRETS

KEY = ("ns", "app")


class Heard:
    """Takes notes and keys."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, Key]] = []
        self.keys: list[Key] = []
        self.catalog = LiveCatalog()
        self.inventory = Inventory(self.catalog, controller_class="virtrigaud-secrets")
        self.feed = Feed(self.inventory, self, self.enqueue)

    def note_change(self, key: Key, *, of_store: bool = False) -> None:
        self.notes.append(("store" if of_store else "manifest", key))

    def note_rotation(self, key: Key) -> None:
        self.notes.append(("rotation", key))

    def enqueue(self, keys: Iterable[Key]) -> None:
        self.keys += keys

    def take(self) -> list[Key]:
        keys, self.keys = self.keys, []
        return keys


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_a_manifest_comes_changes_and_goes(heard: Heard, es: Any) -> None:
    heard.feed.changed(EXTERNAL_SECRETS, es(), deleted=False)
    assert (heard.take(), heard.notes) == ([KEY], [("manifest", KEY)])
    heard.feed.changed(EXTERNAL_SECRETS, es(status={"refreshTime": "x"}), deleted=False)
    assert heard.take() == []
    heard.feed.changed(EXTERNAL_SECRETS, es(metadata={"generation": 2}), deleted=False)
    assert heard.take() == [KEY]
    heard.feed.changed(EXTERNAL_SECRETS, es(), deleted=True)
    assert heard.take() == [KEY]
    assert heard.catalog.external_secrets == ()


def test_what_a_list_does_not_have_is_gone(heard: Heard, es: Any, store: Any) -> None:
    heard.feed.replaced(SECRET_STORES, "ns", [store(), store("other")])
    heard.feed.replaced(EXTERNAL_SECRETS, "ns", [es(), es("other", store="other")])
    heard.take()
    heard.feed.replaced(EXTERNAL_SECRETS, "elsewhere", [])
    heard.feed.replaced(SECRET_STORES, "elsewhere", [])
    assert heard.take() == []
    heard.feed.replaced(EXTERNAL_SECRETS, "ns", [es()])
    assert heard.take() == [("ns", "other")]
    heard.feed.replaced(SECRET_STORES, "", [])
    assert heard.take() == [KEY]
    assert heard.catalog.stores == ()


def test_a_store_concerns_its_users(heard: Heard, es: Any, store: Any) -> None:
    heard.feed.changed(EXTERNAL_SECRETS, es(), deleted=False)
    heard.take()
    heard.feed.changed(SECRET_STORES, store(), deleted=False)
    assert heard.take() == [KEY]
    assert heard.notes[-1] == ("manifest", KEY)  # nothing was read from it before
    heard.feed.changed(SECRET_STORES, store(spec={"refreshInterval": 7}), deleted=False)
    assert heard.take() == [KEY]
    assert heard.notes[-1] == ("store", KEY)
    heard.feed.changed(SECRET_STORES, store(spec={"refreshInterval": 7}, status={"conditions": []}), deleted=False)
    assert heard.take() == []
    heard.feed.changed(SECRET_STORES, store(), deleted=True)
    assert heard.take() == [KEY]


def test_a_broken_store_is_logged_without_what_it_holds(
    heard: Heard, store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    heard.feed.changed(SECRET_STORES, store(spec={"provider": {"nonsense": {"token": "planted"}}}), deleted=False)
    assert "SecretStore ns/store cannot be read" in caplog.text
    assert "planted" not in caplog.text


def test_a_secret_concerns_whoever_writes_it(heard: Heard, es: Any) -> None:
    heard.feed.changed(EXTERNAL_SECRETS, es(), deleted=False)
    heard.take()
    for deleted in (False, True):
        heard.feed.changed(SECRETS, {"metadata": {"name": "app", "namespace": "ns"}}, deleted=deleted)
        assert heard.take() == [KEY]
    heard.feed.changed(SECRETS, {"metadata": {"name": "unrelated", "namespace": "ns"}}, deleted=False)
    heard.feed.changed(SECRETS, {}, deleted=False)
    assert heard.take() == []
    heard.feed.replaced(SECRETS, "", [])  # any of them may be missing
    assert heard.take() == [KEY]


def test_whose_a_secret_is_is_followed(heard: Heard) -> None:
    target = SecretTarget(name="app", namespace="ns")
    labels = {"reconcile.external-secrets.io/created-by": target.created_by}
    old = {"metadata": {"name": "old", "namespace": "ns", "labels": labels}}
    heard.feed.changed(SECRETS, old, deleted=False)
    assert heard.inventory.may_own_others(target)
    heard.feed.changed(SECRETS, old, deleted=True)
    assert not heard.inventory.may_own_others(target)
    heard.feed.replaced(SECRETS, "ns", [old])
    assert heard.inventory.may_own_others(target)
    heard.feed.replaced(SECRETS, "elsewhere", [])
    assert heard.inventory.may_own_others(target)
    heard.feed.replaced(SECRETS, "", [])
    assert not heard.inventory.may_own_others(target)


def test_rotated_credentials_are_to_be_written(heard: Heard) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    heard.feed.on_event(Event(kind=EventKind.ROTATED, at=at, name="app", namespace="ns"))
    assert (heard.take(), heard.notes) == ([KEY], [("rotation", KEY)])
    heard.feed.on_event(Event(kind=EventKind.RENEWED, at=at, name="app", namespace="ns"))
    heard.feed.on_event(Event(kind=EventKind.ROTATED, at=at))
    assert heard.take() == []
