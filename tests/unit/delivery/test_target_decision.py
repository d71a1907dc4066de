"""Policies by states. Expected objects are written out from ESO §2.6 to §2.9, hashes from ESO §7."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery import target_report as report
from virtrigaud_secrets.delivery.live_secret import LiveSecret
from virtrigaud_secrets.delivery.secret_target import CreationPolicy, SecretTarget
from virtrigaud_secrets.delivery.target_decision import Action, Decision, decide, decide_removal, is_valid
from virtrigaud_secrets.errors import (
    DecodingError,
    ImmutableSecretError,
    NothingFoundError,
    NotOwnedError,
    ResolveError,
    SecretsError,
    StoreUnavailableError,
    TemplateError,
    ValidationError,
)

MANAGER = "externalsecrets.external-secrets.io/name"
CREATED_BY = "bb23d4143f48a70026bb6cffbf0e5df5557eb3bc56885091e92a5690"
HASH = "80eff8398992091e997ad22b5279f252d91d7f6ce832d51e6d4d97e4"
HASH_OF_NOTHING = "74a974446e359fb3e6baff9bd0058950e6edd0f040888d9989b0a11b"
BUNDLE = Bundle({"a": b"", "b": b"bar"}, name="s", namespace="ns", labels={"team": "db"}, annotations={"note": "n"})
OWNER = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "ExternalSecret",
    "name": "name",
    "uid": "u1",
    "controller": True,
    "blockOwnerDeletion": True,
}
ALL: tuple[CreationPolicy, ...] = ("Owner", "Orphan", "Merge", "CreateOrMerge", "None")


def target(policy: CreationPolicy = "Owner", **more: Any) -> SecretTarget:
    return SecretTarget(name="s", namespace="ns", manifest="name", uid="u1", creation_policy=policy, **more)


def live(data: dict[str, bytes] | None = None, *, managed: dict[str, Any] | None = None, **more: Any) -> LiveSecret:
    """A Secret of the cluster; `managed` is what the manifest's field manager wrote of it."""
    content = {key: more.pop(key) for key in ("type", "immutable") if key in more}
    metadata = {"name": "s", "namespace": "ns", "uid": "s1", "resourceVersion": "7", **more}
    if managed is not None:
        metadata["managedFields"] = [
            {"manager": "kubectl", "fieldsV1": {"f:data": {"f:theirs": {}}}},
            {"manager": MANAGER, "fieldsV1": managed},
        ]
    encoded = {key: base64.b64encode(value).decode() for key, value in (data or {}).items()}
    return LiveSecret.from_document({"type": "Opaque", **content, "metadata": metadata, "data": encoded})


def body(decision: Decision) -> dict[str, Any]:
    assert decision.secret is not None
    return decision.secret.to_document()


def written(decision: Decision) -> LiveSecret:
    """What the cluster keeps after the decision was carried out."""
    document = body(decision)
    metadata = {"uid": "s1", **document["metadata"], "resourceVersion": "8"}
    return LiveSecret.from_document({**document, "metadata": metadata})


def expected(policy: CreationPolicy, **more: Any) -> dict[str, Any]:
    """The Secret that ESO makes of the bundle."""
    metadata: dict[str, Any] = {
        "name": "s",
        "namespace": "ns",
        "labels": {"team": "db", "reconcile.external-secrets.io/managed": "true"},
        "annotations": {"note": "n", "reconcile.external-secrets.io/data-hash": HASH},
    }
    if policy == "Owner":
        metadata["labels"]["reconcile.external-secrets.io/created-by"] = CREATED_BY
        metadata["ownerReferences"] = [OWNER]
    return {"type": "Opaque", "data": {"a": "", "b": "YmFy"}, "metadata": metadata, **more}


def body_of(there: LiveSecret, content: dict[str, Any]) -> dict[str, Any]:
    """The content as it is written over a Secret."""
    return content | {"metadata": content["metadata"] | {"uid": there.uid, "resourceVersion": there.version}}


class TestNothingThere:
    @pytest.mark.parametrize("policy", ["Owner", "Orphan", "CreateOrMerge"])
    def test_it_is_made(self, policy: CreationPolicy) -> None:
        decision = decide(target(policy), None, BUNDLE)
        assert (decision.action, decision.condition) == (Action.CREATE, report.SYNCED)
        assert (decision.events, decision.is_bound) == ((report.CREATION,), True)
        assert body(decision) == expected(policy)

    def test_merge_waits_for_somebody_to_make_it(self) -> None:
        decision = decide(target("Merge"), None, BUNDLE)
        assert (decision.action, decision.condition, decision.secret) == (Action.LEAVE, report.MISSING, None)
        assert not decision.is_bound

    def test_none_makes_nothing(self) -> None:
        decision = decide(target("None"), None, BUNDLE)
        assert (decision.action, decision.condition) == (Action.LEAVE, report.SYNCED)

    def test_type_immutability_and_finalizers_are_the_manifests(self) -> None:
        wanted = target("Orphan", type="example.org/own", immutable=True, finalizers=("example.org/f", "example.org/f"))
        made = body(decide(wanted, None, BUNDLE))
        assert (made["type"], made["immutable"]) == ("example.org/own", True)
        assert made["metadata"]["finalizers"] == ["example.org/f"]

    def test_a_bundles_own_type_counts(self) -> None:
        bundle = Bundle({"a": b"1"}, type="example.org/own")
        assert body(decide(target("Orphan"), None, bundle))["type"] == "example.org/own"

    def test_a_bundle_without_keys_is_a_secret_without_data(self) -> None:
        made = body(decide(target("Owner", deletion_policy="Merge"), None, Bundle({})))
        assert "data" not in made
        assert made["metadata"]["annotations"] == {"reconcile.external-secrets.io/data-hash": HASH_OF_NOTHING}


class TestSecretThere:
    @pytest.mark.parametrize("policy", ["Owner", "Orphan"])
    def test_data_is_replaced_and_foreign_metadata_stays(self, policy: CreationPolicy) -> None:
        there = live({"theirs": b"x"}, labels={"app": "web"}, annotations={"their": "s"}, finalizers=["example.org/f"])
        decision = decide(target(policy), there, BUNDLE)
        wanted = expected(policy)
        wanted["metadata"] |= {"uid": "s1", "resourceVersion": "7", "finalizers": ["example.org/f"]}
        wanted["metadata"]["labels"]["app"] = "web"
        wanted["metadata"]["annotations"]["their"] = "s"
        assert (decision.action, decision.condition, decision.events) == (
            Action.REPLACE,
            report.SYNCED,
            (report.UPDATE,),
        )
        assert decision.is_bound
        assert body(decision) == wanted

    @pytest.mark.parametrize("policy", ["Merge", "CreateOrMerge"])
    def test_merging_keeps_foreign_keys_and_drops_those_it_wrote_before(self, policy: CreationPolicy) -> None:
        managed = {"f:data": {".": {}, "f:b": {}, "f:gone": {}}}
        there = live({"theirs": b"x", "gone": b"old", "b": b"old"}, managed=managed)
        decision = decide(target(policy), there, BUNDLE)
        assert written(decision).values() == {"theirs": b"x", "a": b"", "b": b"bar"}
        assert is_valid(written(decision), policy)

    @pytest.mark.parametrize("policy", ["Owner", "Orphan", "Merge", "CreateOrMerge"])
    def test_labels_and_annotations_written_before_go(self, policy: CreationPolicy) -> None:
        managed = {"f:metadata": {"f:labels": {"f:old": {}}, "f:annotations": {"f:older": {}}}}
        there = live(labels={"old": "1", "app": "web"}, annotations={"older": "1"}, managed=managed)
        made = written(decide(target(policy), there, BUNDLE))
        assert set(made.labels) - {"reconcile.external-secrets.io/created-by"} == {
            "team", "app", "reconcile.external-secrets.io/managed"
        }  # fmt: skip
        assert set(made.annotations) == {"note", "reconcile.external-secrets.io/data-hash"}

    @pytest.mark.parametrize("policy", ["Orphan", "Merge", "CreateOrMerge"])
    def test_other_policies_give_ownership_up(self, policy: CreationPolicy) -> None:
        there = live(
            labels={"reconcile.external-secrets.io/created-by": CREATED_BY}, ownerReferences=[OWNER], annotations={}
        )
        made = written(decide(target(policy), there, BUNDLE))
        assert made.owners == ()
        assert "reconcile.external-secrets.io/created-by" not in made.labels

    def test_an_external_secret_made_anew_takes_over(self) -> None:
        there = live(ownerReferences=[OWNER | {"uid": "u0", "apiVersion": "external-secrets.io/v1beta1"}])
        assert written(decide(target(), there, BUNDLE)).owners == (OWNER,)

    @pytest.mark.parametrize("policy", ["Owner", "Orphan", "Merge", "CreateOrMerge"])
    def test_what_is_as_it_should_be_is_left(self, policy: CreationPolicy) -> None:
        there = written(decide(target(policy), live({"theirs": b"x"}), BUNDLE))
        decision = decide(target(policy), there, BUNDLE)
        assert (decision.action, decision.secret, decision.condition) == (Action.LEAVE, None, report.SYNCED)
        assert (decision.events, decision.is_bound) == ((), True)

    def test_none_looks_at_nothing(self) -> None:
        assert decide(target("None"), live({"x": b"y"}), BUNDLE).action is Action.LEAVE

    def test_the_type_it_has_stays_where_none_is_asked_for(self) -> None:
        made = written(decide(target("Orphan"), live(type="example.org/own"), BUNDLE))
        assert made.type == "example.org/own"

    def test_a_type_cannot_change(self) -> None:
        decision = decide(target("Orphan", type="example.org/own"), live({"a": b"1"}), BUNDLE)
        assert (decision.action, decision.condition, decision.is_permanent) == (Action.LEAVE, report.NOT_WRITTEN, True)
        assert isinstance(decision.failure, ImmutableSecretError)
        assert "spec.target.template.type" in str(decision.failure)

    def test_a_secret_that_is_going_gets_no_finalizer(self) -> None:
        there = live(deletionTimestamp="2026-11-26T00:00:00Z", finalizers=["example.org/other"])
        made = written(decide(target(finalizers=("example.org/f",)), there, BUNDLE))
        assert made.finalizers == ("example.org/other",)


class TestOwnership:
    @pytest.mark.parametrize("policy", ["Owner", "Orphan", "Merge", "CreateOrMerge"])
    def test_another_external_secrets_is_refused(self, policy: CreationPolicy) -> None:
        there = live({"a": b"1"}, ownerReferences=[OWNER | {"name": "other"}])
        decision = decide(target(policy), there, BUNDLE)
        assert (decision.action, decision.condition) == (Action.LEAVE, report.OWNED_BY_ANOTHER)
        assert (decision.is_permanent, decision.is_bound) == (True, True)
        assert isinstance(decision.failure, NotOwnedError)
        assert "owned by ExternalSecret other" in str(decision.failure)
        assert decision.events == (report.failure_event(decision.failure),)

    def test_another_controllers_is_refused_to_an_owner_only(self) -> None:
        there = live(ownerReferences=[{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "p", "controller": True}])
        refused = decide(target("Owner"), there, BUNDLE)
        assert (refused.action, refused.condition) == (Action.LEAVE, report.OWNED_BY_ANOTHER_CONTROLLER)
        assert (refused.is_permanent, refused.is_bound) == (True, True)
        assert decide(target("Orphan"), there, BUNDLE).action is Action.REPLACE


class TestImmutable:
    def test_it_becomes_immutable_with_its_data(self) -> None:
        made = written(decide(target(immutable=True), live({"a": b"old"}), BUNDLE))
        assert made.immutable
        assert made.values() == {"a": b"", "b": b"bar"}

    def test_where_the_manifest_says_so_nothing_but_marks_is_written(self) -> None:
        there = written(decide(target(immutable=True), None, BUNDLE))
        other = Bundle({"a": b"", "b": b"bar"}, labels={"team": "web"}, annotations={"force-sync": "1"})
        assert decide(target(immutable=True), there, other).action is Action.LEAVE
        decision = decide(target("Orphan", immutable=True), there, other)
        assert (decision.action, decision.condition, decision.events) == (Action.REPLACE, report.SYNCED, ())
        assert body(decision) == body_of(there, expected("Orphan", immutable=True))

    def test_other_data_is_refused_and_nothing_is_written(self) -> None:
        there = written(decide(target(immutable=True), None, BUNDLE))
        decision = decide(target(immutable=True), there, Bundle({"a": b"new"}, labels={"team": "web"}))
        assert (decision.action, decision.condition, decision.is_permanent) == (Action.LEAVE, report.IMMUTABLE, True)
        assert isinstance(decision.failure, ImmutableSecretError)
        assert decision.events == (report.failure_event(decision.failure),)
        assert decision.is_bound
        assert is_valid(there, "Owner")

    def test_where_only_the_secret_says_so_labels_follow(self) -> None:
        there = written(decide(target(immutable=True), None, BUNDLE))
        other = Bundle({"a": b"", "b": b"bar"}, labels={"team": "web"})
        decision = decide(target(), there, other)
        assert (decision.action, decision.condition) == (Action.REPLACE, report.SYNCED)
        assert written(decision).labels["team"] == "web"

    def test_where_only_the_secret_says_so_other_data_is_refused_and_metadata_follows_once(self) -> None:
        there = written(decide(target(immutable=True), None, BUNDLE))
        other = Bundle({"a": b"new"}, labels={"team": "db"}, annotations={"note": "n"})
        decision = decide(target(), there, other)
        assert (decision.action, decision.condition, decision.is_permanent) == (Action.REPLACE, report.IMMUTABLE, True)
        kept = written(decision)
        assert kept.values() == {"a": b"", "b": b"bar"}
        assert not is_valid(kept, "Owner")
        again = decide(target(), kept, other)
        assert (again.action, again.secret, again.condition) == (Action.LEAVE, None, report.IMMUTABLE)

    def test_it_stays_immutable_whatever_the_manifest_says_later(self) -> None:
        there = written(decide(target(immutable=True), None, BUNDLE))
        assert decide(target(immutable=False), there, BUNDLE).action is Action.LEAVE


class TestNothingFound:
    @staticmethod
    def gone(policy: str) -> NothingFoundError:
        return NothingFoundError("nothing", deletion_policy=policy)

    @pytest.mark.parametrize("policy", ALL)
    def test_retain_leaves_it(self, policy: CreationPolicy) -> None:
        for there in (None, live({"a": b"1"})):
            decision = decide(target(policy), there, self.gone("Retain"))
            assert (decision.action, decision.condition) == (Action.LEAVE, report.RETAINED)

    def test_delete_deletes_what_we_own(self) -> None:
        there = live({"a": b"1"}, ownerReferences=[OWNER])
        decision = decide(target(deletion_policy="Delete"), there, self.gone("Delete"))
        assert (decision.action, decision.condition) == (Action.DELETE, report.DELETED)
        assert decision.secret is there
        assert decision.events == (report.DELETION,)

    def test_what_is_gone_or_going_is_deleted(self) -> None:
        going = live(ownerReferences=[OWNER], deletionTimestamp="2026-11-26T00:00:00Z")
        for there in (None, going):
            decision = decide(target(deletion_policy="Delete"), there, self.gone("Delete"))
            assert (decision.action, decision.condition, decision.events) == (Action.LEAVE, report.DELETED, ())

    def test_delete_spares_what_others_made(self) -> None:
        for there in (live({"a": b"1"}), live(ownerReferences=[OWNER | {"name": "other"}])):
            decision = decide(target(deletion_policy="Delete"), there, self.gone("Delete"))
            assert (decision.action, decision.condition) == (Action.LEAVE, report.NOT_DELETED)
            assert decision.is_permanent
            assert isinstance(decision.failure, NotOwnedError)

    @pytest.mark.parametrize("policy", ["Orphan", "Merge", "CreateOrMerge", "None"])
    def test_delete_needs_an_owner(self, policy: CreationPolicy) -> None:
        decision = decide(target(policy, deletion_policy="Delete"), live({"a": b"1"}), self.gone("Delete"))
        assert (decision.action, decision.condition) == (Action.LEAVE, report.NOT_DELETED)
        assert decision.is_permanent
        assert "spec.target.deletionPolicy" in str(decision.failure)


class TestFailure:
    @pytest.mark.parametrize("policy", ALL)
    @pytest.mark.parametrize("there", [None, live({"a": b"1"}, ownerReferences=[OWNER])])
    def test_it_writes_and_deletes_nothing(self, policy: CreationPolicy, there: LiveSecret | None) -> None:
        outage = StoreUnavailableError("no answer", path="secret/data/x")
        decision = decide(target(policy), there, outage)
        assert (decision.action, decision.secret, decision.condition) == (Action.LEAVE, None, report.NOT_RESOLVED)
        assert not decision.is_permanent
        assert decision.failure is outage
        assert decision.events == (report.failure_event(outage),)

    @pytest.mark.parametrize(
        ("error", "condition"),
        [
            (TemplateError("bad").at("ES", "spec.target.template.data.x"), report.NOT_WRITTEN),
            (TemplateError("bad").at("ES", "spec.dataFrom[0].rewrite[0].transform"), report.NOT_RESOLVED),
            (DecodingError("bad").at("ES", "spec.target.template.templateFrom[0]"), report.NOT_WRITTEN),
            (ValidationError("bad"), report.NOT_WRITTEN),
            (ResolveError("two", errors=[TemplateError("a").at("ES", "spec.target.template")]), report.NOT_WRITTEN),
            (ResolveError("two", errors=[ValidationError("a"), StoreUnavailableError("b")]), report.NOT_RESOLVED),
        ],
    )
    def test_what_the_template_does_wrong_is_not_the_providers_fault(
        self, error: SecretsError, condition: report.Condition
    ) -> None:
        assert decide(target(), None, error).condition == condition


class TestRemoval:
    def test_with_delete_it_goes_with_its_manifest(self) -> None:
        there = live({"a": b"1"}, ownerReferences=[OWNER])
        decision = decide_removal(target(deletion_policy="Delete"), there)
        assert (decision.action, decision.secret) == (Action.DELETE, there)

    @pytest.mark.parametrize(
        ("deletion", "owner"),
        [("Retain", OWNER), ("Delete", OWNER | {"uid": "u0"}), ("Delete", OWNER | {"name": "other"})],
    )
    def test_else_it_is_left(self, deletion: Any, owner: dict[str, object]) -> None:
        there = live({"a": b"1"}, ownerReferences=[owner])
        assert decide_removal(target(deletion_policy=deletion), there).action is Action.LEAVE
        assert decide_removal(target(deletion_policy=deletion), live()).action is Action.LEAVE
        assert decide_removal(target(deletion_policy=deletion), None).action is Action.LEAVE


class TestValidity:
    good = live(
        {"a": b"", "b": b"bar"},
        labels={"reconcile.external-secrets.io/managed": "true"},
        annotations={"reconcile.external-secrets.io/data-hash": HASH},
    )

    def test_as_it_was_left(self) -> None:
        assert all(is_valid(self.good, policy) for policy in ALL)

    @pytest.mark.parametrize(
        "bad",
        [
            None,
            live({"a": b"", "b": b"bar"}, annotations={"reconcile.external-secrets.io/data-hash": HASH}),
            live({"a": b"", "b": b"bar"}, labels={"reconcile.external-secrets.io/managed": "true"}),
            live(
                {"a": b"", "b": b"edited"},
                labels={"reconcile.external-secrets.io/managed": "true"},
                annotations={"reconcile.external-secrets.io/data-hash": HASH},
            ),
        ],
    )
    def test_missing_or_changed(self, bad: LiveSecret | None) -> None:
        assert not is_valid(bad, "Owner")
        assert not is_valid(bad, "CreateOrMerge")
        assert is_valid(bad, "Merge") is (bad is None)
        assert is_valid(bad, "Orphan")
        assert is_valid(bad, "None")
