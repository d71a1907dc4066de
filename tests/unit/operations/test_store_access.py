"""Stores by their names."""

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import StoreNotFoundError
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.operations.store_access import find_store, store_access
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import RetryPolicy, StoreKey
from virtrigaud_secrets.testing.contract import NoReferences

STORES = """
{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: s, namespace: ns},
 spec: {provider: {fake: {data: [{key: a, value: b}]}}}}
---
{apiVersion: external-secrets.io/v1, kind: ClusterSecretStore, metadata: {name: c},
 spec: {provider: {fake: {data: [{key: a, value: b}]}}}}
"""


@pytest.fixture
def catalog(tmp_path):
    (tmp_path / "stores.yaml").write_text(STORES)
    return load(tmp_path)


@pytest.mark.parametrize(
    ("name", "key"),
    [("ns/s", StoreKey("SecretStore", "ns", "s")), ("c", StoreKey("ClusterSecretStore", "", "c"))],
)
def test_a_store_and_what_its_client_is_given(catalog, name, key):
    found = store_access(find_store(catalog, name), settings=Settings(), clock=SystemClock(), references=NoReferences())
    assert found.context.store == key
    assert found.context.namespace == key.namespace
    assert found.context.retry == RetryPolicy(retries=0)
    assert found.backend == "fake"
    assert found.spec.data[0].key == "a"


@pytest.mark.parametrize("name", ["s", "ns/c", "other/s"])
def test_what_is_not_there(catalog, name):
    with pytest.raises(StoreNotFoundError, match=r"there are: ns/s, c$"):
        find_store(catalog, name)
