from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from virtrigaud_secrets.models.backends.fake import FakeProvider, FakeProviderData
from virtrigaud_secrets.stores.base import Fetch, Preview, StoreClient
from virtrigaud_secrets.stores.fake import FACTORY
from virtrigaud_secrets.testing.contract import STORE, VersionedStoreContract, VersionedStoreHarness, store_context


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
