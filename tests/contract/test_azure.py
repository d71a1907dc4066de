from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.azure import FACTORY
from virtrigaud_secrets.stores.base import Fetch, Preview, PushTarget, StoreClient, StoreContext
from virtrigaud_secrets.testing.contract import STORE, VersionedStoreContract, VersionedStoreHarness, store_context
from virtrigaud_secrets.testing.servers import KeyVault
from virtrigaud_secrets.testing.write_contract import WritableStoreContract, WritableStoreHarness

pytestmark = pytest.mark.integration

_numbers = itertools.count()


@pytest.fixture(scope="module")
def key_vault() -> Iterator[KeyVault]:
    with KeyVault() as server:
        server.entra.add_identity()
        yield server


class Vault(VersionedStoreHarness):
    """A vault of its own name for each test."""

    def __init__(self, server: KeyVault, directory: Path) -> None:
        self.server = server
        self.prefix = f"contract-{next(_numbers)}"
        self.url = f"https://{self.prefix}.vault.azure.net"
        self.ca_file = directory / "ca.pem"
        self.ca_file.write_bytes(server.ca_pem)
        self.start = len(server.requests)
        self.spec = AzureKVProvider.model_validate({"vaultUrl": self.url, "authType": "ManagedIdentity"})

    def context(self) -> StoreContext:
        settings = Settings(ca_file=self.ca_file, endpoints=self.server.endpoints(self.url))
        return store_context(settings=settings, clock=SystemClock())

    def put(self, name: str, properties: Mapping[str, str]) -> Fetch:
        self.server.set_secret(f"{self.prefix}-{name}", json.dumps(properties))
        return Fetch(store=STORE, key=f"secret/{self.prefix}-{name}")

    def put_version(self, name: str, properties: Mapping[str, str]) -> Fetch:
        version = self.server.set_secret(f"{self.prefix}-{name}", json.dumps(properties))
        return Fetch(store=STORE, key=f"{self.prefix}-{name}", version=version)

    def absent(self) -> Fetch:
        return Fetch(store=STORE, key=f"{self.prefix}-absent")

    def connect(self) -> StoreClient:
        return FACTORY.connect(self.spec, self.context())

    def preview(self, fetch: Fetch) -> Preview:
        return FACTORY.preview(self.spec, fetch, self.context())

    def requests(self) -> int:
        return len(self.server.requests) - self.start


class TestKeyVault(VersionedStoreContract):
    @pytest.fixture
    def store(self, key_vault: KeyVault, tmp_path: Path) -> VersionedStoreHarness:
        return Vault(key_vault, tmp_path)


class WritableVault(Vault, WritableStoreHarness):
    def target(self, name: str, property_name: str = "") -> PushTarget:
        return PushTarget(store=STORE, key=f"{self.prefix}-{name}", property=property_name)

    def reading(self, target: PushTarget) -> Fetch:
        return Fetch(store=STORE, key=target.key)

    def put_foreign(self, name: str, properties: Mapping[str, str]) -> None:
        self.put(name, properties)

    def writes(self) -> int:
        # A challenge is no write: the first request to a vault is answered with who should log in where.
        return sum(one.method != "GET" and bool(one.client_id) for one in self.server.requests)


class TestPushToKeyVault(WritableStoreContract):
    @pytest.fixture
    def store(self, key_vault: KeyVault, tmp_path: Path) -> WritableStoreHarness:
        return WritableVault(key_vault, tmp_path)
