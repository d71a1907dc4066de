from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.models.backends.aws import AWSProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.aws import FACTORY
from virtrigaud_secrets.stores.base import Fetch, Preview, PushTarget, StoreClient, StoreContext
from virtrigaud_secrets.testing.contract import (
    STORE,
    NoReferences,
    VersionedStoreContract,
    VersionedStoreHarness,
)
from virtrigaud_secrets.testing.servers.aws import ACCESS_KEY, REGION, AWSServices
from virtrigaud_secrets.testing.write_contract import WritableStoreContract, WritableStoreHarness

pytestmark = pytest.mark.integration

_numbers = itertools.count()


@pytest.fixture(scope="module")
def services() -> Iterator[AWSServices]:
    reason = AWSServices.missing_reason()
    if reason and os.environ.get("VIRTRIGAUD_SECRETS_REQUIRE_SERVERS") == "1":
        pytest.fail(f"a server is required and missing: {reason}", pytrace=False)
    if reason:
        pytest.skip(f"server missing: {reason}")
    with AWSServices() as server:
        yield server


@pytest.fixture(scope="module")
def sdk(services: AWSServices) -> Mapping[str, Any]:
    import boto3

    session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key="k", region_name=REGION)
    return {name: session.client(name, endpoint_url=services.address) for name in ("secretsmanager", "ssm")}


class Keys(NoReferences):
    """The Secret with the access key."""

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        return Sensitive(ACCESS_KEY if key == "id" else "secret")


class Harness(VersionedStoreHarness):
    """Names of its own for each test."""

    service = "SecretsManager"

    def __init__(self, services: AWSServices, sdk: Mapping[str, Any]) -> None:
        self.services = services
        self.sdk = sdk
        self.prefix = f"/contract-{next(_numbers)}/"
        reference = {"name": "aws-keys"}
        self.spec = AWSProvider.model_validate(
            {
                "service": self.service,
                "region": REGION,
                "prefix": self.prefix,
                "auth": {
                    "secretRef": {
                        "accessKeyIDSecretRef": {**reference, "key": "id"},
                        "secretAccessKeySecretRef": {**reference, "key": "secret"},
                    }
                },
            }
        )
        self.written = 0

    def context(self) -> StoreContext:
        return StoreContext(
            store=STORE,
            namespace=STORE.namespace,
            settings=Settings(endpoints=self.services.endpoints()),
            clock=SystemClock(),
            references=Keys(),
        )

    def put(self, name: str, properties: Mapping[str, str]) -> Fetch:
        self.put_version(name, properties)
        return Fetch(store=STORE, key=name)

    def absent(self) -> Fetch:
        return Fetch(store=STORE, key="absent")

    def connect(self) -> StoreClient:
        return FACTORY.connect(self.spec, self.context())

    def preview(self, fetch: Fetch) -> Preview:
        return FACTORY.preview(self.spec, fetch, self.context())

    def requests(self) -> int:
        return len(self.services.calls)


class SecretsManager(Harness):
    def put_version(self, name: str, properties: Mapping[str, str]) -> Fetch:
        client, text = self.sdk["secretsmanager"], json.dumps(properties)
        try:
            made = client.create_secret(Name=self.prefix + name, SecretString=text)
        except client.exceptions.ResourceExistsException:
            made = client.put_secret_value(SecretId=self.prefix + name, SecretString=text)
        return Fetch(store=STORE, key=name, version=f"uuid/{made['VersionId']}")


class ParameterStore(Harness):
    service = "ParameterStore"

    def put_version(self, name: str, properties: Mapping[str, str]) -> Fetch:
        made = self.sdk["ssm"].put_parameter(
            Name=self.prefix + name, Value=json.dumps(properties), Type="SecureString", Overwrite=True
        )
        return Fetch(store=STORE, key=name, version=str(made["Version"]))


class TestSecretsManager(VersionedStoreContract):
    @pytest.fixture
    def store(self, services: AWSServices, sdk: Mapping[str, Any]) -> VersionedStoreHarness:
        return SecretsManager(services, sdk)


class TestParameterStore(VersionedStoreContract):
    @pytest.fixture
    def store(self, services: AWSServices, sdk: Mapping[str, Any]) -> VersionedStoreHarness:
        return ParameterStore(services, sdk)


READS = frozenset({"DescribeSecret", "GetSecretValue", "GetParameter", "ListTagsForResource", "GetCallerIdentity"})


class Writable(Harness, WritableStoreHarness):
    """As above, pushed to."""

    def target(self, name: str, property_name: str = "") -> PushTarget:
        return PushTarget(store=STORE, key=name, property=property_name)

    def reading(self, target: PushTarget) -> Fetch:
        return Fetch(store=STORE, key=target.key)

    def put_foreign(self, name: str, properties: Mapping[str, str]) -> None:
        self.put(name, properties)

    def writes(self) -> int:
        return sum(call.operation not in READS for call in self.services.calls)


class WritableSecretsManager(SecretsManager, Writable):
    """Deletes at once: a name whose secret waits to be deleted cannot be pushed to."""

    def __init__(self, services: AWSServices, sdk: Mapping[str, Any]) -> None:
        super().__init__(services, sdk)
        deletion = {"forceDeleteWithoutRecovery": True}
        self.spec = AWSProvider.model_validate(
            {**self.spec.model_dump(by_alias=True, exclude_unset=True), "secretsManager": deletion}
        )


class WritableParameterStore(ParameterStore, Writable):
    """Keeps texts as texts: by default a whole Secret becomes base64, as in ESO."""

    metadata: object = {
        "apiVersion": "kubernetes.external-secrets.io/v1alpha1",
        "kind": "PushSecretMetadata",
        "spec": {"encodeAsDecoded": True},
    }


class TestPushToSecretsManager(WritableStoreContract):
    @pytest.fixture
    def store(self, services: AWSServices, sdk: Mapping[str, Any]) -> WritableStoreHarness:
        return WritableSecretsManager(services, sdk)


class TestPushToParameterStore(WritableStoreContract):
    @pytest.fixture
    def store(self, services: AWSServices, sdk: Mapping[str, Any]) -> WritableStoreHarness:
        return WritableParameterStore(services, sdk)
