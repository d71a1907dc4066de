from __future__ import annotations

from typing import Any

import pytest

from virtrigaud_secrets.delivery.secret_target import SecretTarget
from virtrigaud_secrets.manifests.live_catalog import LiveCatalog
from virtrigaud_secrets.operations.sync.inventory import Inventory
from virtrigaud_secrets.operations.sync.reading import StoreName

KEY = ("ns", "app")


def inventory(controller_class: str = "virtrigaud-secrets", *, store_namespaces: tuple[str, ...] = ()) -> Inventory:
    catalog = LiveCatalog(store_namespaces=store_namespaces)
    return Inventory(catalog, controller_class=controller_class, store_namespaces=store_namespaces)


@pytest.mark.parametrize(
    ("ours", "stores", "expected"),
    [
        ("virtrigaud-secrets", {"store": "virtrigaud-secrets"}, True),
        ("virtrigaud-secrets", {"store": ""}, False),
        ("virtrigaud-secrets", {"store": "default"}, False),
        ("virtrigaud-secrets", {}, False),
        ("default", {"store": ""}, True),
        ("default", {"store": "default"}, True),
        ("default", {"store": "virtrigaud-secrets"}, False),
        ("default", {}, True),
        ("virtrigaud-secrets", {"store": "virtrigaud-secrets", "other": ""}, False),
        ("virtrigaud-secrets", {"store": "virtrigaud-secrets", "other": "virtrigaud-secrets"}, True),
    ],
)
def test_whose_an_external_secret_is(
    ours: str, stores: dict[str, str], expected: bool, seen: Any, seen_store: Any
) -> None:
    known = inventory(ours)
    for name, controller in stores.items():
        known.put_store(seen_store(name, controller=controller))
    entry = {"secretKey": "b", "remoteRef": {"key": "b"}, "sourceRef": {"storeRef": {"name": "other"}}}
    manifest = seen(spec={"data": [entry]}) if "other" in stores else seen()
    known.put_manifest(manifest)
    assert known.is_ours(manifest) is expected
    assert known.ours() == ([KEY] if expected else [])


def test_a_change_of_status_is_none(seen: Any) -> None:
    known = inventory()
    assert known.put_manifest(seen())
    assert not known.put_manifest(seen(status={"refreshTime": "2026-01-01T00:00:00Z"}))
    found = known.manifest(KEY)
    assert found is not None
    assert found.status == {"refreshTime": "2026-01-01T00:00:00Z"}
    assert known.put_manifest(seen(metadata={"labels": {"a": "b"}}))
    assert known.put_manifest(seen(metadata={"uid": "another"}))


def test_a_store_concerns_those_who_name_it(seen: Any, seen_store: Any) -> None:
    known = inventory()
    known.put_manifest(seen())
    known.put_manifest(seen("other", store="elsewhere"))
    assert not known.knows_store(StoreName("SecretStore", "ns", "store"))
    assert known.put_store(seen_store()) == [KEY]
    assert known.knows_store(StoreName("SecretStore", "ns", "store"))
    assert known.put_store(seen_store(metadata={"labels": {"a": "b"}})) == []
    assert known.put_store(seen_store(spec={"refreshInterval": 7})) == [KEY]
    assert known.put_store(seen_store(controller="default")) == [KEY]
    assert known.stores_of("SecretStore", "ns") == {StoreName("SecretStore", "ns", "store")}
    assert known.remove_store(StoreName("SecretStore", "ns", "store")) == [KEY]
    assert known.remove_store(StoreName("SecretStore", "ns", "store")) == []


def test_a_store_that_cannot_be_read_any_more_is_gone_and_still_somebodys(seen: Any, seen_store: Any) -> None:
    known = inventory()
    known.put_manifest(seen())
    known.put_store(seen_store())
    assert known.put_store(seen_store(spec={"provider": {"nonsense": {}}})) == [KEY]
    assert known.ours() == [KEY]


def test_a_cluster_store_concerns_all_namespaces(seen: Any, seen_store: Any) -> None:
    known = inventory()
    known.put_manifest(seen(spec={"secretStoreRef": {"kind": "ClusterSecretStore"}}))
    assert known.ours() == []
    assert known.put_store(seen_store(cluster_wide=True)) == [KEY]
    assert known.ours() == [KEY]
    assert known.stores_of("ClusterSecretStore", "") == {StoreName("ClusterSecretStore", "", "store")}


def test_a_store_of_a_store_namespace_concerns_whoever_has_none_of_his_own(seen: Any, seen_store: Any) -> None:
    known = inventory(store_namespaces=("stores", "more"))
    known.put_manifest(seen())
    assert known.put_store(seen_store(metadata={"namespace": "stores"})) == [KEY]
    assert known.ours() == [KEY]
    assert known.put_store(seen_store(metadata={"namespace": "unrelated"})) == []
    assert known.put_store(seen_store(metadata={"namespace": "more"})) == [KEY]
    assert known.ours() == []  # two could be meant


def test_who_writes_a_secret(seen: Any) -> None:
    known = inventory()
    known.put_manifest(seen())
    known.put_manifest(seen("other", spec={"target": {"name": "app"}}))
    assert known.writers_of("app", namespace="ns") == [KEY, ("ns", "other")]
    known.put_manifest(seen("other", metadata={"generation": 2}, spec={"target": {"name": "third"}}))
    assert known.writers_of("app", namespace="ns") == [KEY]
    assert known.writers_of("third", namespace="ns") == [("ns", "other")]
    assert known.remove_manifest(KEY)
    assert not known.remove_manifest(KEY)
    assert known.writers_of("app", namespace="ns") == []
    assert known.manifest(KEY) is None
    assert known.manifests_of("ns") == known.manifests_of("") == {("ns", "other")}


def test_whose_secrets_there_are() -> None:
    known, target = inventory(), SecretTarget(name="app", namespace="ns")
    assert not known.may_own_others(target)
    known.put_secret("app", namespace="ns", created_by=target.created_by)
    known.put_secret("unrelated", namespace="ns", created_by="")
    known.put_secret("old", namespace="elsewhere", created_by=target.created_by)
    assert not known.may_own_others(target)
    known.put_secret("old", namespace="ns", created_by=target.created_by)
    assert known.may_own_others(target)
    assert known.secrets_of("ns") == {("ns", "app"), ("ns", "old")}
    assert len(known.secrets_of("")) == 3
    known.put_secret("old", namespace="ns", created_by="somebody-else")
    assert not known.may_own_others(target)
    known.put_secret("old", namespace="ns", created_by=target.created_by)
    known.remove_secret("old", namespace="ns")
    known.remove_secret("old", namespace="ns")
    assert not known.may_own_others(target)


def test_a_manifest_that_cannot_be_read_leaves_the_catalog(seen: Any) -> None:
    catalog = LiveCatalog()
    known = Inventory(catalog, controller_class="default")
    known.put_manifest(seen())
    assert len(catalog.external_secrets) == 1
    known.put_manifest(seen(metadata={"generation": 2}, spec={"refreshInterval": "soon"}))
    assert catalog.external_secrets == ()
    found = known.manifest(KEY)
    assert found is not None
    assert found.fault is not None
