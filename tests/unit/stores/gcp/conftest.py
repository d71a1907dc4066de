"""Google in this process: what would go out through a session is answered by the stand-in, without a socket."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import RetryPolicy, StoreClient, StoreContext, StoreKey
from virtrigaud_secrets.stores.gcp import FACTORY, wire
from virtrigaud_secrets.testing.clock import ManualClock
from virtrigaud_secrets.testing.servers.secret_manager import SecretManager

PROJECT = "test-project"
STORE = StoreKey(kind="SecretStore", namespace="virtrigaud-system", name="gcp-secret-manager")


class InProcess(BaseAdapter):
    """Answers without a socket, and knows what was sent where."""

    def __init__(self, google: SecretManager) -> None:
        super().__init__()
        self.google = google
        self.sent: list[requests.PreparedRequest] = []
        self.failures: list[Exception] = []

    @property
    def urls(self) -> list[str]:
        return [(request.url or "").partition("?")[0] for request in self.sent]

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self.sent.append(request)
        if self.failures:
            raise self.failures.pop(0)
        headers = {name.title(): str(value) for name, value in request.headers.items()}
        body = request.body.encode() if isinstance(request.body, str) else (request.body or b"")
        (status, content), trouble = self.google.answer(request.method or "", request.path_url, headers, body)
        response = requests.Response()
        response.status_code = status
        response._content = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        if trouble is not None and trouble.body is not None:
            response._content = trouble.body
        if trouble is not None and trouble.retry_after:
            response.headers["Retry-After"] = trouble.retry_after
        response.request, response.url = request, request.url or ""
        return response

    def close(self) -> None:
        pass


class Objects:
    """Kubernetes objects that a spec refers to."""

    def __init__(self, google: SecretManager) -> None:
        self.google = google
        self.secrets: dict[tuple[str, str, str], Sensitive] = {}
        self.config_maps: dict[tuple[str, str, str], str] = {}
        self.has_cluster = True
        self.asked: list[tuple[str, str, tuple[str, ...]]] = []

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        if (namespace, name, key) not in self.secrets:
            raise ConfigurationError(f"Secret {namespace}/{name}, key {key!r}, was not found")
        return self.secrets[namespace, name, key]

    def config_map_value(self, name: str, key: str, *, namespace: str) -> str:
        return self.config_maps[namespace, name, key]

    def service_account_token(self, name: str, *, namespace: str, audiences: Sequence[str] = ()) -> Sensitive:
        if not self.has_cluster:
            raise ConfigurationError("no token for this account: there is no cluster")
        self.asked.append((namespace, name, tuple(audiences)))
        return self.google.identity.kubernetes_token(name, namespace, *audiences)


class AnnotatedObjects(Objects):
    """Objects of a catalog that knows service accounts."""

    annotations: Mapping[str, str] = {}

    def service_account_annotations(self, name: str, *, namespace: str) -> Mapping[str, str]:
        return self.annotations


@dataclasses.dataclass
class World:
    """A store's surroundings in one place."""

    google: SecretManager
    adapter: InProcess
    clock: ManualClock
    objects: Objects
    settings: Settings
    clients: list[StoreClient] = dataclasses.field(default_factory=list)

    def context(self, *, kind: str = STORE.kind, retry: RetryPolicy | None = None) -> StoreContext:
        return StoreContext(
            store=dataclasses.replace(STORE, kind=kind),
            namespace=STORE.namespace,
            settings=self.settings,
            clock=self.clock,
            references=self.objects,
            retry=retry,
        )

    def annotate(self, **annotations: str) -> None:
        """Let the objects know service accounts."""
        objects = AnnotatedObjects(self.google)
        objects.annotations = annotations
        self.objects = objects

    def change(self, **settings: object) -> None:
        self.settings = dataclasses.replace(self.settings, **settings)

    def connect(self, *, kind: str = STORE.kind, retry: RetryPolicy | None = None, **spec: object) -> StoreClient:
        model = GCPSMProvider.model_validate({"projectID": PROJECT, **spec})
        client = FACTORY.connect(model, self.context(kind=kind, retry=retry))
        self.clients.append(client)
        return client


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[World]:
    # google-auth reads the machine's clock: this one starts there and is moved by hand.
    clock = ManualClock(datetime.now(UTC))
    google = SecretManager(clock=clock)
    from virtrigaud_secrets.testing.servers.google_identity import Machine

    google.identity.machine = Machine(PROJECT, f"pod@{PROJECT}.iam.gserviceaccount.com")
    adapter = InProcess(google)

    def session(context: StoreContext) -> requests.Session:
        made = requests.Session()
        made.trust_env = False
        for scheme in ("https://", "http://"):
            made.mount(scheme, adapter)
        return made

    monkeypatch.setattr(wire, "_session", session)
    settings = Settings(service_account_directory=tmp_path / "no-pod")
    made = World(google, adapter, clock, Objects(google), settings)
    yield made
    for client in made.clients:
        client.close()


@pytest.fixture
def put(world: World) -> Callable[..., str]:
    def add(key: str, value: str | bytes, **options: Any) -> str:
        return world.google.secrets.add(PROJECT, key, value, **options)

    return add
