"""What goes wrong between a store and its vault: a clear error, in bounded time."""

from __future__ import annotations

import time
from datetime import timedelta
from http import HTTPStatus

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import AuthenticationError, StoreError, StoreUnavailableError, ThrottledError
from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.azure import FACTORY
from virtrigaud_secrets.stores.base import Fetch, RetryPolicy, StoreContext
from virtrigaud_secrets.testing.contract import STORE, NoReferences
from virtrigaud_secrets.testing.servers import FaultProxy, KeyVault
from virtrigaud_secrets.testing.servers.fault_proxy import UNRESOLVABLE, Trouble

pytestmark = pytest.mark.integration

VALUE = "hunter2-never-show"
FETCH = Fetch(store=STORE, key="db")


@pytest.fixture
def proxy(key_vault):
    with FaultProxy(key_vault.address, upstream_ca=key_vault.ca_pem) as made:
        yield made


@pytest.fixture
def connect(key_vault, proxy, vault_url, tmp_path):
    """A client whose requests to the vault go through the proxy, and those to log in do not."""
    key_vault.set_secret("db", VALUE)
    ca_file = tmp_path / "both.pem"
    ca_file.write_bytes(key_vault.ca_pem + proxy.ca_pem)
    clients = []

    def make(*, address=None, limit=5.0, retries=0, ca=None):
        endpoints = key_vault.endpoints() | {vault_url: address or proxy.address}
        context = StoreContext(
            store=STORE,
            namespace=STORE.namespace,
            settings=Settings(ca_file=ca or ca_file, endpoints=endpoints, request_timeout=timedelta(seconds=limit)),
            clock=SystemClock(),
            references=NoReferences(),
            retry=RetryPolicy(retries=retries, interval=timedelta(seconds=0.05)),
        )
        spec = AzureKVProvider.model_validate({"vaultUrl": vault_url, "authType": "ManagedIdentity"})
        clients.append(FACTORY.connect(spec, context))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def failing(client, kind: type[StoreError], words: str, *, within: float = 3.0) -> StoreError:
    started = time.monotonic()
    with pytest.raises(kind, match=words) as caught:
        client.get(FETCH)
    assert time.monotonic() - started < within
    assert VALUE not in str(caught.value)
    assert str(STORE) in str(caught.value)
    assert caught.value.__context__ is None
    return caught.value


def test_refused(connect, proxy):
    client = connect()
    proxy.refuse()
    assert failing(client, StoreUnavailableError, "refuses connections").retryable


@pytest.mark.parametrize(
    ("trouble", "words"),
    [(Trouble.RESET, "connection broke"), (Trouble.HALF, "connection broke"), (Trouble.HANG, "no complete answer")],
)
def test_a_broken_connection(connect, proxy, trouble, words):
    client = connect(limit=1.0)
    proxy.order(trouble)
    assert failing(client, StoreUnavailableError, words).retryable


def test_a_slow_answer_is_bounded_as_a_whole(connect, proxy):
    client = connect(limit=1.0)
    client.get(FETCH)
    proxy.order(Trouble.SLOW)
    failing(client, StoreUnavailableError, "no complete answer within 1 s")


@pytest.mark.parametrize("trouble", [Trouble.RESET, Trouble.HALF])
def test_a_broken_connection_is_tried_again(connect, proxy, trouble):
    client = connect(retries=2)
    proxy.order(trouble, times=2)
    assert client.get(FETCH).payload.whole() == VALUE.encode()


def test_throttling_with_and_without_a_time(connect, proxy):
    client = connect(retries=0)
    proxy.order(Trouble.STATUS, status=HTTPStatus.TOO_MANY_REQUESTS, retry_after="9", times=1)
    assert failing(client, ThrottledError, "slow down").retry_after == 9.0
    proxy.order(Trouble.STATUS, status=HTTPStatus.TOO_MANY_REQUESTS, times=1)
    assert failing(client, ThrottledError, "slow down").retry_after is None


def test_the_vault_fails(connect, proxy):
    client = connect(retries=1)
    proxy.order(Trouble.STATUS, status=HTTPStatus.INTERNAL_SERVER_ERROR)
    failing(client, StoreUnavailableError, "the vault failed")
    assert proxy.asked() == 2


def test_a_name_that_does_not_resolve(connect):
    failing(connect(address=UNRESOLVABLE), StoreUnavailableError, "cannot be resolved")


def test_a_certificate_that_nobody_trusts(connect, key_vault, tmp_path):
    ca = tmp_path / "one.pem"
    ca.write_bytes(key_vault.ca_pem)
    error = failing(connect(ca=ca), StoreUnavailableError, r"is not trusted .*Settings\.ca_file")
    assert not error.retryable


def test_a_certificate_of_another_name(connect, key_vault, tmp_path):
    with FaultProxy(key_vault.address, upstream_ca=key_vault.ca_pem, names=("elsewhere.example",)) as proxy:
        ca = tmp_path / "elsewhere.pem"
        ca.write_bytes(key_vault.ca_pem + proxy.ca_pem)
        failing(connect(address=proxy.address, ca=ca), StoreUnavailableError, "is not trusted")


def test_a_token_that_ends_in_mid_flight_is_replaced(connect, key_vault):
    client = connect()
    client.get(FETCH)
    key_vault.entra.revoke()
    assert client.get(FETCH).payload.whole() == VALUE.encode()


def test_a_vault_of_another_service_is_told(connect, tmp_path):
    with KeyVault(resource="https://vault.azure.cn") as other:
        ca = tmp_path / "other.pem"
        ca.write_bytes(other.ca_pem)
        failing(connect(address=other.address, ca=ca), AuthenticationError, "is vaultUrl right")
