"""AWS's services by moto over HTTP, the SDK to fill them with, and stores that read from them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.models.backends.aws import AWSProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.aws import FACTORY
from virtrigaud_secrets.stores.base import Fetch, Query, StoreClient, StoreContext, StoreKey
from virtrigaud_secrets.testing.servers.aws import ACCESS_KEY, REGION, AWSServices

STORE = StoreKey(kind="SecretStore", namespace="virtrigaud-system", name="aws")
_numbers = itertools.count()


@pytest.fixture(scope="session")
def running_services() -> Iterator[AWSServices]:
    reason = AWSServices.missing_reason()
    if reason and os.environ.get("VIRTRIGAUD_SECRETS_REQUIRE_SERVERS") == "1":
        pytest.fail(f"a server is required and missing: {reason}", pytrace=False)
    if reason:
        pytest.skip(f"server missing: {reason}")
    with AWSServices() as server:
        yield server


@pytest.fixture
def services(running_services: AWSServices, monkeypatch: pytest.MonkeyPatch) -> AWSServices:
    """Nothing asked yet, nothing refused, and no identity of this machine in the SDK's default chain."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(name, raising=False)
    running_services.forget()
    return running_services


@pytest.fixture(scope="session")
def sdk(running_services):
    import boto3

    session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key="k", region_name=REGION)
    made = {name: session.client(name, endpoint_url=running_services.address) for name in ("secretsmanager", "ssm")}
    return SimpleNamespace(**made)


@pytest.fixture
def prefix() -> str:
    """Begins names that no other test has."""
    return f"/test-{next(_numbers)}/"


class Objects:
    """Kubernetes objects that stores refer to."""

    def __init__(self) -> None:
        self.secrets = {("aws-keys", "id"): ACCESS_KEY, ("aws-keys", "secret"): "k", ("aws-keys", "token"): "t"}
        self.asked: list[tuple[str, str, tuple[str, ...]]] = []

    def secret_value(self, name, key, *, namespace):
        if (name, key) not in self.secrets:
            raise ConfigurationError(f"no Secret {namespace}/{name}")
        return Sensitive(self.secrets[name, key])

    def config_map_value(self, name, key, *, namespace):
        raise ConfigurationError("no ConfigMap")

    def service_account_token(self, name, *, namespace, audiences=()):
        self.asked.append((namespace, name, tuple(audiences)))
        return Sensitive("header.payload.signature")


@pytest.fixture
def objects() -> Objects:
    return Objects()


STATIC = {
    "secretRef": {
        "accessKeyIDSecretRef": {"name": "aws-keys", "key": "id"},
        "secretAccessKeySecretRef": {"name": "aws-keys", "key": "secret"},
    }
}


@pytest.fixture
def connect(services: AWSServices, objects: Objects) -> Iterator[Callable[..., StoreClient]]:
    """Clients of stores: fields of the spec, and settings, policy and key as keywords."""
    made = []

    def connected(*, settings=None, retry=None, store=STORE, clock=None, **spec):
        written = {"service": "SecretsManager", "region": REGION, "auth": STATIC, **spec}
        context = StoreContext(
            store=store,
            namespace=store.namespace,
            settings=Settings(endpoints=services.endpoints(), **(settings or {})),
            clock=clock or SystemClock(),
            references=objects,
            retry=retry,
        )
        made.append(FACTORY.connect(AWSProvider.model_validate(written), context))
        return made[-1]

    yield connected
    for client in made:
        client.close()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("header.payload.signature\n")
    return path


def fetch(key: str, **options: object) -> Fetch:
    return Fetch(store=STORE, key=key, **options)


@pytest.fixture
def of() -> Callable[..., Fetch]:
    """A fetch from the store."""
    return fetch


@pytest.fixture
def query() -> Callable[..., Query]:
    """A search in the store."""
    return lambda **options: Query(store=STORE, **options)
