"""What an audit is told: each handing over once, with who asked and where it came from; `current` tells nothing."""

from __future__ import annotations

import asyncio
import threading
import traceback

import pytest

from virtrigaud_secrets import AsyncResolver, Resolver, Settings
from virtrigaud_secrets.errors import AccessDeniedError, ManifestNotFoundError, StoreUnavailableError
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.runtime.accesses import AccessKind, acting_as, current_caller


class Heard:
    """An auditor that keeps what it is told."""

    def __init__(self):
        self.accesses = []
        self.reads = []
        self.flushed = []

    def accessed(self, access):
        self.accesses.append(access)

    def read(self, read):
        self.reads.append(read)

    def flush(self, timeout):
        self.flushed.append(timeout)
        return True

    def kinds(self):
        return [(str(access.kind), access.cached, access.caller) for access in self.accesses]


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def audited(lab, catalog, clock, heard):
    with Resolver(catalog, settings=Settings(), clock=clock, auditor=heard, background=False) as made:
        yield made


def test_each_resolve_is_told_cached_or_not(audited, heard):
    with acting_as("reconcile"):
        first = audited.resolve("kv", namespace="ns")
        assert audited.resolve("kv", namespace="ns") is first
    assert audited.cached("kv", namespace="ns") is first
    assert heard.kinds() == [
        ("resolve", False, "reconcile"),
        ("resolve", True, "reconcile"),
        ("resolve", True, ""),
    ]
    assert {access.manifest for access in heard.accesses} == {"ExternalSecret ns/kv"}
    assert heard.accesses[0].bundle is first
    assert heard.accesses[0].thread == threading.current_thread().name
    assert audited.health().secrets[0].hits == 2


def test_what_is_due_is_not_given_out_of_the_cache(audited, heard, clock):
    audited.resolve("kv")
    clock.advance(3600)
    assert audited.cached("kv") is None
    assert audited.cached("db") is None
    audited.resolve("kv")
    assert heard.kinds() == [("resolve", False, "")] * 2


def test_each_read_of_a_store_is_told_once(audited, heard):
    audited.resolve("kv")
    audited.resolve("kv-too")
    audited.resolve("search")
    told = [(read.path, read.store, read.error) for read in heard.reads]
    assert sorted(told[:2]) == [("kv/a", "SecretStore ns/lab", None), ("kv/b", "SecretStore ns/lab", None)]
    assert {path for path, _, _ in told[2:]} == {"kv/a", "kv/b"}
    assert heard.kinds()[1] == ("resolve", False, "")


def test_a_lease_is_told_by_its_hash(audited, heard):
    bundle = audited.resolve("db")
    (read,) = heard.reads
    assert read.lease == bundle.leases[0].fingerprint
    assert read.lease not in bundle.leases[0].lease_id


def test_failures_are_told(audited, heard, lab):
    lab.fail("get", "kv/a", AccessDeniedError("no", path="kv/a", request_id="r"))
    with pytest.raises(AccessDeniedError):
        audited.resolve("kv", namespace="ns")
    with pytest.raises(ManifestNotFoundError):
        audited.resolve("nowhere")
    assert [(access.manifest, type(access.error), access.bundle) for access in heard.accesses] == [
        ("ExternalSecret ns/kv", AccessDeniedError, None),
        ("ExternalSecret nowhere", ManifestNotFoundError, None),
    ]
    (refused,) = [read for read in heard.reads if read.error is not None]
    assert (refused.path, refused.request_id) == ("kv/a", "r")


def test_a_search_that_fails_is_told(audited, heard, lab):
    lab.fail("find", "^kv/", StoreUnavailableError("down"))
    with pytest.raises(StoreUnavailableError):
        audited.resolve("search")
    assert [type(read.error) for read in heard.reads] == [StoreUnavailableError]


def test_many_at_once_and_refreshes(audited, heard):
    with acting_as("start"):
        audited.resolve_all([("ns", "kv"), ("ns", "db")])
        audited.refresh("kv")
    assert heard.kinds() == [("resolve", False, "start")] * 2 + [("refresh", False, "start")]


def test_a_subscription_tells_each_value_and_each_use_and_no_look(audited, heard, clock):
    with acting_as("driver"):
        subscription = audited.subscribe("db")
    audited.run_due()
    for _ in range(3):
        assert subscription.current
    with acting_as("worker"), subscription.use():
        pass
    audited.refresh("db")
    audited.refresh("kv")
    assert heard.kinds() == [
        ("change", False, "driver"),
        ("use", True, "worker"),
        ("change", False, "driver"),
        ("refresh", False, ""),
        ("refresh", False, ""),
    ]


def test_a_value_from_before_the_subscription_is_told(audited, heard):
    audited.resolve("kv")
    subscription = audited.subscribe("kv")
    assert subscription.current
    assert heard.kinds() == [("resolve", False, ""), ("change", True, "")]


def test_the_same_value_again_is_no_change(audited, heard, clock):
    subscription = audited.subscribe("kv")
    assert subscription.current
    clock.advance(60)
    audited.run_due()
    assert [kind for kind, _, _ in heard.kinds()] == ["change"]


def test_closing_flushes_once(audited, heard):
    audited.close()
    audited.close()
    assert len(heard.flushed) == 1


def test_asyncio_tells_each_task_by_its_own_name(lab, catalog, clock, heard):
    async def ask(resolver, name):
        with acting_as(name):
            await resolver.resolve("kv")

    async def scene():
        async with AsyncResolver(
            catalog, settings=Settings(), clock=clock, auditor=heard, background=False
        ) as resolver:
            await asyncio.gather(ask(resolver, "one"), ask(resolver, "two"))
            await ask(resolver, "three")
            with acting_as("four"):
                await resolver.refresh("kv")
            with pytest.raises(ManifestNotFoundError):
                await resolver.resolve("nowhere")

    asyncio.run(scene())
    told = [(str(access.kind), access.caller) for access in heard.accesses]
    assert sorted(told[:2]) == [("resolve", "one"), ("resolve", "two")]
    assert told[2:] == [("resolve", "three"), ("refresh", "four"), ("resolve", "")]
    assert len(heard.reads) == 4


PUSH = """
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: {name: push, namespace: ns}
spec:
  secretStoreRefs: [{name: fake}]
  selector: {secret: {name: source}}
  data: [{match: {secretKey: a, remoteRef: {remoteKey: r, property: p}}}]
---
apiVersion: v1
kind: Secret
metadata: {name: source, namespace: ns}
stringData: {a: b}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: fake, namespace: ns}
spec: {provider: {fake: {data: []}}}
"""


def test_a_push_is_told_and_a_dry_run_is_not(tmp_path, clock, heard):
    (tmp_path / "all.yaml").write_text(PUSH)
    with Resolver(load(tmp_path), settings=Settings(), clock=clock, auditor=heard, background=False) as resolver:
        resolver.push("push", dry_run=True)
        assert heard.accesses == []
        resolver.push("push")
    (access,) = heard.accesses
    assert (access.kind, access.manifest) == (AccessKind.PUSH, "PushSecret ns/push")
    assert (access.target, access.outcome) == ("SecretStore ns/fake r#p", "created")


def test_names_of_callers_nest():
    assert current_caller() == ""
    with acting_as("outer"):
        with acting_as("inner"):
            assert current_caller() == "inner"
        assert current_caller() == "outer"
    assert current_caller() == ""


def test_what_fails_in_asyncio_holds_no_locals(lab, catalog, clock, heard):
    """Nobody's traceback shows what the frames below had in hand."""
    lab.fail("get", "kv/a", AccessDeniedError("no"))

    async def scene():
        async with AsyncResolver(
            catalog, settings=Settings(), clock=clock, auditor=heard, background=False
        ) as resolver:
            with pytest.raises(AccessDeniedError) as caught:
                await resolver._shared("key", lambda: resolver._resolver.obtain("kv", None, None))
            return caught.value

    original = asyncio.run(scene()).__context__
    frames = [frame for frame, _ in traceback.walk_tb(original.__traceback__)]
    below = [frame for frame in frames if frame.f_code.co_filename.endswith(("keeper.py", "making.py", "execution.py"))]
    assert below
    assert not any(frame.f_locals for frame in below)
