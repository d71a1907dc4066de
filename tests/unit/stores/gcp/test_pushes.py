"""What a push asks Secret Manager; the answers are the stand-in's."""

from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import (
    ConflictError,
    InvalidRequestError,
    NotOwnedError,
    SecretVersionDeletedError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Push, PushOutcome, PushTarget, StoreKey
from virtrigaud_secrets.testing.contract import CANARY, assert_hidden

PROJECT = "test-project"
STORE = StoreKey(kind="SecretStore", namespace="virtrigaud-system", name="gcp-secret-manager")
MARK = {"managed-by": "external-secrets"}
HEAD = {"apiVersion": "kubernetes.external-secrets.io/v1alpha1", "kind": "PushSecretMetadata"}


def target(name=""):
    return PushTarget(store=STORE, key="k", property=name)


def push(value=CANARY, name="", *, dry_run=False, **spec):
    metadata = {**HEAD, "spec": spec} if spec else None
    entries = {"a": Sensitive(value)}
    return Push(target=target(name), entries=entries, secret_key="a", metadata=metadata, dry_run=dry_run)


def raised(kind, call):
    with pytest.raises(kind) as caught:
        call()
    assert_hidden(caught.value)
    assert caught.value.store == str(STORE)
    return caught.value


@pytest.fixture
def kept(world):
    return lambda: world.google.secrets.state(PROJECT, "k")


@pytest.fixture
def sent(world):
    """What went to Secret Manager, each as method and the end of its path."""

    def told():
        return [f"{one.method} {one.path.rpartition('/')[2]}" for one in world.google.asked if "/v1/pro" in one.path]

    return told


def test_a_new_secret_is_marked_before_it_has_a_value(world, kept, sent):
    assert world.connect().push(push()) is PushOutcome.CREATED
    assert sent() == ["GET k", "POST secrets", "POST k:addVersion"]
    assert (kept().labels, kept().annotations, kept().replication) == (MARK, {}, {"automatic": {}})
    assert kept().versions[0].data == CANARY.encode()


def test_metadata_says_how(world, kept):
    client = world.connect()
    spec = {"labels": {"a": "1"}, "annotations": {"n": "2"}, "topics": ["projects/p/topics/t"]}
    client.push(push(**spec, replicationLocations=["europe-west3", "europe-west4"], cmekKeyName="key"))
    secret = kept()
    assert (secret.labels, secret.annotations, secret.topics) == ({"a": "1", **MARK}, {"n": "2"}, spec["topics"])
    encryption = {"customerManagedEncryption": {"kmsKeyName": "key"}}
    replicas = [{"location": location, **encryption} for location in ("europe-west3", "europe-west4")]
    assert secret.replication == {"userManaged": {"replicas": replicas}}
    assert client.push(push(**spec)) is PushOutcome.UNCHANGED
    # What the secret has wins, and Merge is about labels only.
    merging = {"labels": {"a": "2", "b": "3"}, "annotations": {"m": "4"}, "mergePolicy": "Merge"}
    assert client.push(push(**merging)) is PushOutcome.UPDATED
    assert (kept().labels, kept().annotations, kept().topics) == ({"a": "1", "b": "3", **MARK}, {"m": "4"}, [])
    assert client.push(push(**merging)) is PushOutcome.UNCHANGED
    assert client.push(push(labels={"managed-by": "me"})) is PushOutcome.UPDATED
    assert (kept().labels, kept().annotations, kept().topics, len(kept().versions)) == (MARK, {}, [], 1)


def test_one_location_gives_way_to_several(world, kept):
    world.connect().push(push(replicationLocation="europe-west1", replicationLocations=["europe-west3"]))
    assert kept().replication == {"userManaged": {"replicas": [{"location": "europe-west3"}]}}


def test_a_property_leaves_labels_alone(world, kept):
    client = world.connect()
    client.push(push('{"x": 1}', labels={"a": "1"}))
    assert client.push(push(name="b.c")) is PushOutcome.UPDATED
    assert kept().versions[-1].data.decode() == f'{{"x": 1,"b":{{"c":"{CANARY}"}}}}'
    assert kept().labels == {"a": "1", **MARK}
    raised(InvalidRequestError, lambda: client.push(push(name="b", labels={"a": "1"})))


def test_a_property_of_what_is_no_json_is_refused(world):
    client = world.connect()
    client.push(push(f"text {CANARY}"))
    raised(InvalidRequestError, lambda: client.push(push(name="p")))


def test_what_lacks_the_mark_is_refused(world, put, kept):
    put("k", "theirs", labels={"managed-by": "me"})
    raised(NotOwnedError, lambda: world.connect().push(push()))
    assert world.connect().delete(target()) is PushOutcome.NOT_OWNED
    assert len(kept().versions) == 1


def test_a_disabled_version_is_replaced_as_a_whole_only(world, kept):
    client = world.connect()
    client.push(push('{"x": 1}'))
    world.google.secrets.set_state(PROJECT, "k", "1", "DISABLED")
    raised(SecretVersionDeletedError, lambda: client.push(push(name="p")))
    raised(SecretVersionDeletedError, lambda: client.delete(target("x")))
    assert client.exists(target())
    assert not client.exists(target("x"))
    assert client.push(push()) is PushOutcome.UPDATED
    assert len(kept().versions) == 2


def test_a_dry_run_only_reads(world, kept, sent):
    client = world.connect()
    assert client.push(push(dry_run=True)) is PushOutcome.CREATED
    assert client.delete(target(), dry_run=True) is PushOutcome.ABSENT
    assert kept() is None
    assert {one.partition(" ")[0] for one in sent()} == {"GET"}


def test_a_name_that_cannot_be_is_not_asked_for(world, sent):
    bad = Push(target=PushTarget(store=STORE, key="a/b"), entries={"a": Sensitive("v")}, secret_key="a")
    raised(InvalidRequestError, lambda: world.connect().push(bad))
    assert sent() == []


@pytest.mark.parametrize("code", ["ABORTED", "FAILED_PRECONDITION"])
def test_a_change_meanwhile_is_a_conflict(world, kept, monkeypatch, code):
    client = world.connect()
    client.push(push())
    real = world.google.secrets.answer

    def meanwhile(method, resource, query, body=None):
        if method != "GET":
            kept().revision += 1
            if code == "ABORTED":
                return 409, {"error": {"status": code}}
        return real(method, resource, query, body)

    monkeypatch.setattr(world.google.secrets, "answer", meanwhile)
    raised(ConflictError, lambda: client.push(push(labels={"b": "1"})))
    raised(ConflictError, lambda: client.delete(target()))
    assert kept().labels == MARK
