"""Pushes to a real OpenBao: what it keeps, whom it lets, who comes first, and what a lost answer leaves behind."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import cast

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidRequestError,
    LocalServerError,
    NotOwnedError,
    SecretsError,
    StoreUnavailableError,
)
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch, Push, PushOutcome, PushTarget, RetryPolicy, StoreClient, StoreContext
from virtrigaud_secrets.stores.vault import FACTORY
from virtrigaud_secrets.testing.contract import CANARY, STORE, NoReferences, assert_hidden
from virtrigaud_secrets.testing.servers import FaultProxy, OpenBao
from virtrigaud_secrets.testing.servers.fault_proxy import Trouble

pytestmark = pytest.mark.integration

MARK = {"managed-by": "external-secrets"}
METADATA = {"apiVersion": "kubernetes.external-secrets.io/v1alpha1", "kind": "PushSecretMetadata"}
_numbers = itertools.count()


@pytest.fixture(scope="module")
def engine(openbao: OpenBao) -> str:
    """A KV engine of version 2."""
    openbao.mount_versioned_kv("push")
    return "push"


@pytest.fixture(scope="module")
def old_engine(openbao: OpenBao) -> str:
    openbao.ask("POST", "sys/mounts/push-v1", {"type": "kv", "options": {"version": "1"}})
    return "push-v1"


@pytest.fixture
def key() -> str:
    return f"folder/secret-{next(_numbers)}"


@pytest.fixture
def proxy(openbao: OpenBao) -> Iterator[FaultProxy]:
    with FaultProxy(openbao.address, upstream_ca=openbao.ca_pem) as made:
        yield made


@pytest.fixture
def connect(openbao: OpenBao, proxy: FaultProxy, engine: str) -> Iterator[Callable[..., StoreClient]]:
    with ExitStack() as stack:
        stack.callback(proxy.heal)

        def make(*, token: Sensitive | None = None, retries: int = 3, **fields: object) -> StoreClient:
            spec = {
                "server": proxy.address,
                "path": engine,
                "caBundle": base64.b64encode(proxy.ca_pem).decode(),
                **fields,
            }
            context = StoreContext(
                store=STORE,
                namespace=STORE.namespace,
                settings=Settings(vault_token=token or openbao.root_token, request_timeout=timedelta(seconds=2)),
                clock=SystemClock(),
                references=NoReferences(),
                retry=RetryPolicy(retries=retries),
            )
            return stack.enter_context(FACTORY.connect(VaultProvider.model_validate(spec), context))

        yield make


def push(key: str, name: str = "", *, metadata: object = None, **values: str) -> Push:
    entries = {each: Sensitive(value) for each, value in values.items()}
    target = PushTarget(store=STORE, key=key, property=name)
    return Push(target=target, entries=entries, secret_key=next(iter(values)) if name else "", metadata=metadata)


def kept(openbao: OpenBao, key: str, engine: str = "push") -> tuple[dict[str, object], int, object]:
    """Data, current version and custom metadata."""
    data = cast("dict[str, dict[str, object]]", openbao.ask("GET", f"{engine}/data/{key}")["data"])
    metadata = cast("dict[str, object]", openbao.ask("GET", f"{engine}/metadata/{key}")["data"])
    return data["data"], cast("int", metadata["current_version"]), metadata["custom_metadata"]


def raised(kind: type[SecretsError], call: Callable[[], object]) -> SecretsError:
    with pytest.raises(kind) as caught:
        call()
    assert_hidden(caught.value)
    return caught.value


def test_the_mark_comes_before_the_value(connect, openbao, key):
    start = len(openbao.audit_entries())
    assert connect().push(push(key, password=CANARY)) is PushOutcome.CREATED

    written = [entry.path for entry in openbao.audit_entries(after=start) if entry.operation in {"create", "update"}]
    assert list(dict.fromkeys(written)) == [f"push/metadata/{key}", f"push/data/{key}"]
    assert kept(openbao, key) == ({"password": CANARY}, 1, MARK)


def test_a_push_is_two_reads_and_no_write_where_nothing_changed(connect, openbao, proxy, key):
    client = connect()
    client.push(push(key, password=CANARY))
    before = len(proxy.requests)
    client.push(push(key, password=CANARY))
    assert [request.partition(" ")[0] for request in proxy.requests[before:]] == ["GET", "GET"]
    assert kept(openbao, key)[1] == 1


def test_keys_with_the_mount_and_without_name_one_secret(connect, openbao, key):
    client = connect()
    client.push(push(key, password=CANARY))
    for other in (f"push/{key}", f"push/data/{key}", f"//{key}/"):
        assert client.push(push(other, password=CANARY)) is PushOutcome.UNCHANGED
    bare = connect(path=None)
    assert bare.push(push(f"push/{key}", password=CANARY)) is PushOutcome.UNCHANGED
    assert bare.push(push(f"push/data/{key}", password="other")) is PushOutcome.UPDATED
    assert kept(openbao, key) == ({"password": "other"}, 2, MARK)


def test_a_property_keeps_what_others_wrote_to_the_byte(connect, openbao, key):
    client = connect()
    client.push(push(key, password=CANARY))
    openbao.ask("POST", f"push/data/{key}", {"data": {"n": 1234567890123456789, "o": {"a": [1.5]}, "s": "<&>"}})
    before = client.get(Fetch(store=STORE, key=key)).payload.property("n")
    client.push(push(key, "p.q", value=CANARY))

    assert client.get(Fetch(store=STORE, key=key)).payload.property("n") == before
    assert kept(openbao, key)[0] == {
        "n": int(before),
        "o": {"a": [1.5]},
        "s": "<&>",
        # Vault's properties are keys of the object, dots and all.
        "p.q": CANARY,
    }


def test_what_is_pushed_whole_must_be_an_object(connect, key):
    target = PushTarget(store=STORE, key=key)
    for value in (b"text " + CANARY.encode(), b"[1]", b"\xff" + CANARY.encode()):
        one = Push(target=target, entries={"a": Sensitive(value)}, secret_key="a")
        assert "must be one" in str(raised(InvalidRequestError, lambda one=one: connect().push(one)))
    one = Push(target=target, entries={"a": Sensitive('{"n": 1.50, "t": true}')}, secret_key="a")
    client = connect()
    assert client.push(one) is PushOutcome.CREATED
    assert client.push(one) is PushOutcome.UNCHANGED


def test_custom_metadata_is_merged_or_replaced_around_the_mark(connect, openbao, key):
    client = connect()
    client.push(push(key, password=CANARY))
    openbao.ask("POST", f"push/metadata/{key}", {"custom_metadata": {**MARK, "by-hand": "1"}})
    merged = {**METADATA, "spec": {"customMetadata": {"team": "x", "managed-by": "me"}}}
    assert client.push(push(key, password=CANARY, metadata=merged)) is PushOutcome.UPDATED
    assert kept(openbao, key) == ({"password": CANARY}, 1, {**MARK, "by-hand": "1", "team": "x"})
    replaced = {**METADATA, "spec": {"customMetadata": {"team": "y"}, "mergePolicy": "Replace"}}
    client.push(push(key, password=CANARY, metadata=replaced))
    assert kept(openbao, key) == ({"password": CANARY}, 1, {**MARK, "team": "y"})


def test_metadata_that_is_none_of_vaults_is_refused_before_anything_is_sent(connect, proxy, key):
    wrong = {**METADATA, "spec": {"tags": {"a": "b"}}}
    raised(InvalidRequestError, lambda: connect().push(push(key, password=CANARY, metadata=wrong)))
    raised(InvalidRequestError, lambda: connect(version="v1").push(push(key, password=CANARY, metadata=wrong)))
    assert proxy.requests == []


@pytest.mark.parametrize("required", [False, True])
def test_of_two_that_write_at_once_one_is_told(connect, openbao, proxy, key, required):
    client = connect(checkAndSet={"required": required})
    client.push(push(key, password=CANARY))
    if required:
        openbao.ask("POST", f"push/metadata/{key}", {"cas_required": True, "custom_metadata": MARK})
    body = {"data": {"by": "another"}, "options": {"cas": 1}}

    send = client._tokens.send

    def slow(request):
        if request.method == "POST" and request.path == f"push/data/{key}":
            openbao.ask("POST", f"push/data/{key}", body)
        return send(request)

    client._tokens.send = slow
    error = raised(ConflictError, lambda: client.push(push(key, password="new")))
    assert error.path == f"push/data/{key}"
    assert kept(openbao, key)[0] == {"by": "another"}
    client._tokens.send = send
    assert client.push(push(key, password="new")) is PushOutcome.UPDATED


def test_a_deleted_version_of_ours_is_written_over_and_one_of_others_is_not(connect, openbao, key):
    client = connect()
    client.push(push(key, password=CANARY))
    openbao.ask("DELETE", f"push/data/{key}")
    assert not client.exists(PushTarget(store=STORE, key=key))
    assert client.push(push(key, password="new")) is PushOutcome.CREATED
    assert kept(openbao, key) == ({"password": "new"}, 2, MARK)
    other = f"{key}-other"
    openbao.ask("POST", f"push/data/{other}", {"data": {"a": "b"}})
    openbao.ask("DELETE", f"push/data/{other}")
    raised(NotOwnedError, lambda: client.push(push(other, password=CANARY)))


def test_a_deletion_takes_all_versions_and_the_metadata(connect, openbao, key):
    client = connect()
    client.push(push(key, password=CANARY))
    client.push(push(key, password="new"))
    assert client.delete(PushTarget(store=STORE, key=key)) is PushOutcome.DELETED
    with pytest.raises(LocalServerError):
        openbao.ask("GET", f"push/metadata/{key}")


@pytest.mark.parametrize(
    ("rules", "capability", "path"),
    [
        ('path "push/data/*" { capabilities = ["read"] }', "read", "push/metadata"),
        ('path "push/*" { capabilities = ["read"] }', "update", "push/metadata"),
        (
            'path "push/*" { capabilities = ["read"] } path "push/metadata/*" { capabilities = ["create", "read"] }',
            "update",
            "push/data",
        ),
    ],
)
def test_a_policy_that_denies_is_told_with_path_and_capability(connect, openbao, key, rules, capability, path):
    openbao.ask("PUT", f"sys/policies/acl/push-{next(_numbers)}", {"policy": rules})
    name = f"push-{next(_numbers) - 1}"
    auth = openbao.ask("POST", "auth/token/create", {"policies": [name]})["auth"]
    token = Sensitive(str(cast("dict[str, object]", auth)["client_token"]))
    error = raised(AccessDeniedError, lambda: connect(token=token).push(push(key, password=CANARY)))

    assert isinstance(error, AccessDeniedError)
    assert (error.capability, error.path) == (capability, f"{path}/{key}")


@pytest.mark.parametrize("trouble", [Trouble.RESET, Trouble.HALF, Trouble.HANG])
def test_a_lost_answer_is_an_error_and_the_write_is_sent_once(connect, openbao, proxy, key, trouble):
    client = connect()
    start = len(openbao.audit_entries())
    proxy.order(trouble, path=f"^POST /v1/push/data/{key}", delivered=True)
    raised(StoreUnavailableError, lambda: client.push(push(key, password=CANARY)))
    proxy.heal()

    assert proxy.asked(f"^POST /v1/push/data/{key}") == 1
    counts = openbao.request_counts(after=start)
    assert counts["create", f"push/data/{key}"] + counts["update", f"push/data/{key}"] == 1
    # It was written after all, which the next push finds out by looking.
    assert client.push(push(key, password=CANARY)) is PushOutcome.UNCHANGED
    assert kept(openbao, key)[1] == 1


def test_a_write_that_was_surely_not_done_is_sent_again(connect, openbao, proxy, key):
    proxy.order(Trouble.STATUS, status=429, path=f"^POST /v1/push/data/{key}", times=1)
    assert connect(retries=1).push(push(key, password=CANARY)) is PushOutcome.CREATED
    assert proxy.asked(f"^POST /v1/push/data/{key}") == 2
    assert kept(openbao, key)[1] == 1


def test_a_push_that_broke_off_behind_the_mark_is_finished_by_the_next(connect, openbao, proxy, key):
    proxy.order(Trouble.STATUS, status=500, path=f"^POST /v1/push/data/{key}", times=1)
    client = connect()
    raised(StoreUnavailableError, lambda: client.push(push(key, password=CANARY)))
    assert client.push(push(key, password=CANARY)) is PushOutcome.CREATED
    assert kept(openbao, key) == ({"password": CANARY}, 1, MARK)


def test_a_lost_deletion_is_sent_once(connect, proxy, key):
    client = connect()
    client.push(push(key, password=CANARY))
    proxy.order(Trouble.RESET, path=f"^DELETE .*{key}", delivered=True)
    raised(StoreUnavailableError, lambda: client.delete(PushTarget(store=STORE, key=key)))
    proxy.heal()
    assert proxy.asked(f"^DELETE .*{key}") == 1
    assert client.delete(PushTarget(store=STORE, key=key)) is PushOutcome.ABSENT


def test_a_server_that_refuses_connections(connect, proxy, key):
    client = connect(retries=0)
    proxy.refuse()
    error = raised(StoreUnavailableError, lambda: client.push(push(key, password=CANARY)))
    assert error.store == str(STORE)


def test_version_1_keeps_the_mark_beside_the_data(connect, openbao, old_engine, key):
    client = connect(path=old_engine, version="v1")
    assert client.push(push(key, password=CANARY)) is PushOutcome.CREATED
    assert openbao.ask("GET", f"{old_engine}/{key}")["data"] == {"password": CANARY, "custom_metadata": MARK}
    assert client.push(push(key, "more", value="1")) is PushOutcome.UPDATED
    assert not client.exists(PushTarget(store=STORE, key=key, property="custom_metadata"))
    openbao.ask("POST", f"{old_engine}/{key}", {"password": "x", "custom_metadata": {"managed-by": "me"}})
    raised(NotOwnedError, lambda: client.push(push(key, password=CANARY)))
