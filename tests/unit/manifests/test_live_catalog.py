from __future__ import annotations

from typing import Any

import pytest

from virtrigaud_secrets.errors import ManifestNotFoundError, StoreNotFoundError
from virtrigaud_secrets.manifests.catalog import Document
from virtrigaud_secrets.manifests.live_catalog import LiveCatalog
from virtrigaud_secrets.models.external_secret import ExternalSecretSpec, GeneratorRef, SecretStoreRef
from virtrigaud_secrets.models.generators.fake import FakeSpec
from virtrigaud_secrets.models.secret_store import SecretStoreSpec
from virtrigaud_secrets.settings import Settings

STRICT = Settings(strict=True)


def external_secret(name: str = "app", **spec: Any) -> Document[ExternalSecretSpec]:
    return Document(kind="ExternalSecret", name=name, namespace="ns", spec=ExternalSecretSpec.model_validate(spec))


def store(name: str = "store", namespace: str = "ns", *, kind: str = "SecretStore", value: str = "x") -> Any:
    spec = {"provider": {"fake": {"data": [{"key": "a", "value": value}]}}}
    return Document(kind=kind, name=name, namespace=namespace, spec=SecretStoreSpec.model_validate(spec))


def found(catalog: LiveCatalog, name: str = "store", kind: Any = None) -> str:
    reference = SecretStoreRef(name=name, kind=kind)
    return catalog.store_for(reference, namespace="ns", settings=STRICT).document.subject


def test_external_secrets_come_and_go() -> None:
    catalog = LiveCatalog()
    assert catalog.put_external_secret(external_secret())
    assert not catalog.put_external_secret(external_secret())
    assert catalog.put_external_secret(external_secret(refreshPolicy="OnChange"))
    assert catalog.external_secret("app", namespace="ns").spec.refresh_policy == "OnChange"
    assert catalog.remove_external_secret("app", namespace="ns")
    assert not catalog.remove_external_secret("app", namespace="ns")
    with pytest.raises(ManifestNotFoundError):
        catalog.external_secret("app", namespace="ns")


def test_stores_of_both_kinds_come_and_go() -> None:
    catalog = LiveCatalog()
    assert catalog.put_store(store())
    assert not catalog.put_store(store())
    assert catalog.put_store(store(value="y"))
    assert catalog.put_store(store(namespace="", kind="ClusterSecretStore"))
    assert found(catalog) == "SecretStore ns/store"
    assert found(catalog, kind="ClusterSecretStore") == "ClusterSecretStore store"
    assert len(catalog.stores) == 2
    assert catalog.store("ClusterSecretStore", "store", namespace="") is not None
    assert catalog.remove_store("SecretStore", "store", namespace="ns")
    assert not catalog.remove_store("SecretStore", "store", namespace="ns")
    assert catalog.remove_store("ClusterSecretStore", "store", namespace="")
    with pytest.raises(StoreNotFoundError):
        found(catalog)


def test_other_namespaces_are_looked_at_only_where_somebody_said_so() -> None:
    closed, opened = LiveCatalog(), LiveCatalog(store_namespaces=("one", "two"))
    for catalog in (closed, opened):
        catalog.put_store(store(namespace="one"))
        catalog.put_store(store("elsewhere", namespace="three"))
    with pytest.raises(StoreNotFoundError):
        found(closed)
    assert found(opened) == "SecretStore one/store"
    with pytest.raises(StoreNotFoundError):
        found(opened, "elsewhere")
    opened.put_store(store(namespace="two"))
    with pytest.raises(StoreNotFoundError):
        found(opened)
    opened.put_store(store())
    assert found(opened) == "SecretStore ns/store"


def test_generators_are_asked_for() -> None:
    reference = GeneratorRef(kind="Fake", name="g")
    known: Any = Document(kind="Fake", name="g", namespace="ns", spec=FakeSpec(data={"a": "b"}))
    asked: list[tuple[str, str]] = []

    def find(reference: GeneratorRef, namespace: str) -> Any:
        asked.append((reference.name, namespace))
        return known if namespace == "ns" else None

    catalog = LiveCatalog(find_generator=find)
    assert catalog.generator(reference, namespace="ns") is known
    with pytest.raises(ManifestNotFoundError, match='no Fake "g" in namespace "other"'):
        catalog.generator(reference, namespace="other")
    with pytest.raises(ManifestNotFoundError):
        LiveCatalog().generator(reference, namespace="ns")
    assert asked == [("g", "ns"), ("g", "other")]
