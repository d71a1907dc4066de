"""Order of requests, conflicts and failures; what a Secret looks like is `test_target_decision`'s matter."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery import target_report as report
from virtrigaud_secrets.delivery.secret_target import CreationPolicy, SecretTarget
from virtrigaud_secrets.delivery.target_decision import Action
from virtrigaud_secrets.delivery.target_writer import MAX_ATTEMPTS, TargetWriter
from virtrigaud_secrets.errors import AccessDeniedError, ConflictError, NothingFoundError, StoreUnavailableError

PLANTED = b"planted-value-7f3a"
BUNDLE = Bundle({"password": PLANTED})
MANAGER = "externalsecrets.external-secrets.io/es"


def target(policy: CreationPolicy = "Owner", **more: Any) -> SecretTarget:
    return SecretTarget(
        **{"name": "s", "namespace": "ns", "manifest": "es", "uid": "u", "creation_policy": policy, **more}
    )


def refuse(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_one_write_and_then_none(cluster: Any) -> None:
    writer = TargetWriter(cluster)
    assert writer.write(target("Orphan"), BUNDLE).action is Action.CREATE
    assert writer.write(target("Orphan"), BUNDLE).action is Action.LEAVE
    assert writer.write(target("Orphan"), Bundle({"password": b"new"})).action is Action.REPLACE
    assert cluster.asked == ["get", "create", "get", "get", "replace"]
    assert cluster.managers == [MANAGER, MANAGER]


def test_a_change_by_others_is_seen_before_it_is_written_over(cluster: Any) -> None:
    cluster.put("s", data={"theirs": "MQ=="})
    cluster.before["replace"] = [lambda: cluster.put("s", data={"theirs": "Mg=="})]
    decision = TargetWriter(cluster).write(target("Merge"), BUNDLE)
    assert decision.action is Action.REPLACE
    assert cluster.kept["s"]["data"] == {"theirs": "Mg==", "password": base64.b64encode(PLANTED).decode()}
    assert cluster.asked == ["get", "replace", "get", "replace"]


def test_one_that_appears_meanwhile_is_updated_and_one_that_goes_is_made(cluster: Any) -> None:
    cluster.before["create"] = [lambda: cluster.put("s", data={"theirs": "MQ=="})]
    assert TargetWriter(cluster).write(target("CreateOrMerge"), BUNDLE).action is Action.REPLACE
    cluster.before["replace"] = [cluster.kept.clear]
    assert TargetWriter(cluster).write(target("CreateOrMerge"), Bundle({"a": b"1"})).action is Action.CREATE
    assert cluster.kept["s"]["data"] == {"a": "MQ=="}


def test_a_fight_is_left_for_later(cluster: Any) -> None:
    cluster.put("s")
    cluster.before["replace"] = [refuse(ConflictError("changed"))] * 10
    decision = TargetWriter(cluster).write(target(), BUNDLE)
    assert (decision.action, decision.condition, decision.is_permanent) == (Action.LEAVE, report.NOT_WRITTEN, False)
    assert isinstance(decision.failure, ConflictError)
    assert cluster.asked.count("replace") == MAX_ATTEMPTS
    assert decision.is_bound


@pytest.mark.parametrize("verb", ["get", "create"])
def test_a_refusal_is_told_with_the_manifest_and_is_not_repeated(cluster: Any, verb: str) -> None:
    cluster.before[verb] = [refuse(AccessDeniedError("RBAC", path="namespaces/ns/secrets/s"))]
    decision = TargetWriter(cluster).write(target(), BUNDLE)
    assert decision.condition is report.NOT_WRITTEN
    assert str(decision.failure).startswith("ExternalSecret ns/es: RBAC")
    assert cluster.asked.count(verb) == 1
    assert cluster.kept == {}


def test_a_lost_answer_is_not_asked_for_again_and_the_next_look_finds_the_secret(cluster: Any) -> None:
    cluster.lost = {"create"}
    writer = TargetWriter(cluster)
    assert isinstance(writer.write(target("Orphan"), BUNDLE).failure, StoreUnavailableError)
    decision = writer.write(target("Orphan"), BUNDLE)
    assert (decision.action, decision.condition) == (Action.LEAVE, report.SYNCED)
    assert cluster.asked == ["get", "create", "get"]


def test_no_value_is_in_the_frames_of_a_failure(cluster: Any) -> None:
    cluster.lost = {"create"}
    failure = TargetWriter(cluster).write(target("Orphan"), BUNDLE).failure
    assert failure is not None
    shown = "".join(traceback.TracebackException.from_exception(failure, capture_locals=True).format())
    assert base64.b64encode(PLANTED).decode() not in shown
    assert PLANTED.decode() not in shown


@pytest.mark.parametrize("policy", ["Owner", "Orphan", "Merge", "CreateOrMerge", "None"])
def test_a_stores_outage_sends_nothing(cluster: Any, policy: CreationPolicy) -> None:
    cluster.put("s", data={"a": "MQ=="})
    decision = TargetWriter(cluster).write(target(policy), StoreUnavailableError("no answer"))
    assert decision.condition is report.NOT_RESOLVED
    assert cluster.asked == []


def test_none_sends_nothing(cluster: Any) -> None:
    assert TargetWriter(cluster).write(target("None"), BUNDLE).condition is report.SYNCED
    assert cluster.asked == []


class TestDeletion:
    gone = NothingFoundError("nothing", deletion_policy="Delete")

    def test_what_we_made_goes(self, cluster: Any) -> None:
        writer = TargetWriter(cluster)
        writer.write(target(deletion_policy="Delete"), BUNDLE)
        decision = writer.write(target(deletion_policy="Delete"), self.gone)
        assert (decision.action, decision.condition) == (Action.DELETE, report.DELETED)
        assert cluster.kept == {}

    def test_one_that_changed_meanwhile_is_looked_at_again(self, cluster: Any) -> None:
        writer = TargetWriter(cluster)
        writer.write(target(deletion_policy="Delete"), BUNDLE)
        cluster.before["delete"] = [lambda: cluster.put("s", data={"theirs": "MQ=="})]
        decision = writer.write(target(deletion_policy="Delete"), self.gone)
        assert decision.condition is report.NOT_DELETED
        assert cluster.kept["s"]["data"] == {"theirs": "MQ=="}

    def test_a_refusal_is_told(self, cluster: Any) -> None:
        writer = TargetWriter(cluster)
        writer.write(target(deletion_policy="Delete"), BUNDLE)
        cluster.before["delete"] = [refuse(AccessDeniedError("RBAC"))]
        assert writer.write(target(deletion_policy="Delete"), self.gone).condition is report.NOT_DELETED

    def test_with_its_manifest_it_goes_too(self, cluster: Any) -> None:
        writer = TargetWriter(cluster)
        writer.write(target(deletion_policy="Delete"), BUNDLE)
        assert writer.remove(target(deletion_policy="Retain")).action is Action.LEAVE
        assert writer.remove(target(deletion_policy="Delete")).action is Action.DELETE
        assert writer.remove(target(deletion_policy="Delete")).action is Action.LEAVE


class TestRenaming:
    def test_the_old_secret_goes_once_the_new_one_is_there(self, cluster: Any) -> None:
        writer = TargetWriter(cluster)
        writer.write(target(name="old"), BUNDLE)
        cluster.asked.clear()
        decision = writer.write(target(name="new"), BUNDLE)
        assert cluster.asked == ["get", "create", "list", "delete"]
        assert decision.events == (report.CREATION, report.ORPHAN_DELETION)
        assert set(cluster.kept) == {"new"}

    def test_the_old_one_stays_where_the_new_one_cannot_be_written(self, cluster: Any) -> None:
        writer = TargetWriter(cluster)
        writer.write(target(name="old"), BUNDLE)
        other = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "x", "controller": True}
        cluster.put("new", metadata={"ownerReferences": [other]})
        assert writer.write(target(name="new"), BUNDLE).condition is report.OWNED_BY_ANOTHER
        assert set(cluster.kept) == {"old", "new"}

    def test_a_process_that_was_killed_in_between_is_mended_by_the_next(self, cluster: Any) -> None:
        TargetWriter(cluster).write(target(name="old"), BUNDLE)
        cluster.before["list"] = [refuse(StoreUnavailableError("killed"))]
        assert TargetWriter(cluster).write(target(name="new"), BUNDLE).condition is report.ORPHANS_LEFT
        assert set(cluster.kept) == {"old", "new"}
        decision = TargetWriter(cluster).write(target(name="new"), BUNDLE)
        assert (decision.action, decision.events) == (Action.LEAVE, (report.ORPHAN_DELETION,))
        assert set(cluster.kept) == {"new"}

    def test_a_steady_state_asks_for_the_secret_only(self, cluster: Any) -> None:
        writer = TargetWriter(cluster)
        writer.write(target(), BUNDLE)
        cluster.asked.clear()
        writer.write(target(), BUNDLE)
        assert cluster.asked == ["get"]

    def test_others_are_spared(self, cluster: Any) -> None:
        wanted = target()
        label = {"reconcile.external-secrets.io/created-by": wanted.created_by}
        pod = {"apiVersion": "v1", "kind": "Pod", "name": "p", "controller": True}
        cluster.put("taken", metadata={"labels": label, "ownerReferences": [pod]})
        cluster.put("foreign", metadata={"labels": {"app": "x"}})
        TargetWriter(cluster).write(wanted, BUNDLE)
        assert set(cluster.kept) == {"s", "taken", "foreign"}


class Killed(BaseException):
    """The process ends here."""


def killing(cluster: Any, after: int, *, acted: bool) -> None:
    """End the process at a request: before the cluster acted on it, or after that and before the answer came."""
    counted = 0

    def counting(verb: str) -> Callable[..., object]:
        original = getattr(cluster, verb)

        def ask(*arguments: Any, **options: Any) -> object:
            nonlocal counted
            counted += 1
            if counted != after:
                return original(*arguments, **options)
            if acted:
                original(*arguments, **options)
            raise Killed

        return ask

    for verb in ("get", "create", "replace", "delete", "list"):
        setattr(cluster, verb, counting(verb))


@pytest.mark.parametrize("acted", [False, True])
@pytest.mark.parametrize("request_number", [1, 2, 3, 4])
def test_killed_at_any_request_it_ends_where_it_would_have(cluster: Any, request_number: int, acted: bool) -> None:
    """A renamed target: look, make, list, delete. Until the new Secret is there, the old one is."""
    TargetWriter(cluster).write(target(name="old"), BUNDLE)
    whole = dict(cluster.kept)
    verbs = {verb: getattr(cluster, verb) for verb in ("get", "create", "replace", "delete", "list")}
    killing(cluster, request_number, acted=acted)
    with pytest.raises(Killed):
        TargetWriter(cluster).write(target(name="new"), BUNDLE)
    assert cluster.kept["new" if "new" in cluster.kept else "old"]["data"] == whole["old"]["data"]
    vars(cluster).update(verbs)
    assert TargetWriter(cluster).write(target(name="new"), BUNDLE).condition is report.SYNCED
    assert set(cluster.kept) == {"new"}
    assert cluster.kept["new"]["data"] == whole["old"]["data"]


def test_who_knows_that_there_is_no_other_secret_need_not_ask(cluster: Any) -> None:
    others: list[str] = []
    writer = TargetWriter(cluster, may_own_others=lambda one: bool(others))
    assert writer.write(target(), BUNDLE).action is Action.CREATE
    assert cluster.asked == ["get", "create"]
    others.append("old")
    writer.write(target(), BUNDLE)
    assert cluster.asked == ["get", "create", "get", "list"]


def test_nothing_is_remembered_of_what_changed_or_went(cluster: Any) -> None:
    writer = TargetWriter(cluster)
    for name in ("s", "t", "s"):
        writer.write(target(name=name), BUNDLE)
    cluster.asked.clear()
    writer.write(target(), BUNDLE)
    assert cluster.asked == ["get"]
    writer.forget("es", namespace="ns")
    writer.write(target(), BUNDLE)
    assert cluster.asked == ["get", "get", "list"]
