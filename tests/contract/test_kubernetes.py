from __future__ import annotations

import base64
import itertools
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Fetch, Preview, PushTarget, StoreClient, StoreContext
from virtrigaud_secrets.stores.kubernetes import FACTORY
from virtrigaud_secrets.testing.contract import (
    CANARY,
    PROPERTIES,
    STORE,
    NoReferences,
    StoreContract,
    StoreHarness,
    store_context,
)
from virtrigaud_secrets.testing.servers import KubernetesAPI
from virtrigaud_secrets.testing.write_contract import WritableStoreContract, WritableStoreHarness

pytestmark = pytest.mark.integration

_numbers = itertools.count()


@pytest.fixture(scope="module")
def cluster() -> Iterator[KubernetesAPI]:
    reason = KubernetesAPI.missing_reason()
    if reason and os.environ.get("VIRTRIGAUD_SECRETS_REQUIRE_SERVERS") == "1":
        pytest.fail(f"a server is required and missing: {reason}", pytrace=False)
    if reason:
        pytest.skip(f"server missing: {reason}")
    with KubernetesAPI() as server:
        yield server


class OneToken(NoReferences):
    """The token to log in with. Without it nothing can be sent, so asking for it counts as a request."""

    def __init__(self, token: Sensitive) -> None:
        self.token = token
        self.asked = 0

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        self.asked += 1
        return self.token


class Namespace(StoreHarness):
    """A namespace of its own for each test, and an account that may get its Secrets and do nothing else."""

    verbs: tuple[str, ...] = ("get",)

    def __init__(self, server: KubernetesAPI) -> None:
        self.server = server
        self.name = f"contract-{next(_numbers)}"
        server.create("Namespace", self.name)
        server.create("ServiceAccount", "reader", namespace=self.name)
        subject = {"kind": "ServiceAccount", "name": "reader", "namespace": self.name}
        server.grant(subject, namespace=self.name, resource="secrets", verbs=self.verbs)
        self.references = OneToken(server.service_account_token("reader", namespace=self.name))
        self.spec = KubernetesProvider.model_validate(
            {
                "server": {"url": server.address, "caBundle": base64.b64encode(server.ca_pem).decode()},
                "auth": {"token": {"bearerToken": {"name": "token", "key": "token"}}},
                "remoteNamespace": self.name,
            }
        )

    def context(self) -> StoreContext:
        return replace(store_context(clock=SystemClock()), references=self.references)

    def put(self, name: str, properties: Mapping[str, str]) -> Fetch:
        self.server.create("Secret", name, namespace=self.name, stringData=dict(properties))
        return Fetch(store=STORE, key=name)

    def absent(self) -> Fetch:
        return Fetch(store=STORE, key="absent")

    def connect(self) -> StoreClient:
        return FACTORY.connect(self.spec, self.context())

    def preview(self, fetch: Fetch) -> Preview:
        return FACTORY.preview(self.spec, fetch, self.context())

    def requests(self) -> int:
        return self.references.asked


class TestKubernetes(StoreContract):
    @pytest.fixture
    def store(self, cluster: KubernetesAPI) -> StoreHarness:
        return Namespace(cluster)

    def test_entries_of_a_property_are_its_members(self, store: StoreHarness) -> None:
        """Here they are JSON texts again, so that a text keeps its quotes: ESO's provider does so."""
        fetch = store.put("members", PROPERTIES)
        with store.connect() as client:
            entries = client.get(fetch).payload.entries("nested")
        assert entries["inner"].decode() == f'"inner-{CANARY}"'
        assert json.loads(entries["deeper"]) == {"number": 1}


class WritableNamespace(Namespace, WritableStoreHarness):
    """As above; the account may write, too, and not list."""

    verbs = ("get", "create", "update", "delete")
    owns = False

    def target(self, name: str, property_name: str = "") -> PushTarget:
        return PushTarget(store=STORE, key=name, property=property_name)

    def reading(self, target: PushTarget) -> Fetch:
        return Fetch(store=STORE, key=target.key)

    def put_foreign(self, name: str, properties: Mapping[str, str]) -> None:
        self.put(name, properties)

    def writes(self) -> int:
        """A number for the versions of all Secrets."""
        items = self.server.ask("GET", f"api/v1/namespaces/{self.name}/secrets")["items"]
        assert isinstance(items, list)
        return hash(tuple(sorted(item["metadata"]["resourceVersion"] for item in items)))


class TestPushToKubernetes(WritableStoreContract):
    @pytest.fixture
    def store(self, cluster: KubernetesAPI) -> WritableStoreHarness:
        return WritableNamespace(cluster)
