"""The contract that every store keeps, and what is this store's own. Run by pytest, with the package installed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from virtrigaud_secrets_encrypted_file import FACTORY
from virtrigaud_secrets_encrypted_file.__main__ import keep
from virtrigaud_secrets_encrypted_file.spec import EncryptedFileProvider

from virtrigaud_secrets.errors import AuthenticationError, SecretNotFoundError, StoreError, StoreUnavailableError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores import Fetch, Preview, Query, StoreClient, StoreContext, StoreKey
from virtrigaud_secrets.testing import ManualClock, NoReferences, StoreContract, StoreHarness
from virtrigaud_secrets.testing.contract import CANARY, STORE


class OneKey(NoReferences):
    """A cluster with one Secret."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        assert (name, key, namespace) == ("file-key", "key", STORE.namespace)
        return Sensitive(self.key)


class EncryptedFile(StoreHarness):
    """Says how secrets get into the store under test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.references = OneKey(Fernet.generate_key())
        self.spec = EncryptedFileProvider.model_validate(
            {"path": str(path), "keySecretRef": {"name": "file-key", "key": "key"}}
        )

    def put(self, name: str, properties: Mapping[str, str]) -> Fetch:
        keep(self.path, name, json.dumps(dict(properties)).encode(), key=self.references.key.split()[0])
        return Fetch(store=STORE, key=name)

    def absent(self) -> Fetch:
        return Fetch(store=STORE, key="absent")

    def connect(self) -> StoreClient:
        return FACTORY.connect(self.spec, self.context())

    def preview(self, fetch: Fetch) -> Preview:
        return FACTORY.preview(self.spec, fetch, self.context())

    def context(self) -> StoreContext:
        return StoreContext(
            store=STORE,
            namespace=STORE.namespace,
            settings=Settings(),
            clock=ManualClock(),
            references=self.references,
        )


@pytest.fixture
def store(tmp_path: Path) -> EncryptedFile:
    return EncryptedFile(tmp_path / "secrets.json")


class TestContract(StoreContract):
    """Some twenty promises, inherited. The fixture above is all they need."""


def failure(store: EncryptedFile, kind: type[StoreError]) -> StoreError:
    with store.connect() as client, pytest.raises(kind) as caught:
        client.get(Fetch(store=STORE, key="a"))
    assert str(store.path) in str(caught.value)
    assert CANARY not in str(caught.value)
    assert store.references.key.decode() not in str(caught.value)
    return caught.value


def test_another_key_is_told_from_a_missing_secret(store):
    store.put("a", {"password": CANARY})
    store.references.key = Fernet.generate_key()
    assert "keySecretRef" in failure(store, AuthenticationError).reason
    store.references.key = b"no key at all"
    failure(store, AuthenticationError)


def test_an_older_key_still_reads_while_keys_are_replaced(store):
    fetch = store.put("a", {"password": CANARY})
    store.references.key = Fernet.generate_key() + b"\n" + store.references.key + b"\n"
    with store.connect() as client:
        assert client.get(fetch).payload.property("password").decode() == CANARY


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{", b"[" * 100_000])
def test_a_file_that_is_none_is_not_a_missing_secret(store, content):
    if content is not None:
        store.path.write_bytes(content)
    error = failure(store, StoreUnavailableError)
    assert not isinstance(error, SecretNotFoundError)


def test_a_changed_token_is_no_secret(store):
    store.put("a", {"password": CANARY})
    tokens = json.loads(store.path.read_text())
    raw = bytearray(base64.urlsafe_b64decode(tokens["a"]))
    raw[-1] ^= 1
    store.path.write_text(json.dumps({"a": base64.urlsafe_b64encode(bytes(raw)).decode()}))
    failure(store, AuthenticationError)


def test_a_search_by_name(store):
    for name in ("vsphere-a", "vsphere-b", "libvirt"):
        store.put(name, {"name": name})
    with store.connect() as client:
        found = client.find(Query(store=STORE, name="^vsphere-"))
    assert {name: answer.payload.property("name").decode() for name, answer in found.items()} == {
        "vsphere-a": "vsphere-a",
        "vsphere-b": "vsphere-b",
    }


def test_a_cluster_store_reads_its_key_where_it_says(store):
    # In a ClusterSecretStore, keySecretRef.namespace counts; `secret` knows that.
    context = StoreContext(
        store=StoreKey("ClusterSecretStore", "team", "sealed"),
        namespace="team",
        settings=Settings(),
        clock=ManualClock(),
        references=store.references,
    )
    fetch = store.put("a", {"password": CANARY})
    spec = EncryptedFileProvider.model_validate(
        {
            "path": str(store.path),
            "keySecretRef": {"name": "file-key", "key": "key", "namespace": STORE.namespace},
        }
    )
    with FACTORY.connect(spec, context) as client:
        assert client.get(fetch).payload.property("password").decode() == CANARY
