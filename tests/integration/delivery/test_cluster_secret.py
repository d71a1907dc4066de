"""Target Secrets on a real kube-apiserver: what it keeps, whose fields it says they are, what it refuses, RBAC."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.delivery import ClusterSecret, SecretTarget
from virtrigaud_secrets.delivery import target_report as report
from virtrigaud_secrets.delivery.managed_fields import field_manager
from virtrigaud_secrets.delivery.secret_target import CreationPolicy
from virtrigaud_secrets.delivery.target_decision import Action, is_valid
from virtrigaud_secrets.delivery.target_writer import TargetWriter
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ConflictError,
    ImmutableSecretError,
    InvalidRequestError,
    NothingFoundError,
    NotOwnedError,
    StoreUnavailableError,
    ValidationError,
)
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.cluster_access import read_kubeconfig
from virtrigaud_secrets.stores.cluster_objects import SECRETS, ClusterObjects
from virtrigaud_secrets.testing.servers import KubernetesAPI

pytestmark = pytest.mark.integration

HASH = "80eff8398992091e997ad22b5279f252d91d7f6ce832d51e6d4d97e4"
"""Of a: "" and b: bar (ESO §7)."""
BUNDLE = Bundle({"a": b"", "b": b"bar"}, labels={"team": "db"}, annotations={"note": "n"})
GONE = NothingFoundError("nothing", deletion_policy="Delete")
UID = "0b5a1a36-52d5-4f0a-9f0c-000000000001"
LONG = "an-external-secret-with-a-name-of-more-than-27-characters"


@dataclass
class Place:
    """A namespace of a cluster, and clients for it."""

    cluster: KubernetesAPI
    name: str
    clients: list[ClusterObjects] = field(default_factory=list)

    def client(self, *verbs: str) -> ClusterObjects:
        """The administrator's; with verbs that of a user who may do these to Secrets of the namespace, and no more."""
        kubeconfig = self.cluster.kubeconfig()
        if verbs:
            user = f"user-{secrets.token_hex(4)}"
            self.cluster.grant({"kind": "User", "name": user}, namespace=self.name, resource="secrets", verbs=verbs)
            kubeconfig = self.cluster.kubeconfig(certificate=self.cluster.issue_client_certificate(user))
        access = read_kubeconfig(kubeconfig, SystemClock())
        self.clients.append(ClusterObjects(access, timeout=Settings().request_timeout))
        return self.clients[-1]

    def target(self, policy: CreationPolicy = "Owner", **more: Any) -> SecretTarget:
        given = {"name": "s", "namespace": self.name, "manifest": "es", "uid": UID, "creation_policy": policy}
        return SecretTarget(**{**given, **more})

    def put(self, name: str = "s", **parts: Any) -> None:
        self.client().create(SECRETS, {"metadata": {"name": name}} | parts, namespace=self.name, field_manager="other")

    def secret(self, name: str = "s") -> dict[str, Any]:
        return cast("dict[str, Any]", self.client().get(SECRETS, name, namespace=self.name))

    def values(self, name: str = "s") -> dict[str, bytes]:
        data: dict[str, str] = self.secret(name).get("data", {})
        return {key: base64.b64decode(value) for key, value in data.items()}


@pytest.fixture
def place(cluster: KubernetesAPI) -> Iterator[Place]:
    name = f"test-{secrets.token_hex(4)}"
    cluster.create("Namespace", name)
    made = Place(cluster, name)
    yield made
    for client in made.clients:
        client.close()


@pytest.mark.parametrize("policy", ["Owner", "Orphan", "CreateOrMerge"])
def test_the_secret_is_the_one_that_eso_makes(place: Place, policy: CreationPolicy) -> None:
    """Expected: ESO §2.9, written out."""
    target = place.target(policy)
    assert TargetWriter(place.client()).write(target, BUNDLE).action is Action.CREATE
    made = place.secret()
    metadata = made.pop("metadata")
    (manager,) = {entry["manager"] for entry in metadata.pop("managedFields")}
    for given in ("uid", "resourceVersion", "creationTimestamp"):
        del metadata[given]
    labels = {"team": "db", "reconcile.external-secrets.io/managed": "true"}
    expected: dict[str, Any] = {
        "name": "s",
        "namespace": place.name,
        "labels": labels,
        "annotations": {"note": "n", "reconcile.external-secrets.io/data-hash": HASH},
    }
    if policy == "Owner":
        labels["reconcile.external-secrets.io/created-by"] = target.created_by
        reference = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "es", "uid": UID}
        expected["ownerReferences"] = [reference | {"controller": True, "blockOwnerDeletion": True}]
    assert metadata == expected
    assert made == {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"a": "", "b": "YmFy"}}
    assert manager == "externalsecrets.external-secrets.io/es"


@pytest.mark.parametrize("policy", ["Owner", "Orphan", "Merge", "CreateOrMerge"])
def test_the_second_time_writes_nothing(place: Place, policy: CreationPolicy) -> None:
    place.put(data={"theirs": "MQ=="})
    writer, target = TargetWriter(place.client()), place.target(policy)
    assert writer.write(target, BUNDLE).action is Action.REPLACE
    before = place.secret()
    decision = writer.write(target, BUNDLE)
    assert (decision.action, decision.condition) == (Action.LEAVE, report.SYNCED)
    assert place.secret() == before
    assert is_valid(writer.read(target), policy)


@pytest.mark.parametrize("manifest", ["es", LONG])
@pytest.mark.parametrize("policy", ["Merge", "CreateOrMerge"])
def test_keys_of_another_manager_stay_and_own_ones_go(place: Place, policy: CreationPolicy, manifest: str) -> None:
    place.put(data={"theirs": "MQ=="})
    writer, target = TargetWriter(place.client()), place.target(policy, manifest=manifest)
    writer.write(target, BUNDLE)
    assert field_manager(manifest) in {entry["manager"] for entry in place.secret()["metadata"]["managedFields"]}
    assert place.values() == {"theirs": b"1", "a": b"", "b": b"bar"}
    writer.write(target, Bundle({"c": b"3"}))
    assert place.values() == {"theirs": b"1", "c": b"3"}
    assert set(place.secret()["metadata"]["labels"]) == {"reconcile.external-secrets.io/managed"}


def test_merge_makes_nothing(place: Place) -> None:
    decision = TargetWriter(place.client()).write(place.target("Merge"), BUNDLE)
    assert decision.condition is report.MISSING
    assert place.secret() is None


def test_an_edit_is_seen_and_undone(place: Place) -> None:
    writer, target = TargetWriter(place.client()), place.target()
    writer.write(target, BUNDLE)
    place.client().patch(SECRETS, "s", {"data": {"b": "ZWRpdGVk"}}, namespace=place.name)
    assert not is_valid(writer.read(target), "Owner")
    assert writer.write(target, BUNDLE).action is Action.REPLACE
    assert is_valid(writer.read(target), "Owner")


def test_changes_of_the_policy_give_ownership_up_and_take_it_back(place: Place) -> None:
    writer = TargetWriter(place.client())
    for policy in ("Owner", "Orphan", "Owner"):
        writer.write(place.target(policy), BUNDLE)
        metadata = place.secret()["metadata"]
        assert ("ownerReferences" in metadata) is (policy == "Owner")
        assert ("reconcile.external-secrets.io/created-by" in metadata["labels"]) is (policy == "Owner")


def test_another_external_secrets_secret_is_not_touched(place: Place) -> None:
    writer = TargetWriter(place.client())
    writer.write(place.target(), BUNDLE)
    before = place.secret()
    other = place.target(manifest="other", deletion_policy="Delete")
    for outcome in (Bundle({"x": b"y"}), GONE, StoreUnavailableError("no answer")):
        decision = writer.write(other, outcome)
        assert decision.action is Action.LEAVE
        assert decision.failure is not None
    assert place.secret() == before


class TestImmutable:
    def test_the_server_refuses_what_we_refuse(self, place: Place) -> None:
        writer, target = TargetWriter(place.client()), place.target(immutable=True)
        writer.write(target, BUNDLE)
        body = place.secret()
        assert body["immutable"] is True
        with pytest.raises(InvalidRequestError):
            place.client().replace(SECRETS, "s", {**body, "data": {"a": "bmV3"}}, namespace=place.name)
        decision = writer.write(target, Bundle({"a": b"new"}, annotations={"force-sync": "1"}))
        assert isinstance(decision.failure, ImmutableSecretError)
        assert place.secret() == body

    def test_one_that_only_the_cluster_calls_immutable(self, place: Place) -> None:
        writer, target = TargetWriter(place.client()), place.target()
        writer.write(place.target(immutable=True), BUNDLE)
        decision = writer.write(target, Bundle({"a": b"new"}))
        assert (decision.action, decision.condition) == (Action.REPLACE, report.IMMUTABLE)
        assert place.values() == {"a": b"", "b": b"bar"}
        before = place.secret()
        assert writer.write(target, Bundle({"a": b"new"})).condition is report.IMMUTABLE
        assert place.secret() == before

    def test_labels_follow(self, place: Place) -> None:
        writer = TargetWriter(place.client())
        writer.write(place.target(immutable=True), BUNDLE)
        decision = writer.write(place.target(), Bundle(dict(BUNDLE), labels={"team": "web"}))
        assert (decision.action, decision.failure) == (Action.REPLACE, None)
        assert place.secret()["metadata"]["labels"]["team"] == "web"

    def test_a_type_is_for_life(self, place: Place) -> None:
        place.put(data={"tls.crt": "", "tls.key": ""}, type="kubernetes.io/tls")
        with pytest.raises(InvalidRequestError):
            place.client().replace(SECRETS, "s", {**place.secret(), "type": "Opaque"}, namespace=place.name)
        decision = TargetWriter(place.client()).write(place.target(type="Opaque"), BUNDLE)
        assert isinstance(decision.failure, ImmutableSecretError)


class TestConflicts:
    def test_a_stale_write_is_refused_by_the_server(self, place: Place) -> None:
        place.put(data={"a": "MQ=="})
        stale = place.secret()
        place.client().patch(SECRETS, "s", {"data": {"b": "Mg=="}}, namespace=place.name)
        with pytest.raises(ConflictError):
            place.client().replace(SECRETS, "s", {**stale, "data": {"c": "Mw=="}}, namespace=place.name)

    def test_many_who_write_one_secret_lose_nothing_of_each_other(self, place: Place) -> None:
        client = place.client()

        def write(number: int) -> None:
            target = place.target("CreateOrMerge", manifest=f"es-{number}", uid="")
            writer = TargetWriter(client)
            for turn in range(5):
                bundle = Bundle({f"key-{number}": str(turn).encode()})
                while isinstance(writer.write(target, bundle).failure, ConflictError):
                    pass

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        assert place.values() == {f"key-{number}": b"4" for number in range(4)}


class TestDeletion:
    def test_what_it_made_goes_and_what_others_made_stays(self, place: Place) -> None:
        writer = TargetWriter(place.client())
        target = place.target(deletion_policy="Delete")
        place.put(data={"theirs": "MQ=="})
        assert isinstance(writer.write(target, GONE).failure, NotOwnedError)
        assert place.values() == {"theirs": b"1"}
        writer.write(target, BUNDLE)
        assert writer.write(target, GONE).condition is report.DELETED
        assert place.secret() is None
        assert writer.write(target, GONE).condition is report.DELETED

    def test_an_outage_deletes_nothing(self, place: Place) -> None:
        writer, target = TargetWriter(place.client()), place.target(deletion_policy="Delete")
        writer.write(target, BUNDLE)
        before = place.secret()
        assert writer.write(target, StoreUnavailableError("no answer")).condition is report.NOT_RESOLVED
        assert place.secret() == before

    def test_a_renamed_target_takes_the_old_one_along(self, place: Place) -> None:
        writer = TargetWriter(place.client())
        writer.write(place.target(name="old"), BUNDLE)
        place.put("theirs")
        decision = writer.write(place.target(name="new"), BUNDLE)
        assert decision.events == (report.CREATION, report.ORPHAN_DELETION)
        assert place.secret("old") is None
        assert place.secret("theirs") is not None

    def test_finalizers_hold_it_and_are_not_added_again(self, place: Place) -> None:
        target = place.target(deletion_policy="Delete", finalizers=("example.org/hold",))
        writer = TargetWriter(place.client())
        writer.write(target, BUNDLE)
        assert writer.remove(target).action is Action.DELETE
        assert "deletionTimestamp" in place.secret()["metadata"]
        place.client().patch(SECRETS, "s", {"metadata": {"finalizers": None}}, namespace=place.name)
        assert place.secret() is None


@pytest.mark.parametrize(
    ("type_", "bundle"),
    [
        ("", Bundle({"a": b"1"}, labels={"user": "no label"})),
        ("", Bundle({"a": b"x" * ((1 << 20) + 1)})),
        ("kubernetes.io/tls", Bundle({"tls.crt": b""})),
        ("kubernetes.io/ssh-auth", Bundle({"a": b""})),
        ("kubernetes.io/basic-auth", Bundle({"a": b""})),
        ("kubernetes.io/dockercfg", Bundle({"a": b""})),
        ("kubernetes.io/dockerconfigjson", Bundle({"a": b""})),
    ],
)
def test_what_is_not_sent_would_be_refused(place: Place, type_: str, bundle: Bundle) -> None:
    decision = TargetWriter(place.client()).write(place.target("Orphan", type=type_), bundle)
    assert isinstance(decision.failure, ValidationError)
    data = {key: base64.b64encode(value).decode() for key, value in bundle.items()}
    with pytest.raises(InvalidRequestError):
        place.put(type=type_ or "Opaque", data=data, metadata={"name": "s", "labels": dict(bundle.labels)})


class TestRights:
    """Verbs as docs/delivery.md lists them."""

    def test_a_script_needs_three_verbs(self, place: Place) -> None:
        target = place.target("Orphan", uid="")
        with ClusterSecret(target, cluster=place.client("get", "create", "update")) as secret:
            assert secret.write(BUNDLE)
            assert secret.write(Bundle({"a": b"2"}))
            assert not secret.write(Bundle({"a": b"2"}))

    def test_an_owner_needs_two_more(self, place: Place) -> None:
        writer = TargetWriter(place.client("get", "create", "update", "list", "delete"))
        writer.write(place.target(name="old", deletion_policy="Delete"), BUNDLE)
        assert writer.write(place.target(name="new", deletion_policy="Delete"), BUNDLE).failure is None
        assert writer.write(place.target(name="new", deletion_policy="Delete"), GONE).failure is None
        assert place.secret("old") is place.secret("new") is None

    @pytest.mark.parametrize("missing", ["get", "create"])
    def test_without_one_it_says_which(self, place: Place, missing: str) -> None:
        verbs = [verb for verb in ("get", "create", "update") if verb != missing]
        with (
            ClusterSecret(place.target("Orphan"), cluster=place.client(*verbs)) as secret,
            pytest.raises(AccessDeniedError, match=f"refuses `{missing} secrets`"),
        ):
            secret.write(BUNDLE)
        assert place.secret() is None


def test_it_follows_a_subscription_by_the_settings_cluster(place: Place, by_hand: Any) -> None:
    subscription = by_hand(BUNDLE)
    settings = Settings(kubeconfig=place.cluster.kubeconfig())
    target = SecretTarget(name="s", namespace=place.name)
    with ClusterSecret(target, settings=settings) as secret:
        secret.follow(subscription)
        assert place.values() == {"a": b"", "b": b"bar"}
        subscription.rotate(Bundle({"a": b"rotated"}))
        assert place.values() == {"a": b"rotated"}
