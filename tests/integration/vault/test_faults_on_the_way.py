"""A real OpenBao behind a proxy that spoils requests: what the client does of it, and what the server saw."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import StoreUnavailableError, ThrottledError
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch, Query, RetryPolicy, StoreClient, StoreContext
from virtrigaud_secrets.stores.vault import FACTORY
from virtrigaud_secrets.testing.contract import STORE, NoReferences
from virtrigaud_secrets.testing.servers import FaultProxy, OpenBao
from virtrigaud_secrets.testing.servers.fault_proxy import UNRESOLVABLE, Trouble

pytestmark = pytest.mark.integration

CANARY = "canary-behind-the-proxy"
PLAIN = Fetch(store=STORE, key="faults/a")
MADE = Fetch(store=STORE, key="auth/token/create", parameters=(("policies", '["default"]'),))
CREATED = ("update", "auth/token/create")
LIMIT = 0.4
ONCE_MORE = RetryPolicy(retries=1)
TROUBLES = [
    (Trouble.RESET, {}),
    (Trouble.HALF, {}),
    (Trouble.HANG, {}),
    (Trouble.SLOW, {}),
    (Trouble.STATUS, {"status": 500}),
    (Trouble.STATUS, {"status": 503}),
    (Trouble.STATUS, {"status": 429}),
    (Trouble.STATUS, {"status": 429, "retry_after": "0"}),
]


class UserPass(NoReferences):
    """A cluster with the password."""

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        return Sensitive("password")


@pytest.fixture(scope="module")
def server(openbao: OpenBao) -> OpenBao:
    openbao.ask("POST", "sys/mounts/faults", {"type": "kv", "options": {"version": "1"}})
    openbao.ask("POST", "faults/a", {"password": CANARY})
    openbao.ask("POST", "sys/auth/faults", {"type": "userpass"})
    user = {"password": "password", "token_policies": ["faults"], "token_ttl": "10m"}
    openbao.ask("POST", "auth/faults/users/u", user)
    openbao.ask("PUT", "sys/policies/acl/faults", {"policy": 'path "faults/*" { capabilities = ["read", "list"] }'})
    return openbao


@pytest.fixture
def proxy(server: OpenBao) -> Iterator[FaultProxy]:
    with FaultProxy(server.address, upstream_ca=server.ca_pem) as made:
        yield made


@pytest.fixture
def connect(server: OpenBao, proxy: FaultProxy) -> Iterator[Callable[..., StoreClient]]:
    with ExitStack() as stack:
        stack.callback(proxy.heal)

        def make(
            retry: RetryPolicy | None = None, *, login: bool = False, limit: float = LIMIT, **fields: object
        ) -> StoreClient:
            reference = {"name": "login", "key": "password"}
            auth = {"userPass": {"path": "faults", "username": "u", "secretRef": reference}} if login else None
            spec = {"server": proxy.address, "path": "faults", "version": "v1", "auth": auth}
            spec["caBundle"] = base64.b64encode(proxy.ca_pem).decode()
            context = StoreContext(
                store=STORE,
                namespace=STORE.namespace,
                settings=Settings(vault_token=server.root_token, request_timeout=timedelta(seconds=limit)),
                clock=SystemClock(),
                references=UserPass(),
                retry=retry or RetryPolicy(),
            )
            return stack.enter_context(FACTORY.connect(VaultProvider.model_validate(spec | fields), context))

        yield make


def failure(client: StoreClient, fetch: Fetch = PLAIN) -> StoreUnavailableError | ThrottledError:
    start = time.monotonic()
    with pytest.raises((StoreUnavailableError, ThrottledError)) as caught:
        client.get(fetch)
    assert time.monotonic() - start < 2 * LIMIT + 1
    assert CANARY not in f"{caught.value!r} {caught.value}"
    assert caught.value.store == str(STORE)
    assert caught.value.path
    return caught.value


@pytest.mark.parametrize(("trouble", "more"), TROUBLES)
def test_trouble_that_lasts_is_an_error_in_time(connect, proxy, trouble, more):
    proxy.order(trouble, **more)
    error = failure(connect())
    assert error.retryable
    assert error.status == more.get("status")
    assert proxy.asked("faults/a") == 1


@pytest.mark.parametrize(
    ("trouble", "more"), [pair for pair in TROUBLES if pair[0] not in {Trouble.HANG, Trouble.SLOW}]
)
def test_trouble_that_passes_is_not_noticed(connect, proxy, trouble, more):
    proxy.order(trouble, times=1, **more)
    assert connect(ONCE_MORE).get(PLAIN).payload.property("password").decode() == CANARY
    assert proxy.asked("faults/a") == 2


@pytest.mark.parametrize("trouble", [Trouble.RESET, Trouble.HALF, Trouble.HANG])
def test_what_was_made_is_never_made_twice(connect, proxy, server, trouble):
    start = len(server.audit_entries())
    proxy.order(trouble, path="^POST /v1/auth/token", delivered=True)
    failure(connect(RetryPolicy(retries=5)), MADE)
    assert server.request_counts(after=start)[CREATED] == 1


def test_what_was_surely_not_made_is_asked_for_again(connect, proxy, server):
    start = len(server.audit_entries())
    proxy.order(Trouble.STATUS, status=429, path="^POST /v1/auth/token", times=1)
    connect(ONCE_MORE).get(MADE)
    assert server.request_counts(after=start)[CREATED] == 1
    assert proxy.asked("^POST /v1/auth/token") == 2


def test_a_wait_longer_than_there_is_time_is_told(connect, proxy):
    proxy.order(Trouble.STATUS, status=429, retry_after="60")
    error = failure(connect(RetryPolicy(retries=3)))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 60
    assert proxy.asked("faults/a") == 1


def test_a_wait_that_was_asked_for_is_kept(connect, proxy):
    proxy.order(Trouble.STATUS, status=429, retry_after="1", times=1)
    start = time.monotonic()
    connect(ONCE_MORE, limit=5.0).get(PLAIN)
    assert 1 <= time.monotonic() - start < 3


@pytest.mark.parametrize("delivered", [True, False])
def test_a_login_that_breaks_is_made_once(connect, proxy, server, delivered):
    start = len(server.audit_entries())
    proxy.order(Trouble.RESET, path="/login/", delivered=delivered)
    failure(connect(RetryPolicy(retries=3), login=True))
    assert proxy.asked("/login/") == 1
    assert server.request_counts(after=start)["update", "auth/faults/login/u"] == delivered


def test_a_token_that_dies_on_the_way_is_replaced(connect, proxy, server):
    client = connect(login=True)
    client.get(PLAIN)
    proxy.order(Trouble.STATUS, status=403, body=b'{"errors": ["permission denied"]}', path="faults/a", times=1)
    start = len(server.audit_entries())
    assert client.get(PLAIN).payload.property("password").decode() == CANARY
    assert server.request_counts(after=start) == {("update", "auth/faults/login/u"): 1, ("read", "faults/a"): 1}


def test_a_search_meets_a_fault(connect, proxy):
    proxy.order(Trouble.STATUS, status=500, path="GET /v1/faults/a", times=1)
    assert list(connect(ONCE_MORE).find(Query(store=STORE, name="a"))) == ["a"]
    proxy.order(Trouble.HALF, path="GET /v1/faults/a")
    with pytest.raises(StoreUnavailableError):
        connect().find(Query(store=STORE, name="a"))


def test_a_server_that_goes_away(connect, proxy):
    client = connect()
    client.get(PLAIN)
    proxy.refuse()
    assert "refuses connections" in failure(client).reason


def test_a_kept_connection_that_is_gone_costs_no_error(connect, proxy):
    client = connect(ONCE_MORE)
    client.get(PLAIN)
    proxy.order(Trouble.RESET, times=1)
    client.get(PLAIN)
    assert proxy.connections == 2


def test_a_name_that_resolves_nowhere(connect):
    error = failure(connect(server=UNRESOLVABLE))
    assert "cannot be resolved" in error.reason or "cannot be reached" in error.reason


def test_a_certificate_that_nobody_trusts(connect, proxy, server):
    error = failure(connect(caBundle=base64.b64encode(server.ca_pem).decode()))
    assert "not trusted" in error.reason
    assert not error.retryable
    assert proxy.requests == []
