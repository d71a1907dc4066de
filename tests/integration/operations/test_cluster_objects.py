"""`ClusterObjects` on a real kube-apiserver."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidRequestError,
    StoreUnavailableError,
    WatchExpiredError,
)
from virtrigaud_secrets.stores.cluster_objects import (
    CLUSTER_SECRET_STORES,
    CONFIG_MAPS,
    EXTERNAL_SECRETS,
    NAMESPACES,
    PAGE_SIZE,
    SECRETS,
    Change,
    ClusterObjects,
    Resource,
)
from virtrigaud_secrets.testing.servers import KubernetesAPI

pytestmark = pytest.mark.integration

PLANTED = "planted-value-7f3a"
SHORT = timedelta(seconds=2)
Connect = Callable[[Path], ClusterObjects]


def fields(found: Mapping[str, object] | None) -> dict[str, Any]:
    return cast("dict[str, Any]", found)


def secret(name: str, value: str = PLANTED, **labels: str) -> dict[str, object]:
    data = {"password": base64.b64encode(value.encode()).decode()}
    return {"metadata": {"name": name, "labels": labels}, "data": data}


def test_an_object_is_made_read_replaced_patched_and_deleted(objects: ClusterObjects, namespace: str) -> None:
    assert objects.get(SECRETS, "s", namespace=namespace) is None
    made = fields(objects.create(SECRETS, secret("s"), namespace=namespace, field_manager="a-test"))
    assert made["metadata"]["managedFields"][0]["manager"] == "a-test"
    changed = {**made, "data": {"password": "bmV3"}}
    fields(objects.replace(SECRETS, "s", changed, namespace=namespace))
    objects.patch(SECRETS, "s", {"metadata": {"labels": {"a": "b"}}, "data": {"user": "dQ=="}}, namespace=namespace)
    found = fields(objects.get(SECRETS, "s", namespace=namespace))
    assert found["data"] == {"password": "bmV3", "user": "dQ=="}
    assert found["metadata"]["labels"] == {"a": "b"}
    assert objects.delete(SECRETS, "s", namespace=namespace)
    assert not objects.delete(SECRETS, "s", namespace=namespace)


def test_metadata_alone_brings_no_data(objects: ClusterObjects, namespace: str) -> None:
    objects.create(SECRETS, secret("s"), namespace=namespace)
    found = objects.get(SECRETS, "s", namespace=namespace, metadata_only=True)
    listing = objects.list(SECRETS, namespace=namespace, metadata_only=True)
    for one in (fields(found), *map(fields, listing.items)):
        assert one["metadata"]["name"] == "s"
        assert "data" not in one


def test_a_list_of_several_pages_is_whole_and_follows_labels(objects: ClusterObjects, namespace: str) -> None:
    for index in range(PAGE_SIZE + 20):
        body = {"metadata": {"name": f"c-{index}", "labels": {"even": str(index % 2 == 0)}}}
        objects.create(CONFIG_MAPS, body, namespace=namespace)
    assert len(objects.list(CONFIG_MAPS, namespace=namespace).items) == PAGE_SIZE + 20
    assert len(objects.list(CONFIG_MAPS, namespace=namespace, labels="even=True").items) == PAGE_SIZE // 2 + 10
    everywhere = objects.list(CONFIG_MAPS, labels="even=False").items
    assert {fields(one)["metadata"]["namespace"] for one in everywhere} == {namespace}


def test_a_write_over_somebody_elses_is_refused(objects: ClusterObjects, namespace: str) -> None:
    made = fields(objects.create(SECRETS, secret("s"), namespace=namespace))
    version = made["metadata"]["resourceVersion"]
    objects.patch(SECRETS, "s", {"metadata": {"labels": {"a": "b"}}}, namespace=namespace)
    with pytest.raises(ConflictError, match="somebody else changed or deleted it") as caught:
        objects.replace(SECRETS, "s", made, namespace=namespace)
    assert PLANTED not in str(caught.value)
    with pytest.raises(ConflictError):
        objects.patch(SECRETS, "s", {"metadata": {"resourceVersion": version}}, namespace=namespace)
    with pytest.raises(ConflictError, match="there is one already"):
        objects.create(SECRETS, secret("s"), namespace=namespace)
    with pytest.raises(ConflictError):
        objects.replace(
            SECRETS, "gone", {"metadata": {"name": "gone", "resourceVersion": version}}, namespace=namespace
        )
    with pytest.raises(ConflictError):
        objects.patch(SECRETS, "gone", {}, namespace=namespace)


def test_a_deletion_keeps_to_its_preconditions(objects: ClusterObjects, namespace: str) -> None:
    first = fields(objects.create(SECRETS, secret("s"), namespace=namespace))["metadata"]
    with pytest.raises(ConflictError):
        objects.delete(SECRETS, "s", namespace=namespace, uid="00000000-0000-0000-0000-000000000000")
    objects.patch(SECRETS, "s", {"metadata": {"labels": {"a": "b"}}}, namespace=namespace)
    with pytest.raises(ConflictError):
        objects.delete(SECRETS, "s", namespace=namespace, resource_version=first["resourceVersion"])
    assert objects.delete(SECRETS, "s", namespace=namespace, uid=first["uid"])


def test_status_is_written_apart(objects: ClusterObjects, namespace: str) -> None:
    made = fields(objects.create(EXTERNAL_SECRETS, {"metadata": {"name": "e"}, "spec": {"a": 1}}, namespace=namespace))
    patch = {"status": {"refreshTime": "2026-01-01T00:00:00Z"}, "spec": {"a": 2}}
    objects.patch(EXTERNAL_SECRETS, "e", patch, namespace=namespace, subresource="status")
    found = fields(objects.get(EXTERNAL_SECRETS, "e", namespace=namespace))
    assert found["spec"] == {"a": 1}
    assert found["status"] == {"refreshTime": "2026-01-01T00:00:00Z"}
    assert found["metadata"]["generation"] == made["metadata"]["generation"]


def test_what_lives_in_no_namespace(objects: ClusterObjects, namespace: str) -> None:
    name = f"store-of-{namespace}"
    objects.create(CLUSTER_SECRET_STORES, {"metadata": {"name": name}, "spec": {}})
    assert fields(objects.get(CLUSTER_SECRET_STORES, name))["kind"] == "ClusterSecretStore"
    assert fields(objects.get(NAMESPACES, namespace))["metadata"]["name"] == namespace
    assert objects.delete(CLUSTER_SECRET_STORES, name)


def test_a_watch_tells_each_change_and_ends(objects: ClusterObjects, namespace: str) -> None:
    version = objects.list(SECRETS, namespace=namespace).resource_version
    objects.create(SECRETS, secret("s", mine="yes"), namespace=namespace)
    objects.create(SECRETS, secret("other"), namespace=namespace)
    objects.patch(SECRETS, "s", {"metadata": {"labels": {"more": "1"}}}, namespace=namespace)
    objects.delete(SECRETS, "s", namespace=namespace)
    changes = list(
        objects.watch(
            SECRETS, namespace=namespace, labels="mine=yes", resource_version=version, timeout=SHORT, metadata_only=True
        )
    )
    told = [change for change in changes if change.kind != "BOOKMARK"]
    assert [change.kind for change in told] == ["ADDED", "MODIFIED", "DELETED"]
    assert all("data" not in change.object for change in told)


def test_a_watch_from_a_forgotten_point_says_so(objects: ClusterObjects, namespace: str) -> None:
    # The cluster keeps changes of a custom kind since that kind is there, and it was there later than point 1.
    with pytest.raises(WatchExpiredError):
        list(objects.watch(EXTERNAL_SECRETS, namespace=namespace, resource_version="1", timeout=SHORT))


def test_closing_wakes_a_watch(eso_cluster: KubernetesAPI, connect: Connect, namespace: str) -> None:
    client = connect(eso_cluster.kubeconfig())
    version = client.list(SECRETS, namespace=namespace).resource_version
    seen: list[Change] = []
    watch = client.watch(SECRETS, namespace=namespace, resource_version=version, timeout=timedelta(minutes=5))
    thread = threading.Thread(target=lambda: seen.extend(watch))
    thread.start()
    time.sleep(0.5)
    client.close()
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_a_kind_or_namespace_that_is_not_there_is_told(objects: ClusterObjects, namespace: str) -> None:
    unheard = Resource("external-secrets.io", "v1", "nosuchthings", "NoSuchThing")
    for ask in (
        lambda: objects.list(unheard, namespace=namespace),
        lambda: list(objects.watch(unheard, namespace=namespace, resource_version="1", timeout=SHORT)),
        lambda: objects.create(SECRETS, secret("s"), namespace="no-such-namespace"),
    ):
        with pytest.raises(InvalidRequestError, match=r"no such namespace or no kind .* CRD installed"):
            ask()


def test_rights_are_told_beforehand_and_missed_by_name(
    eso_cluster: KubernetesAPI, connect: Connect, namespace: str
) -> None:
    user = f"user-of-{namespace}"
    eso_cluster.grant({"kind": "User", "name": user}, namespace=namespace, resource="secrets", verbs=("get", "list"))
    client = connect(eso_cluster.kubeconfig(certificate=eso_cluster.issue_client_certificate(user)))
    assert client.reviewed("get", SECRETS, namespace=namespace)
    assert not client.reviewed("delete", SECRETS, namespace=namespace)
    assert not client.reviewed("get", SECRETS)
    assert not client.reviewed("patch", EXTERNAL_SECRETS, namespace=namespace, subresource="status")
    assert client.list(SECRETS, namespace=namespace).items == ()
    with pytest.raises(AccessDeniedError, match="refuses `create secrets` in namespace") as caught:
        client.create(SECRETS, secret("s"), namespace=namespace)
    assert caught.value.capability == "create secrets"
    with pytest.raises(AccessDeniedError, match="refuses `watch secrets` in all namespaces"):
        list(client.watch(SECRETS, resource_version="1", timeout=SHORT))


def test_a_body_the_cluster_refuses_shows_in_no_error(objects: ClusterObjects, namespace: str) -> None:
    body = {"metadata": {"name": "s"}, "data": {"password": PLANTED}}
    with pytest.raises(InvalidRequestError) as caught:
        objects.create(SECRETS, body, namespace=namespace)
    assert PLANTED not in str(caught.value)


def test_a_cluster_that_is_not_there_is_unavailable(
    eso_cluster: KubernetesAPI, connect: Connect, tmp_path: Path
) -> None:
    text = eso_cluster.kubeconfig().read_text().replace(eso_cluster.address, "https://127.0.0.1:1")
    (tmp_path / "kubeconfig").write_text(text)
    client = connect(tmp_path / "kubeconfig")
    with pytest.raises(StoreUnavailableError, match="it cannot be reached"):
        client.list(SECRETS)
