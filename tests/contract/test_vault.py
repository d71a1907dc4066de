from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.models.backends.openbao import OpenBaoProvider
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch, Preview, PushTarget, StoreClient, StoreContext
from virtrigaud_secrets.stores.vault import FACTORY, openbao
from virtrigaud_secrets.testing.contract import (
    STORE,
    NoReferences,
    StoreContract,
    StoreHarness,
    VersionedStoreContract,
    VersionedStoreHarness,
    store_context,
)
from virtrigaud_secrets.testing.servers import OpenBao
from virtrigaud_secrets.testing.write_contract import WritableStoreContract, WritableStoreHarness

pytestmark = pytest.mark.integration

_numbers = itertools.count()


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    reason = OpenBao.missing_reason()
    if reason and os.environ.get("VIRTRIGAUD_SECRETS_REQUIRE_SERVERS") == "1":
        pytest.fail(f"a server is required and missing: {reason}", pytrace=False)
    if reason:
        pytest.skip(f"server missing: {reason}")
    with OpenBao() as server:
        yield server


class Kv(StoreHarness):
    """A KV engine of its own for each test."""

    version = "1"

    def __init__(self, server: OpenBao) -> None:
        self.server = server
        self.mount = f"kv{self.version}-{next(_numbers)}"
        server.ask("POST", f"sys/mounts/{self.mount}", {"type": "kv", "options": {"version": self.version}})
        self.spec = VaultProvider.model_validate(
            {"server": server.address, "path": self.mount, "version": f"v{self.version}"}
        )
        self.start = len(server.audit_entries())

    def context(self) -> StoreContext:
        settings = Settings(vault_token=self.server.root_token, ca_file=self.server.ca_file)
        return store_context(settings=settings, clock=SystemClock())

    def put(self, name: str, properties: Mapping[str, str]) -> Fetch:
        self.write(name, properties)
        return Fetch(store=STORE, key=f"{self.mount}/{name}")

    def write(self, name: str, properties: Mapping[str, str]) -> dict[str, object]:
        return self.server.ask("POST", f"{self.mount}/{name}", properties)

    def absent(self) -> Fetch:
        return Fetch(store=STORE, key=f"{self.mount}/absent")

    def connect(self) -> StoreClient:
        return FACTORY.connect(self.spec, self.context())

    def preview(self, fetch: Fetch) -> Preview:
        return FACTORY.preview(self.spec, fetch, self.context())

    def requests(self) -> int:
        return len(self.server.audit_entries(after=self.start))


class VersionedKv(Kv, VersionedStoreHarness):
    version = "2"

    def __init__(self, server: OpenBao) -> None:
        super().__init__(server)
        server.process.wait_until(self.takes_writes, timeout=timedelta(seconds=15))
        self.start = len(server.audit_entries())

    def takes_writes(self) -> bool:
        """A new engine of version 2 is prepared in the background."""
        try:
            self.server.ask("GET", f"{self.mount}/config")
        except LocalServerError:
            return False
        return True

    def write(self, name: str, properties: Mapping[str, str]) -> dict[str, object]:
        return self.server.ask("POST", f"{self.mount}/data/{name}", {"data": dict(properties)})

    def put_version(self, name: str, properties: Mapping[str, str]) -> Fetch:
        answer = self.write(name, properties)
        data = answer["data"]
        assert isinstance(data, dict)
        return Fetch(store=STORE, key=f"{self.mount}/{name}", version=str(data["version"]))


class TestKvVersion1(StoreContract):
    @pytest.fixture
    def store(self, bao: OpenBao) -> StoreHarness:
        return Kv(bao)


class TestKvVersion2(VersionedStoreContract):
    @pytest.fixture
    def store(self, bao: OpenBao) -> VersionedStoreHarness:
        return VersionedKv(bao)


class OwnRules(VersionedKv):
    """The same engine, read by ESO's rules for OpenBao."""

    def own(self, fetch: Fetch) -> Fetch:
        return replace(fetch, key=fetch.key.removeprefix(f"{self.mount}/"))

    def put(self, name: str, properties: Mapping[str, str]) -> Fetch:
        return self.own(super().put(name, properties))

    def put_version(self, name: str, properties: Mapping[str, str]) -> Fetch:
        return self.own(super().put_version(name, properties))

    def absent(self) -> Fetch:
        return self.own(super().absent())

    def context(self) -> StoreContext:
        return replace(super().context(), references=Token(self.server.root_token))

    @property
    def own_spec(self) -> OpenBaoProvider:
        auth = {"tokenSecretRef": {"name": "login", "key": "token"}}
        return OpenBaoProvider.model_validate({"server": self.server.address, "path": self.mount, "auth": auth})

    def connect(self) -> StoreClient:
        return openbao.FACTORY.connect(self.own_spec, self.context())

    def preview(self, fetch: Fetch) -> Preview:
        return openbao.FACTORY.preview(self.own_spec, fetch, self.context())


class Token(NoReferences):
    """A cluster with one Secret."""

    def __init__(self, token: Sensitive) -> None:
        self.token = token

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        return self.token


class TestOpenBao(VersionedStoreContract):
    @pytest.fixture
    def store(self, bao: OpenBao) -> VersionedStoreHarness:
        return OwnRules(bao)


WRITES = {"create", "update", "delete", "patch"}


class WritableKv(Kv, WritableStoreHarness):
    """The same engine, pushed to."""

    def target(self, name: str, property_name: str = "") -> PushTarget:
        return PushTarget(store=STORE, key=name, property=property_name)

    def reading(self, target: PushTarget) -> Fetch:
        return Fetch(store=STORE, key=f"{self.mount}/{target.key}")

    def values(self, client: StoreClient, target: PushTarget) -> object:
        found = json.loads(client.get(self.reading(target)).payload.whole())
        found.pop("custom_metadata", None)  # version 1 has no other place for the mark
        return found

    def put_foreign(self, name: str, properties: Mapping[str, str]) -> None:
        self.put(name, properties)

    def writes(self) -> int:
        return sum(1 for entry in self.server.audit_entries(after=self.start) if entry.operation in WRITES)


class WritableVersionedKv(VersionedKv, WritableKv):
    """As above, in version 2."""


class TestPushToKvVersion1(WritableStoreContract):
    @pytest.fixture
    def store(self, bao: OpenBao) -> WritableStoreHarness:
        return WritableKv(bao)


class TestPushToKvVersion2(WritableStoreContract):
    @pytest.fixture
    def store(self, bao: OpenBao) -> WritableStoreHarness:
        return WritableVersionedKv(bao)
