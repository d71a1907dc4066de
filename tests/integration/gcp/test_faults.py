"""What goes wrong between a store and Google: a clear error, in bounded time, and no more requests than said."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from http import HTTPStatus

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import AuthenticationError, StoreUnavailableError, ThrottledError
from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch, RetryPolicy, StoreContext
from virtrigaud_secrets.stores.gcp import FACTORY
from virtrigaud_secrets.testing.contract import STORE, NoReferences
from virtrigaud_secrets.testing.servers import FaultProxy, SecretManager
from virtrigaud_secrets.testing.servers.fault_proxy import UNRESOLVABLE, Trouble
from virtrigaud_secrets.testing.servers.google_identity import Machine

pytestmark = pytest.mark.integration

CANARY = "canary-" + "90d2"
FETCH = Fetch(store=STORE, key="k")
ACCESS = "versions/latest:access"
LOGIN = "default/token"


@pytest.fixture
def google():
    with SecretManager() as server:
        server.identity.machine = Machine("p", "pod@p.iam.gserviceaccount.com")
        server.secrets.add("p", "k", json.dumps({"password": CANARY, "padding": "x" * 4000}))
        yield server


@pytest.fixture
def proxy(google):
    with FaultProxy(google.address, upstream_ca=google.ca_pem) as made:
        yield made


@pytest.fixture
def connect(google, proxy, tmp_path):
    """A client all of whose requests go through the proxy, logins included."""
    ca_file = tmp_path / "proxy.pem"
    ca_file.write_bytes(proxy.ca_pem)
    clients = []

    def make(*, address="", limit=5.0, retries=0, trusted=True):
        made = StoreContext(
            store=STORE,
            namespace=STORE.namespace,
            settings=Settings(
                endpoints=dict.fromkeys(google.endpoints(), address or proxy.address),
                ca_file=ca_file if trusted else google.write_ca(tmp_path),
                request_timeout=timedelta(seconds=limit),
            ),
            clock=SystemClock(),
            references=NoReferences(),
            retry=RetryPolicy(retries=retries, interval=timedelta(seconds=0.05)),
        )
        clients.append(FACTORY.connect(GCPSMProvider.model_validate({"projectID": "p"}), made))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def failing(client, kind, words, *, within=3.0):
    started = time.monotonic()
    with pytest.raises(kind, match=words) as caught:
        client.get(FETCH)
    assert time.monotonic() - started < within
    assert CANARY not in str(caught.value)
    assert str(STORE) in str(caught.value)
    assert caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Trouble.RESET, "connection broke"),
        (Trouble.HALF, "connection broke"),
        (Trouble.HANG, "within 1 s"),
        (Trouble.SLOW, "within 1 s"),
    ],
)
def test_an_answer_that_does_not_come(connect, proxy, trouble, words):
    client = connect(limit=1.0)
    client.get(FETCH)
    proxy.order(trouble, path=ACCESS)
    assert failing(client, StoreUnavailableError, words).retryable
    assert proxy.asked(ACCESS) == 2
    proxy.heal()
    assert CANARY.encode() in client.get(FETCH).payload.whole()


def test_what_passes_is_not_noticed(connect, proxy):
    client = connect(retries=2)
    proxy.order(Trouble.RESET, path=ACCESS, times=1)
    proxy.order(Trouble.STATUS, path=ACCESS, times=1, status=HTTPStatus.INTERNAL_SERVER_ERROR)
    assert CANARY.encode() in client.get(FETCH).payload.whole()
    assert (proxy.asked(ACCESS), proxy.asked(LOGIN)) == (3, 1)


def test_a_quota_is_told_with_its_wait(connect, proxy):
    client = connect(retries=2, limit=3.0)
    proxy.order(Trouble.STATUS, status=HTTPStatus.TOO_MANY_REQUESTS, retry_after="60", path=ACCESS)
    assert failing(client, ThrottledError, "quota").retry_after == 60
    assert proxy.asked(ACCESS) == 1


def test_a_login_in_trouble_is_told_and_not_multiplied(connect, proxy):
    client = connect(retries=1)
    proxy.order(Trouble.STATUS, path=LOGIN)
    failing(client, StoreUnavailableError, "the server failed")
    assert (proxy.asked(ACCESS), proxy.asked(LOGIN)) == (0, 2)


def test_nobody_there(connect, proxy):
    failing(connect(address=UNRESOLVABLE), AuthenticationError, "name cannot be resolved", within=6.0)
    client = connect()
    client.get(FETCH)
    proxy.refuse()
    assert failing(client, StoreUnavailableError, "refuses connections|connection broke").retryable


def test_a_certificate_that_is_not_trusted(connect):
    failing(connect(trusted=False), AuthenticationError, r"not trusted .*Settings\.ca_file")


def test_a_token_that_dies_in_mid_flight_costs_one_login(connect, google, proxy):
    client = connect()
    client.get(FETCH)
    google.identity.revoke_tokens()
    client.get(FETCH)
    assert (proxy.asked(ACCESS), proxy.asked(LOGIN)) == (3, 2)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_of_a_fork_reads_on_connections_of_its_own(connect):
    client = connect()
    client.get(FETCH)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if CANARY.encode() in client.get(FETCH).payload.whole() else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert CANARY.encode() in client.get(FETCH).payload.whole()
