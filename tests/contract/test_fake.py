from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from virtrigaud_secrets.models.backends.fake import FakeProvider, FakeProviderData
from virtrigaud_secrets.stores.base import Fetch, Preview, PushTarget, StoreClient
from virtrigaud_secrets.stores.fake import FACTORY, FakeClient
from virtrigaud_secrets.testing.contract import STORE, VersionedStoreContract, VersionedStoreHarness, store_context
from virtrigaud_secrets.testing.write_contract import WritableStoreContract, WritableStoreHarness


class FakeHarness(VersionedStoreHarness):
    def __init__(self) -> None:
        self._data: list[FakeProviderData] = []

    def put(self, name: str, properties: Mapping[str, str]) -> Fetch:
        return self._put(name, properties, version="")

    def put_version(self, name: str, properties: Mapping[str, str]) -> Fetch:
        return self._put(name, properties, version=f"v{len(self._data)}")

    def absent(self) -> Fetch:
        return Fetch(store=STORE, key="contract/absent")

    def connect(self) -> StoreClient:
        return FACTORY.connect(self._spec(), store_context())

    def preview(self, fetch: Fetch) -> Preview:
        return FACTORY.preview(self._spec(), fetch, store_context())

    def _put(self, name: str, properties: Mapping[str, str], *, version: str) -> Fetch:
        key = f"contract/{name}"
        self._data.append(FakeProviderData(key=key, value=json.dumps(dict(properties)), version=version))
        return Fetch(store=STORE, key=key, version=version)

    def _spec(self) -> FakeProvider:
        return FakeProvider(data=tuple(self._data))


class TestFake(VersionedStoreContract):
    @pytest.fixture
    def store(self) -> VersionedStoreHarness:
        return FakeHarness()


class WritableFake(FakeHarness, WritableStoreHarness):
    keeps = False

    def __init__(self) -> None:
        super().__init__()
        self.clients: list[FakeClient] = []

    def connect(self) -> StoreClient:
        client = super().connect()
        assert isinstance(client, FakeClient)
        self.clients.append(client)
        return client

    def target(self, name: str, property_name: str = "") -> PushTarget:
        return PushTarget(store=STORE, key=f"contract/{name}", property=property_name)

    def reading(self, target: PushTarget) -> Fetch:
        return Fetch(store=STORE, key=target.key)

    def put_foreign(self, name: str, properties: Mapping[str, str]) -> None:
        self.put(name, properties)

    def writes(self) -> int:
        """The objects that are kept: a write puts another in place."""
        return hash(tuple((key, id(value)) for client in self.clients for key, (_, value) in client._data.items()))


class TestPush(WritableStoreContract):
    @pytest.fixture
    def store(self) -> WritableStoreHarness:
        return WritableFake()
