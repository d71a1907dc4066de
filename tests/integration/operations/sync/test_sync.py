"""A sync on a real kube-apiserver and a real OpenBao."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest

from virtrigaud_secrets.stores.cluster_objects import EVENTS, EXTERNAL_SECRETS, SECRET_STORES, SECRETS

pytestmark = pytest.mark.integration

Eventually = Callable[..., None]


def test_a_first_sync_writes_what_eso_would(world: Any, eventually: Eventually) -> None:
    world.put("app", password="first")
    made = world.manifest("app")
    with world.running():
        eventually(lambda: world.ready("app") == "True SecretSynced")
        secret: dict[str, Any] = world.secret("app") or {}
        assert base64.b64decode(secret["data"]["password"]) == b"first"
        metadata = secret["metadata"]
        assert metadata["labels"]["reconcile.external-secrets.io/managed"] == "true"
        assert metadata["annotations"]["reconcile.external-secrets.io/data-hash"]
        (owner,) = metadata["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("ExternalSecret", "app", made["metadata"]["uid"])
        status = world.external_secret("app")["status"]
        assert status["binding"] == {"name": "app"}
        assert status["syncedResourceVersion"].startswith("1-")
        assert status["refreshTime"].endswith("Z")
        (condition,) = status["conditions"]
        assert condition["message"] == "secret synced"
        eventually(lambda: "Normal Created secret created" in world.events("app"))


def test_a_steady_state_writes_and_reads_nothing(world: Any, eventually: Eventually) -> None:
    world.put("app", password="first")
    for name in ("one", "two", "three"):
        world.manifest(name)
    with world.running() as running:
        eventually(lambda: all(world.ready(name) == "True SecretSynced" for name in ("one", "two", "three")))
        time.sleep(1)
        versions = {name: (world.secret(name), world.external_secret(name)) for name in ("one", "two", "three")}
        events, audited = len(world.objects.list(EVENTS, namespace=world.namespace).items), world.audited
        for name in versions:
            world.annotate_secret(name, note="somebody was here")  # a change that harms nothing makes everybody look
        time.sleep(2)
        assert len(world.objects.list(EVENTS, namespace=world.namespace).items) == events
        assert [entry for entry in world.openbao.audit_entries(after=audited) if world.mount in entry.path] == []
        for name, (_, manifest) in versions.items():
            assert world.external_secret(name) == manifest
        assert running.sync.live()
        assert running.sync.ready()
    assert world.reads("app") == 1


def test_one_path_of_many_manifests_is_read_once(world: Any, eventually: Eventually) -> None:
    world.put("shared", password="p", user="u")
    audited = world.audited
    entries = [{"secretKey": key, "remoteRef": {"key": "shared", "property": key}} for key in ("password", "user")]
    for index in range(12):
        world.manifest(f"app-{index}", data=entries)
    with world.running():
        eventually(lambda: all(world.value(f"app-{index}", "user") == "u" for index in range(12)))
    assert world.reads("shared", after=audited) == 1


def test_a_manifest_that_changes_is_followed_and_a_deleted_one_let_go(world: Any, eventually: Eventually) -> None:
    world.put("app", password="first")
    world.put("other", password="second")
    world.manifest("app")
    with world.running():
        eventually(lambda: world.value("app") == "first")
        entry = {"secretKey": "renamed", "remoteRef": {"key": "other", "property": "password"}}
        patch = {"spec": {"data": [entry]}}
        world.objects.patch(EXTERNAL_SECRETS, "app", patch, namespace=world.namespace)
        eventually(lambda: world.value("app", "renamed") == "second")
        assert world.value("app") is None
        eventually(lambda: world.external_secret("app")["status"]["syncedResourceVersion"].startswith("2-"))
        world.objects.delete(EXTERNAL_SECRETS, "app", namespace=world.namespace)
        time.sleep(1)
        assert world.value("app", "renamed") == "second"  # the cluster's garbage collector deletes it, not we


def test_force_sync_reads_anew_each_time(world: Any, eventually: Eventually) -> None:
    world.put("app", password="first")
    world.manifest("app")
    with world.running():
        eventually(lambda: world.value("app") == "first")
        for count, password in enumerate(("second", "third")):
            world.put("app", password=password)
            world.annotate("app", **{"force-sync": str(count)})
            eventually(lambda password=password: world.value("app") == password)
        eventually(lambda: "Normal Updated secret updated" in world.events("app"))


def test_what_is_edited_or_deleted_by_hand_is_put_right(world: Any, eventually: Eventually) -> None:
    world.put("app", password="right")
    world.manifest("app")
    with world.running():
        eventually(lambda: world.value("app") == "right")
        world.objects.patch(
            SECRETS, "app", {"data": {"password": base64.b64encode(b"wrong").decode()}}, namespace=world.namespace
        )
        eventually(lambda: world.value("app") == "right")
        world.objects.delete(SECRETS, "app", namespace=world.namespace)
        eventually(lambda: world.value("app") == "right")
        label = {"metadata": {"labels": {"reconcile.external-secrets.io/managed": None}}}
        world.objects.patch(SECRETS, "app", label, namespace=world.namespace)
        eventually(
            lambda: (world.secret("app") or {})["metadata"]["labels"].get("reconcile.external-secrets.io/managed")
        )


def test_the_interval_and_policies_decide_when_it_is_read(world: Any, eventually: Eventually) -> None:
    world.put("app", password="first")
    world.manifest("often", refreshInterval="1s")
    world.manifest("once", refreshPolicy="CreatedOnce", refreshInterval="1s")
    world.manifest("never", refreshInterval="0s")
    with world.running():
        eventually(lambda: all(world.value(name) == "first" for name in ("often", "once", "never")))
        world.put("app", password="second")
        eventually(lambda: world.value("often") == "second")
        time.sleep(1.5)
        assert (world.value("once"), world.value("never")) == ("first", "first")


def test_a_failure_says_why_and_keeps_what_is_there(world: Any, eventually: Eventually) -> None:
    world.put("app", password="first")
    world.manifest("app")
    world.manifest("missing", "nothing-here")
    with world.running():
        eventually(lambda: world.ready("missing") == "False SecretSyncedError")
        eventually(lambda: world.value("app") == "first")
        world.openbao.ask("DELETE", f"{world.mount}/data/app")
        before = world.external_secret("app")["status"]["refreshTime"]
        world.annotate("app", touched="1")
        eventually(lambda: world.ready("app") == "False SecretSyncedError")
        assert world.value("app") == "first"
        status = world.external_secret("app")["status"]
        assert status["conditions"][0]["message"] == "could not get secret data from provider"
        assert status["refreshTime"] == before
        eventually(lambda: any("Warning UpdateFailed" in event and "app" in event for event in world.events("app")))
        world.put("app", password="second")
        eventually(lambda: world.value("app") == "second")  # by the retry, without another change
        eventually(lambda: world.ready("app") == "True SecretSynced")


def test_deletion_policies(world: Any, eventually: Eventually) -> None:
    world.put("app", password="first")
    world.manifest("goes", target={"deletionPolicy": "Delete"})
    world.manifest("stays")
    with world.running():
        eventually(lambda: world.value("goes") == world.value("stays") == "first")
        world.openbao.ask("DELETE", f"{world.mount}/data/app")
        for name in ("goes", "stays"):
            world.annotate(name, touched="1")
        eventually(lambda: world.secret("goes") is None)
        eventually(lambda: world.ready("goes") == "True SecretDeleted")
        eventually(lambda: world.ready("stays") == "False SecretSyncedError")
        assert world.value("stays") == "first"
        eventually(lambda: any("MissingProviderSecret" in event for event in world.events("goes")))


def test_an_external_secret_with_esos_finalizer_can_go(world: Any, eventually: Eventually) -> None:
    world.put("app", password="first")
    world.manifest("app", target={"deletionPolicy": "Delete"})
    finalizer = "externalsecrets.external-secrets.io/externalsecret-cleanup"
    patch = {"metadata": {"finalizers": [finalizer, "example.org/mine"]}}
    world.objects.patch(EXTERNAL_SECRETS, "app", patch, namespace=world.namespace)
    with world.running():
        eventually(lambda: world.value("app") == "first")
        world.objects.delete(EXTERNAL_SECRETS, "app", namespace=world.namespace)
        eventually(lambda: world.external_secret("app")["metadata"]["finalizers"] == ["example.org/mine"])
        eventually(lambda: world.secret("app") is None)


def test_other_classes_and_other_owners_are_left_alone(world: Any, eventually: Eventually) -> None:
    world.put("app", password="first")
    world.store("of-eso", controller="", version="v2", path=world.mount)
    world.manifest("theirs", store="of-eso")
    world.manifest("nobodys", store="not-there")
    world.manifest("ours")
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "theirs", "controller": True}
    metadata = {"name": "taken", "ownerReferences": [{**owner, "uid": "1-2-3"}]}
    world.objects.create(SECRETS, {"metadata": metadata, "data": {}}, namespace=world.namespace)
    world.manifest("wants", target={"name": "taken"})
    with world.running():
        eventually(lambda: world.value("ours") == "first")
        eventually(lambda: world.ready("wants") == "False SecretSyncedError")
        assert "owned by another" in world.external_secret("wants")["status"]["conditions"][0]["message"]
        assert (world.ready("theirs"), world.ready("nobodys")) == ("", "")
        assert world.secret("theirs") is None
        assert world.value("taken") is None
    with world.running(controller_class="default"):
        eventually(lambda: world.value("theirs") == "first")
        eventually(lambda: world.ready("nobodys") == "False SecretSyncedError")


def test_a_store_that_comes_later_or_changes_is_followed(world: Any, eventually: Eventually) -> None:
    world.put("app", password="first")
    world.put("deep/app", password="deep")
    world.manifest("app", store="late", refreshInterval="1s")
    with world.running(controller_class="default"):
        eventually(lambda: world.ready("app") == "False SecretSyncedError")
        world.store("late", controller="default", version="v2", path=world.mount)
        eventually(lambda: world.value("app") == "first")
        token = {"name": "gone", "key": "token"}
        patch = {"spec": {"provider": {"vault": {"auth": {"tokenSecretRef": token}}}}}
        world.objects.patch(SECRET_STORES, "late", patch, namespace=world.namespace)
        eventually(lambda: world.ready("app") == "False SecretSyncedError")
        assert world.value("app") == "first"


def test_stores_of_another_namespace_need_an_administrators_word(world: Any, eventually: Eventually) -> None:
    world.put("app", password="first")
    elsewhere = f"{world.namespace}-stores"
    world.cluster.create("Namespace", elsewhere)
    token = {"token": world.openbao.root_token.reveal_text()}
    world.objects.create(SECRETS, {"metadata": {"name": "bao"}, "stringData": token}, namespace=elsewhere)
    store = world.objects.get(SECRET_STORES, "store", namespace=world.namespace)
    body = {"metadata": {"name": "shared"}, "spec": store["spec"]}
    world.objects.create(SECRET_STORES, body, namespace=elsewhere)
    world.manifest("app", store="shared")
    with world.running(controller_class="default"):
        eventually(lambda: world.ready("app") == "False SecretSyncedError")
    assert world.secret("app") is None
    with world.running(store_namespaces=(elsewhere,)):
        eventually(lambda: world.value("app") == "first")
