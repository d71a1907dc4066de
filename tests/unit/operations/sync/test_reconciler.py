from __future__ import annotations

import base64
from typing import Any

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery.target_writer import TargetWriter
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ClosedError,
    ConflictError,
    NothingFoundError,
    SecretsError,
    StoreUnavailableError,
)
from virtrigaud_secrets.manifests.live_catalog import LiveCatalog
from virtrigaud_secrets.observability.sync_metrics import SyncMetrics
from virtrigaud_secrets.operations.sync.inventory import Inventory
from virtrigaud_secrets.operations.sync.reading import read_external_secret
from virtrigaud_secrets.operations.sync.reconciler import FINALIZER, JUST_AFTER, SHORTEST, WINDOW_LOOK, Look, Reconciler
from virtrigaud_secrets.operations.sync.recorder import Recorder
from virtrigaud_secrets.stores.cluster_objects import EXTERNAL_SECRETS, SECRETS
from virtrigaud_secrets.testing import ManualClock

KEY = ("ns", "app")
PLANTED = "planted-value-7f3a"


class Values:
    """Stands for the resolver."""

    def __init__(self) -> None:
        self.outcome: Bundle | SecretsError = Bundle({"password": b"first"})
        self.kept: Bundle | None = None
        self.dynamic = False
        self.missing: tuple[str, ...] = ()
        self.reads: list[tuple[float, bool]] = []
        self.calls: list[str] = []

    def read(self, name: str, *, namespace: str, since: float, rotate: bool) -> Bundle:
        self.reads.append((since, rotate))
        if isinstance(self.outcome, SecretsError):
            raise self.outcome
        self.kept = self.outcome
        return self.outcome

    def held(self, name: str, *, namespace: str) -> Bundle | None:
        return self.kept

    def makes_something(self, name: str, *, namespace: str) -> bool:
        return self.dynamic

    def unanswered(self, name: str, *, namespace: str, since: float) -> tuple[str, ...]:
        return self.missing

    def changed(self, name: str, *, namespace: str) -> None:
        self.calls.append("changed")

    def removed(self, name: str, *, namespace: str) -> None:
        self.calls.append("removed")


class World:
    def __init__(self, cluster: Any, es: Any, seen_store: Any) -> None:
        self.cluster = cluster
        self.es = es
        self.clock = ManualClock()
        self.clock.advance(1000)
        self.values = Values()
        self.leading = True
        self.inventory = Inventory(LiveCatalog(), controller_class="virtrigaud-secrets")
        self.inventory.put_store(seen_store())
        self.metrics = SyncMetrics(leads=lambda: self.leading, waiting=lambda: 0)
        self.reconciler = self.restarted()

    def restarted(self) -> Reconciler:
        """A reconciler that knows nothing, as after a restart."""
        self.reconciler = Reconciler(
            self.inventory,
            lambda: self.values,
            TargetWriter(self.cluster),
            self.cluster,
            Recorder(self.cluster, clock=self.clock),
            metrics=self.metrics,
            leads=lambda: self.leading,
            clock=self.clock,
        )
        return self.reconciler

    def put(self, **changes: Any) -> None:
        """Somebody applies the manifest."""
        old = self.cluster.objects.get((EXTERNAL_SECRETS.plural, *KEY), {})
        body = self.es(**changes)
        body["metadata"]["generation"] = old.get("metadata", {}).get("generation", 0) + 1
        self.cluster.objects[EXTERNAL_SECRETS.plural, "ns", "app"] = {**body, "status": old.get("status", {})}
        self.cluster.writes.clear()
        if self.inventory.put_manifest(
            read_external_secret(self.cluster.objects[EXTERNAL_SECRETS.plural, *KEY], EXTERNAL_SECRETS)
        ):
            self.reconciler.note_change(KEY)

    def look(self) -> Look:
        self.cluster.writes.clear()
        return self.reconciler.look(KEY, self.clock.elapsed())

    @property
    def status(self) -> dict[str, Any]:
        return self.cluster.objects[EXTERNAL_SECRETS.plural, *KEY].get("status", {})

    @property
    def ready(self) -> str:
        (condition,) = self.status["conditions"]
        return f"{condition['status']} {condition['reason']}: {condition['message']}"

    @property
    def secret(self) -> dict[str, Any] | None:
        return self.cluster.objects.get((SECRETS.plural, "ns", "app"))

    @property
    def value(self) -> bytes:
        return base64.b64decode((self.secret or {})["data"]["password"])

    @property
    def events(self) -> list[str]:
        return [
            f"{body['reason']}: {body['message']}"
            for (plural, _, _), body in self.cluster.objects.items()
            if plural == "events"
        ]


@pytest.fixture
def world(cluster: Any, es: Any, seen_store: Any) -> World:
    return World(cluster, es, seen_store)


def test_the_first_look_writes_secret_then_status_then_event(world: World) -> None:
    world.put()
    look = world.look()
    assert [write[:2] for write in world.cluster.writes] == [
        ("create", "secrets"),
        ("patch status", "externalsecrets"),
        ("create", "events"),
    ]
    assert world.value == b"first"
    assert world.ready == "True SecretSynced: secret synced"
    assert world.status["binding"] == {"name": "app"}
    assert world.status["refreshTime"] == "2030-01-01T12:16:40Z"
    assert world.status["syncedResourceVersion"].startswith("1-")
    assert world.events == ["Created: secret created"]
    assert world.values.reads == [(1000, False)]
    assert look == Look(next_at=1000 + 3600 + JUST_AFTER)


def test_a_second_look_does_nothing(world: World) -> None:
    world.put()
    world.look()
    world.clock.advance(5)
    assert world.look() == Look(next_at=1000 + 3600 + JUST_AFTER)
    assert world.cluster.writes == []
    assert len(world.values.reads) == 1


def test_a_restart_reads_nothing_that_is_not_due(world: World) -> None:
    world.put()
    world.look()
    world.inventory.remove_manifest(KEY)
    world.restarted()
    world.inventory.put_manifest(
        read_external_secret(world.cluster.objects[EXTERNAL_SECRETS.plural, *KEY], EXTERNAL_SECRETS)
    )
    world.clock.advance(60)
    world.look()
    assert len(world.values.reads) == 1
    assert world.cluster.writes == []


def test_a_periodic_refresh_shares_what_was_read_a_moment_before(world: World) -> None:
    world.put()
    world.look()
    world.clock.advance(3601)
    world.values.outcome = Bundle({"password": b"second"})
    world.look()
    assert world.values.reads[-1] == (1000 + 3601 - 60, False)
    assert world.value == b"second"
    assert world.status["refreshTime"] == "2030-01-01T13:16:41Z"


def test_a_window_holds_a_periodic_refresh_back_and_no_change(world: World) -> None:
    windows = {"kind": "allow", "windows": [{"schedule": "0 3 * * *", "duration": "1h"}]}
    world.put(spec={"syncWindows": windows})
    world.look()
    world.clock.advance(3601)
    assert world.look() == Look(next_at=world.clock.elapsed() + WINDOW_LOOK)
    world.put(spec={"syncWindows": windows}, metadata={"annotations": {"touched": "1"}})
    world.look()
    assert len(world.values.reads) == 2
    assert world.values.calls == ["changed", "changed"]


def test_force_sync_rotates_and_another_change_does_not(world: World) -> None:
    world.put()
    world.look()
    world.put(metadata={"labels": {"team": "db"}})
    world.look()
    world.put(metadata={"labels": {"team": "db"}, "annotations": {"force-sync": "1"}})
    world.look()
    assert [rotate for _, rotate in world.values.reads] == [False, False, True]


def test_a_force_sync_that_failed_rotates_when_it_is_tried_again(world: World) -> None:
    world.put()
    world.look()
    world.put(metadata={"annotations": {"force-sync": "1"}})
    world.values.outcome = StoreUnavailableError("down")
    assert world.look().retry
    world.values.outcome = Bundle({"password": b"second"})
    assert not world.look().retry
    assert [rotate for _, rotate in world.values.reads] == [False, True, True]


def test_a_write_that_is_tried_again_makes_no_second_credential(world: World) -> None:
    world.put()
    world.look()
    world.put(metadata={"annotations": {"force-sync": "1"}})
    world.values.outcome = Bundle({"password": b"second"})
    world.cluster.fault = StoreUnavailableError("the API server is down")
    assert world.look().retry
    world.cluster.fault = None
    world.look()
    assert world.value == b"second"
    assert [rotate for _, rotate in world.values.reads] == [False, True, False]


def test_a_refresh_that_took_longer_than_its_interval_is_followed_soon(world: World) -> None:
    world.put(spec={"refreshInterval": "2s"})
    read = world.values.read

    def slow(*arguments: Any, **options: Any) -> Bundle:
        world.clock.advance(10)
        return read(*arguments, **options)

    world.values.read = slow  # type: ignore[method-assign]
    assert world.look() == Look(next_at=world.clock.elapsed() + SHORTEST)


@pytest.mark.parametrize("hand", ["edit", "delete", "unlabel"])
def test_what_was_changed_by_hand_is_put_right(world: World, hand: str) -> None:
    world.put()
    world.look()
    assert world.secret is not None
    if hand == "edit":
        world.secret["data"]["password"] = base64.b64encode(b"wrong").decode()
    elif hand == "unlabel":
        world.secret["metadata"]["labels"].clear()
    else:
        del world.cluster.objects[SECRETS.plural, "ns", "app"]
    world.clock.advance(5)
    world.look()
    assert world.value == b"first"
    assert world.values.reads[-1] == (1005, False)


def test_a_failure_keeps_the_secret_and_says_why(world: World) -> None:
    world.put()
    world.look()
    refreshed = world.status["refreshTime"]
    world.clock.advance(3601)
    world.values.outcome = AccessDeniedError("refused", path="a/b")
    assert world.look() == Look(failed=True, retry=True)
    assert world.value == b"first"
    assert world.ready == "False SecretSyncedError: could not get secret data from provider"
    assert world.status["refreshTime"] == refreshed
    assert "UpdateFailed: refused [path a/b]" in world.events[-1]
    since = world.status["conditions"][0]["lastTransitionTime"]
    world.clock.advance(5)
    world.look()
    assert world.cluster.writes == []  # the same again is said once
    world.values.outcome = Bundle({"password": b"second"})
    world.clock.advance(5)
    world.look()
    assert world.ready.startswith("True SecretSynced")
    assert world.status["conditions"][0]["lastTransitionTime"] != since


def test_what_only_a_change_can_mend_is_not_tried_again(world: World) -> None:
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "other", "controller": True}
    metadata = {"name": "app", "ownerReferences": [{**owner, "uid": "u"}]}
    world.cluster.create(SECRETS, {"metadata": metadata, "data": {}}, namespace="ns")
    world.put()
    assert world.look() == Look(failed=True, retry=False)
    assert world.ready.endswith("target is owned by another ExternalSecret")
    world.put(spec={"target": {"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}}})
    assert world.look() == Look(failed=True, retry=False)


def test_a_manifest_that_cannot_be_read_is_told(world: World) -> None:
    world.put(spec={"refreshInterval": "soon"})
    assert world.look() == Look(failed=True, retry=False)
    assert world.ready.startswith("False SecretSyncedError")
    assert "refreshInterval" in world.events[-1]
    assert world.values.reads == []


def test_missing_secrets_are_told_where_they_may_be_missing(world: World) -> None:
    world.put(spec={"target": {"deletionPolicy": "Merge"}})
    world.values.missing = ("spec.data[0]", "spec.dataFrom[1]")
    world.look()
    told = "MissingProviderSecret: secret does not exist at provider using spec.dataFrom"
    assert {f"{told}[0] (key=a)", f"{told}[1]"} <= set(world.events)


def test_nothing_left_at_the_store_deletes_only_where_the_policy_says_so(world: World) -> None:
    world.put(spec={"target": {"deletionPolicy": "Delete"}})
    world.look()
    world.clock.advance(3601)
    world.values.outcome = StoreUnavailableError("down")
    world.look()
    assert world.secret is not None
    world.values.outcome = NothingFoundError("nothing", deletion_policy="Delete")
    world.look()
    assert world.secret is None
    assert world.ready.startswith("True SecretDeleted")
    assert world.status["binding"] == {"name": "app"}


def test_a_refused_update_names_the_secret_in_the_status(world: World) -> None:
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "other", "controller": True}
    metadata = {"name": "app", "ownerReferences": [owner]}
    world.cluster.create(SECRETS, {"metadata": metadata, "data": {}}, namespace="ns")
    world.put()
    world.look()
    assert world.ready.startswith("False")
    assert world.status["binding"] == {"name": "app"}


def test_rotated_credentials_are_written_and_no_refresh_is_claimed(world: World) -> None:
    world.put()
    world.look()
    refreshed = world.status["refreshTime"]
    world.clock.advance(5)
    world.values.kept = Bundle({"password": b"rotated"})
    world.reconciler.note_rotation(KEY)
    world.look()
    assert world.value == b"rotated"
    assert world.status["refreshTime"] == refreshed
    assert len(world.values.reads) == 1
    world.look()
    assert world.cluster.writes == []


def test_rotated_credentials_that_could_not_be_written_are_tried_again(world: World) -> None:
    world.put()
    world.look()
    world.values.kept = Bundle({"password": b"rotated"})
    world.reconciler.note_rotation(KEY)
    world.cluster.fault = StoreUnavailableError("the API server is down")
    assert world.look() == Look(failed=True, retry=True)
    world.cluster.fault = None
    world.look()
    assert world.value == b"rotated"


def test_credentials_that_nobody_keeps_alive_are_read_anew(world: World) -> None:
    world.values.dynamic = True
    world.put()
    world.look()
    world.clock.advance(5)
    world.look()
    assert len(world.values.reads) == 1
    world.values.kept = None
    world.look()
    assert len(world.values.reads) == 2


@pytest.mark.parametrize("spec", [{"refreshPolicy": "CreatedOnce"}, {"refreshInterval": "0s"}])
def test_unless_the_manifest_wants_nothing_read_any_more(world: World, spec: dict[str, str]) -> None:
    world.values.dynamic = True
    world.put(spec=spec)
    assert world.look() == Look()
    world.values.kept = None
    world.look()
    assert len(world.values.reads) == 1


def test_a_changed_store_is_read_anew_when_a_refresh_is_due(world: World) -> None:
    world.put()
    world.look()
    world.reconciler.note_change(KEY, of_store=True)
    world.clock.advance(5)
    world.look()
    assert len(world.values.reads) == 1
    world.clock.advance(3600)
    world.look()
    assert world.values.reads[-1] == (world.clock.elapsed(), True)
    assert world.values.calls == ["changed", "changed"]


def test_what_was_noted_is_still_noted_after_a_failure(world: World) -> None:
    world.put()
    world.values.outcome = StoreUnavailableError("down")
    world.look()
    world.look()
    assert world.values.calls == ["changed", "changed"]


def test_who_does_not_lead_writes_nothing_and_counts_nothing(world: World) -> None:
    world.put()
    world.leading = False
    assert world.look() == Look(world.clock.elapsed())
    assert world.cluster.writes == []
    world.leading = True
    world.look()
    assert world.value == b"first"


def test_credentials_that_were_replaced_while_nobody_led_are_written_afterwards(world: World) -> None:
    world.put()
    world.look()
    world.inventory.put_manifest(
        read_external_secret(world.cluster.objects[EXTERNAL_SECRETS.plural, *KEY], EXTERNAL_SECRETS)
    )
    world.leading = False
    world.values.kept = Bundle({"password": b"rotated"})
    world.reconciler.note_rotation(KEY)
    world.leading = True
    world.reconciler.begin()
    world.look()
    assert world.value == b"rotated"


@pytest.mark.parametrize("leads_on", [True, False])
def test_credentials_made_for_a_secret_that_lacks_them_are_written_later(world: World, leads_on: bool) -> None:
    world.put()
    world.look()
    world.values.kept, world.values.dynamic = None, True
    world.values.outcome = Bundle({"password": b"second"})
    read = world.values.read

    def read_and_fall_out(name: str, *, namespace: str, since: float, rotate: bool) -> Bundle:
        world.leading = leads_on
        world.cluster.fault = StoreUnavailableError("down") if leads_on else None
        return read(name, namespace=namespace, since=since, rotate=rotate)

    world.values.read = read_and_fall_out  # type: ignore[method-assign]
    world.look()
    assert world.value == b"first"
    world.leading, world.cluster.fault = True, None
    world.look()
    assert world.value == b"second"
    assert len(world.values.reads) == 2


def test_a_secret_that_somebody_changes_back_each_time_is_put_right_ever_more_rarely(world: World) -> None:
    world.put()
    world.look()

    def spoil() -> None:
        (world.secret or {})["data"]["password"] = "eA=="

    spoil()
    world.look()
    assert len(world.values.reads) == 2
    spoil()
    assert world.look() == Look(world.clock.elapsed() + 1)
    assert len(world.values.reads) == 2
    world.clock.advance(1)
    world.look()
    assert world.value == b"first"
    spoil()
    assert world.look() == Look(world.clock.elapsed() + 2)


def test_a_store_that_is_made_anew_ends_no_credentials(world: World, seen_store: Any) -> None:
    world.put()
    world.look()
    world.inventory.remove_store(seen_store().store)
    assert world.look() == Look()
    assert "removed" not in world.values.calls
    world.inventory.put_store(seen_store(controller="other"))
    assert world.look() == Look()
    assert world.values.calls[-1] == "removed"


def test_one_that_went_with_its_store_is_let_go(world: World, seen_store: Any) -> None:
    world.put()
    world.look()
    world.inventory.remove_store(seen_store().store)
    world.put(metadata={"deletionTimestamp": "2030-01-01T00:00:00Z"})
    assert world.look() == Look()
    assert world.values.calls[-1] == "removed"


def test_whether_a_cluster_store_still_serves_the_namespace_is_asked_at_every_refresh(
    world: World, seen_store: Any
) -> None:
    world.inventory.put_store(seen_store(cluster_wide=True))
    world.put(spec={"secretStoreRef": {"kind": "ClusterSecretStore"}})
    world.look()
    world.clock.advance(3601)
    world.look()
    assert world.values.calls == ["changed", "changed"]


def test_a_status_that_was_not_taken_is_written_at_the_next_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put()
    with monkeypatch.context() as patched:

        def patch(*_: object, **__: object) -> None:
            raise ConflictError("somebody was faster")

        patched.setattr(world.cluster, "patch", patch)
        assert world.look() == Look(failed=True, retry=True)
    assert world.look().failed is False
    assert world.ready == "True SecretSynced: secret synced"


def test_a_new_leader_believes_the_cluster_and_not_its_memory(world: World) -> None:
    world.put()
    world.look()
    world.clock.advance(3601)
    body = world.cluster.objects[EXTERNAL_SECRETS.plural, *KEY]
    body["status"]["refreshTime"] = "2030-01-01T13:16:00Z"  # another leader was here
    assert not world.inventory.put_manifest(read_external_secret(body, EXTERNAL_SECRETS))
    world.reconciler.begin()
    world.look()
    assert len(world.values.reads) == 1


def test_the_cluster_that_does_not_answer_is_tried_again(world: World) -> None:
    world.put()
    world.cluster.fault = StoreUnavailableError("down")
    assert world.look() == Look(failed=True, retry=True)


def test_a_closed_client_ends_the_look(world: World) -> None:
    world.put()
    world.cluster.fault = ClosedError("closed")
    with pytest.raises(ClosedError):
        world.look()


def test_another_external_secret_of_the_same_name_keeps_its_status(world: World) -> None:
    world.put()
    world.cluster.objects[EXTERNAL_SECRETS.plural, *KEY]["metadata"]["uid"] = "another"
    world.look()
    assert world.status == {}


def test_a_deleted_one_is_let_go(world: World) -> None:
    world.put()
    world.look()
    world.inventory.remove_manifest(KEY)
    assert world.look() == Look()
    assert world.values.calls[-1] == "removed"
    assert world.secret is not None


def test_one_that_is_going_waits_for_nobody_but_esos_finalizer(world: World) -> None:
    world.put(spec={"target": {"deletionPolicy": "Delete"}})
    world.look()
    going = {"deletionTimestamp": "2030-01-01T00:00:00Z"}
    world.put(spec={"target": {"deletionPolicy": "Delete"}}, metadata=going)
    assert world.look() == Look()
    assert world.secret is not None
    world.put(spec={"target": {"deletionPolicy": "Delete"}}, metadata={**going, "finalizers": ["a/b", FINALIZER]})
    world.look()
    assert world.secret is None
    assert world.cluster.objects[EXTERNAL_SECRETS.plural, *KEY]["metadata"]["finalizers"] == ["a/b"]


def test_one_of_another_class_is_left_alone(world: World, seen_store: Any) -> None:
    world.inventory.put_store(seen_store(controller=""))
    world.put()
    assert world.look() == Look()
    assert world.cluster.writes == []


def test_no_value_is_in_events_or_status(world: World) -> None:
    world.values.outcome = Bundle({"password": PLANTED.encode()})
    world.put()
    world.look()
    said = str([body for (plural, _, _), body in world.cluster.objects.items() if plural != "secrets"])
    assert PLANTED not in said
    assert base64.b64encode(PLANTED.encode()).decode() not in said
