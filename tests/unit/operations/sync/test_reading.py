from __future__ import annotations

from typing import Any

import pytest

from virtrigaud_secrets.errors import ManifestError
from virtrigaud_secrets.operations.sync.reading import (
    StoreName,
    read_external_secret,
    read_generator,
    read_store,
    texts,
)
from virtrigaud_secrets.stores.cluster_objects import EXTERNAL_SECRETS, SECRET_STORES, Resource

FAKE = Resource("generators.external-secrets.io", "v1alpha1", "fakes", "Fake")


def test_an_external_secret_with_what_a_server_adds(es: Any) -> None:
    metadata = {
        "managedFields": [{"manager": "kubectl"}],
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["a/b"],
    }
    seen = read_external_secret(es(metadata=metadata, status={"refreshTime": "x"}), EXTERNAL_SECRETS)
    assert seen.fault is None
    assert seen.document is not None
    assert seen.document.subject == "ExternalSecret ns/app"
    assert (seen.key, seen.uid, seen.generation, seen.finalizers) == (("ns", "app"), "uid-app", 1, ("a/b",))
    assert seen.status == {"refreshTime": "x"}
    assert not seen.is_going
    assert not seen.uses_generators


def test_its_stores_and_generators(es: Any) -> None:
    data_from = [
        {"extract": {"key": "a"}, "sourceRef": {"storeRef": {"name": "two"}}},
        {"sourceRef": {"generatorRef": {"kind": "UUID", "name": "g"}}},
    ]
    entry = {"secretKey": "b", "remoteRef": {"key": "b"}}
    third = {**entry, "secretKey": "c", "sourceRef": {"storeRef": {"name": "three", "kind": "ClusterSecretStore"}}}
    seen = read_external_secret(es(spec={"data": [entry, third], "dataFrom": data_from}), EXTERNAL_SECRETS)
    assert seen.fault is None
    assert seen.uses_generators
    assert seen.stores == {
        StoreName("SecretStore", "ns", "store"),
        StoreName("SecretStore", "ns", "two"),
        StoreName("ClusterSecretStore", "", "three"),
    }


def test_annotations_do_not_show(es: Any) -> None:
    seen = read_external_secret(es(metadata={"annotations": {"note": "planted"}}), EXTERNAL_SECRETS)
    assert "planted" not in repr(seen).replace(repr(seen.document), "")


@pytest.mark.parametrize(
    "spec",
    [
        {"refreshInterval": "soon"},
        {"unheardOf": 1},
        {"data": None, "dataFrom": None},
        {"secretStoreRef": {"kind": "x"}},
    ],
)
def test_what_cannot_be_read_says_why(es: Any, spec: dict[str, object]) -> None:
    seen = read_external_secret(es(spec=spec), EXTERNAL_SECRETS)
    assert seen.document is None
    assert isinstance(seen.fault, ManifestError)
    assert "ExternalSecret ns/app cannot be read" in str(seen.fault)
    assert seen.fault.findings


@pytest.mark.parametrize("body", [{}, {"metadata": None, "spec": 7}, {"metadata": {"name": 7}, "spec": {"data": {}}}])
def test_nonsense_is_read_as_nothing(body: dict[str, object]) -> None:
    assert read_external_secret(body, EXTERNAL_SECRETS).document is None
    assert read_store(body, SECRET_STORES).document is None


def test_a_store_is_read_strictly(store: Any) -> None:
    seen = read_store(store(), SECRET_STORES)
    assert (seen.store, seen.controller, seen.fault) == (
        StoreName("SecretStore", "ns", "store"),
        "virtrigaud-secrets",
        None,
    )
    guide = {"fake": None, "gcpsm": {"projectId": "p"}}  # the guide's spelling, which a lenient reader repairs
    assert read_store(store(spec={"provider": guide}), SECRET_STORES).fault is not None


def test_generators() -> None:
    body = {"metadata": {"name": "g", "namespace": "ns"}, "spec": {"data": {"a": "b"}}}
    assert read_generator(body, FAKE).subject == "Fake ns/g"
    with pytest.raises(ManifestError):
        read_generator({**body, "spec": {"data": 7}}, FAKE)


def test_only_texts_are_texts() -> None:
    assert texts({"a": "b", "c": 7}) == {"a": "b"}
    assert texts(None) == {}
