"""What goes wrong while writing to a vault: a clear error, nothing sent twice, and a next push that finds out."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ConflictError,
    NotOwnedError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.azure import FACTORY
from virtrigaud_secrets.stores.base import Fetch, Push, PushOutcome, PushTarget, RetryPolicy, StoreContext
from virtrigaud_secrets.testing.certificates import CertificateAuthority
from virtrigaud_secrets.testing.contract import CANARY, STORE, NoReferences, assert_hidden
from virtrigaud_secrets.testing.servers import FaultProxy
from virtrigaud_secrets.testing.servers.fault_proxy import Trouble

pytestmark = pytest.mark.integration

MARK = {"managed-by": "external-secrets"}


@pytest.fixture
def proxy(key_vault):
    with FaultProxy(key_vault.address, upstream_ca=key_vault.ca_pem) as made:
        yield made


@pytest.fixture
def client(key_vault, proxy, vault_url, tmp_path):
    """A client whose requests to the vault go through the proxy, and those to log in do not."""
    ca_file = tmp_path / "both.pem"
    ca_file.write_bytes(key_vault.ca_pem + proxy.ca_pem)
    context = StoreContext(
        store=STORE,
        namespace=STORE.namespace,
        settings=Settings(
            ca_file=ca_file,
            endpoints=key_vault.endpoints() | {vault_url: proxy.address},
            request_timeout=timedelta(seconds=2),
        ),
        clock=SystemClock(),
        references=NoReferences(),
        retry=RetryPolicy(retries=3, interval=timedelta(seconds=0.01)),
    )
    with FACTORY.connect(
        AzureKVProvider.model_validate({"vaultUrl": vault_url, "authType": "ManagedIdentity"}), context
    ) as made:
        yield made


@pytest.fixture(scope="module")
def issued():
    return CertificateAuthority("CA").issue("host.example")


@pytest.fixture
def values(issued):
    """A value for each kind of object, and another one, by its key."""
    other = CertificateAuthority("CA").issue("host.example")
    made = {
        "db": (CANARY, f"other-{CANARY}"),
        "key/sign": (issued.private_key, other.private_key),
        "cert/web": (issued.certificate + issued.private_key, other.certificate + other.private_key),
    }
    return {key: tuple(map(Sensitive, pair)) for key, pair in made.items()}


KEYS = pytest.mark.parametrize("key", ["db", "key/sign", "cert/web"])


def push(value, key="db"):
    return Push(
        target=PushTarget(store=STORE, key=key),
        entries={"a": value if isinstance(value, Sensitive) else Sensitive(value)},
        secret_key="a",
    )


def raised(kind, call):
    with pytest.raises(kind) as caught:
        call()
    assert_hidden(caught.value)
    assert caught.value.store == str(STORE)
    assert caught.value.path
    return caught.value


def writes(key_vault):
    return [one.path for one in key_vault.requests if one.method != "GET" and one.client_id]


@KEYS
def test_each_kind_is_written_read_and_deleted_over_the_wire(client, key_vault, values, issued, key):
    first, second = values[key]
    assert client.push(push(first, key)) is PushOutcome.CREATED
    assert client.push(push(first, key)) is PushOutcome.UNCHANGED
    assert client.push(push(second, key)) is PushOutcome.UPDATED
    assert client.get(Fetch(store=STORE, key=key)).payload.whole()
    assert client.delete(PushTarget(store=STORE, key=key)) is PushOutcome.DELETED
    assert len(writes(key_vault)) == 3
    assert not client.exists(PushTarget(store=STORE, key=key))


@KEYS
@pytest.mark.parametrize("trouble", [Trouble.RESET, Trouble.HALF, Trouble.HANG])
def test_a_lost_answer_is_told_and_the_next_push_finds_out(client, key_vault, proxy, values, key, trouble):
    first, second = values[key]
    client.push(push(first, key))
    before = len(writes(key_vault))
    proxy.order(trouble, path="^(PUT|POST) ", delivered=True)
    error = raised(StoreUnavailableError, lambda: client.push(push(second, key)))
    assert error.acted
    proxy.heal()
    assert len(writes(key_vault)) == before + 1
    assert client.push(push(second, key)) is PushOutcome.UNCHANGED


def test_a_write_in_trouble_is_not_sent_again_but_a_read_is(client, key_vault, proxy):
    client.push(push("first"))
    key_vault.fail(HTTPStatus.SERVICE_UNAVAILABLE)
    assert client.push(push("first")) is PushOutcome.UNCHANGED
    for status, kind in (
        (HTTPStatus.SERVICE_UNAVAILABLE, StoreUnavailableError),
        (HTTPStatus.TOO_MANY_REQUESTS, ThrottledError),
        (HTTPStatus.CONFLICT, ConflictError),
    ):
        before = proxy.asked("^PUT ")
        proxy.order(Trouble.STATUS, path="^PUT ", status=status)
        error = raised(kind, lambda: client.push(push(CANARY)))
        proxy.heal()
        assert error.retryable
        assert proxy.asked("^PUT ") == before + 1
    assert key_vault.newest("db").content["value"] == "first"


def test_a_deleted_name_comes_back_for_its_owner(client, key_vault):
    client.push(push("first"))
    client.delete(PushTarget(store=STORE, key="db"))
    key_vault.recover_slowly(1)
    assert client.push(push(CANARY)) is PushOutcome.CREATED
    assert key_vault.newest("db").content["value"] == CANARY
    key_vault.set_secret("theirs", "x")
    key_vault.delete("theirs")
    raised(NotOwnedError, lambda: client.push(push(CANARY, "theirs")))


def test_a_missing_permission_is_named(client, key_vault):
    key_vault.deny("secrets/set", code="ForbiddenByRbac")
    assert "secrets/set" in str(raised(AccessDeniedError, lambda: client.push(push(CANARY))))
    key_vault.allow("secrets/set")
    client.push(push(CANARY))
    key_vault.deny("secrets/delete")
    error = raised(AccessDeniedError, lambda: client.delete(PushTarget(store=STORE, key="db")))
    assert error.capability == "secrets/delete"
    assert key_vault.newest("db").tags == MARK
