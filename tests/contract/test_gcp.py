from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch, Preview, PushTarget, StoreClient, StoreContext
from virtrigaud_secrets.stores.gcp import FACTORY
from virtrigaud_secrets.testing.contract import STORE, VersionedStoreContract, VersionedStoreHarness, store_context
from virtrigaud_secrets.testing.servers.google_identity import Machine
from virtrigaud_secrets.testing.servers.secret_manager import SecretManager
from virtrigaud_secrets.testing.write_contract import WritableStoreContract, WritableStoreHarness

pytestmark = pytest.mark.integration

_numbers = itertools.count()


@pytest.fixture(scope="module")
def google() -> Iterator[SecretManager]:
    with SecretManager() as server:
        server.identity.machine = Machine("contract", "pod@contract.iam.gserviceaccount.com")
        yield server


class Project(VersionedStoreHarness):
    """A project of its own for each test."""

    location = ""

    def __init__(self, server: SecretManager, directory: Path) -> None:
        self.server = server
        self.project = f"contract-{next(_numbers)}"
        self.settings = Settings(endpoints=server.endpoints("europe-west3"), ca_file=server.write_ca(directory))
        self.start = len(server.asked)

    def spec(self) -> GCPSMProvider:
        return GCPSMProvider.model_validate({"projectID": self.project, "location": self.location or None})

    def context(self) -> StoreContext:
        return store_context(settings=self.settings, clock=SystemClock())

    def put(self, name: str, properties: Mapping[str, str]) -> Fetch:
        self.write(name, properties)
        return Fetch(store=STORE, key=name)

    def put_version(self, name: str, properties: Mapping[str, str]) -> Fetch:
        return Fetch(store=STORE, key=name, version=self.write(name, properties))

    def write(self, name: str, properties: Mapping[str, str]) -> str:
        return self.server.secrets.add(self.project, name, json.dumps(dict(properties)), location=self.location)

    def absent(self) -> Fetch:
        return Fetch(store=STORE, key="absent")

    def connect(self) -> StoreClient:
        return FACTORY.connect(self.spec(), self.context())

    def preview(self, fetch: Fetch) -> Preview:
        return FACTORY.preview(self.spec(), fetch, self.context())

    def requests(self) -> int:
        return len(self.server.asked) - self.start


class Regional(Project):
    location = "europe-west3"


class TestGcp(VersionedStoreContract):
    @pytest.fixture(params=[Project, Regional])
    def store(self, request: pytest.FixtureRequest, google: SecretManager, tmp_path: Path) -> VersionedStoreHarness:
        harness: type[Project] = request.param
        return harness(google, tmp_path)


class Writable(Project, WritableStoreHarness):
    def target(self, name: str, property_name: str = "") -> PushTarget:
        return PushTarget(store=STORE, key=name, property=property_name)

    def reading(self, target: PushTarget) -> Fetch:
        return Fetch(store=STORE, key=target.key)

    def put_foreign(self, name: str, properties: Mapping[str, str]) -> None:
        self.write(name, properties)

    def writes(self) -> int:
        return self.server.secrets.changes


class WritableRegional(Writable, Regional):
    pass


class TestPushToGcp(WritableStoreContract):
    @pytest.fixture(params=[Writable, WritableRegional])
    def store(self, request: pytest.FixtureRequest, google: SecretManager, tmp_path: Path) -> WritableStoreHarness:
        harness: type[Writable] = request.param
        return harness(google, tmp_path)
