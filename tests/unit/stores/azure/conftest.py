"""A vault in memory: what the SDK sends through the real sessions is answered without a socket."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import requests
import urllib3
from requests.adapters import BaseAdapter

from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.azure import transport
from virtrigaud_secrets.stores.azure.client import AzureClient
from virtrigaud_secrets.stores.base import StoreContext, StoreKey
from virtrigaud_secrets.testing import ManualClock
from virtrigaud_secrets.testing.servers.key_vault import KeyVault
from virtrigaud_secrets.testing.servers.key_vault_messages import Request

STORE = StoreKey("SecretStore", "team", "azure-key-vault")
_numbers = itertools.count()


class Wire(BaseAdapter):
    """Carries requests to a vault that does not listen, or breaks as it is told."""

    def __init__(self, vault: KeyVault) -> None:
        super().__init__()
        self.vault = vault
        self.faults: list[Exception | requests.Response] = []
        self.timeouts: list[object] = []
        self.closed = 0

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        self.timeouts.append(timeout)
        assert not proxies
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            return fault
        parts = urlsplit(request.url)
        body = request.body or b""
        headers = {**request.headers, "Host": parts.netloc}
        reply = self.vault.answer(
            Request(
                request.method,
                unquote(parts.path).rstrip("/"),
                dict(parse_qsl(parts.query)),
                headers,
                body.encode() if isinstance(body, str) else body,
            )
        )
        return answered(request, reply.status, __import__("json").dumps(reply.body).encode(), dict(reply.headers))

    def close(self):
        self.closed += 1


def answered(request, status, body, headers=None, kind="application/json; charset=utf-8"):
    """A response as the HTTP library makes one."""
    response = requests.Response()
    response.status_code = int(status)
    response.headers.update({"Content-Type": kind, "x-ms-request-id": "request-7", **(headers or {})})
    response.raw = urllib3.HTTPResponse(
        io.BytesIO(body), headers=dict(response.headers), status=int(status), preload_content=False
    )
    response.request = request
    response.url = None if request is None else request.url
    return response


@dataclass
class Cluster:
    """References that answer from tables."""

    secrets: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    token: str = "jwt-of-the-account"
    annotations: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def secret_value(self, name, key, *, namespace):
        self.asked.append(("secret", namespace, name, key))
        return Sensitive(self.secrets[namespace, name, key])

    def config_map_value(self, name, key, *, namespace):
        raise AssertionError("no store of Azure refers to a ConfigMap")

    def service_account_annotations(self, name, *, namespace):
        self.asked.append(("annotations", namespace, name))
        return self.annotations

    def service_account_token(self, name, *, namespace, audiences=(), lifetime=None):
        self.asked.append(("token", namespace, name, *audiences))
        return Sensitive(self.token)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def vault(clock: ManualClock) -> KeyVault:
    """A vault that every transport of the test leads to; a system-assigned identity may log in."""
    made = KeyVault(clock=clock, page=2)
    made.entra.add_identity()
    return made


@pytest.fixture
def wire(vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire(vault)
    monkeypatch.setattr(transport, "_adapter", lambda _context: made)
    return made


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def make_context(clock: ManualClock, cluster: Cluster) -> Callable[..., StoreContext]:
    """A store's context; keyword arguments are settings, but for those named here."""

    def make(*, kind="SecretStore", retry=None, **settings):
        return StoreContext(
            store=StoreKey(kind, STORE.namespace, STORE.name),
            namespace="team",
            settings=Settings(**settings),
            clock=clock,
            references=cluster,
            retry=retry,
        )

    return make


@pytest.fixture
def make_spec() -> Callable[..., AzureKVProvider]:
    """A spec as a manifest writes it, of a vault that no test had before: the SDK remembers challenges."""

    def make(**fields):
        url = f"https://unit-{next(_numbers)}.vault.azure.net/"
        return AzureKVProvider.model_validate({"vaultUrl": url, "authType": "ManagedIdentity"} | fields)

    return make


@pytest.fixture
def make_client(wire, make_spec, make_context):
    """A client of the vault in memory; keyword arguments are fields of the spec."""
    clients = []

    def make(context=None, **fields):
        made = AzureClient(make_spec(**fields), context or make_context())
        clients.append(made)
        return made

    yield make
    for client in clients:
        client.close()
