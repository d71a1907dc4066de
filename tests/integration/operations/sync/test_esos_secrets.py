"""A running sync goes through the scenarios that ESO's controller went through, and ends with the same Secrets.

The cases are those of `tests/conformance/target-secrets`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from virtrigaud_secrets.errors import ConflictError
from virtrigaud_secrets.operations.sync import Sync, SyncOptions
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.cluster_objects import (
    EXTERNAL_SECRETS,
    SECRET_STORES,
    SECRETS,
    ClusterObjects,
    Resource,
)
from virtrigaud_secrets.testing.servers import KubernetesAPI

pytestmark = pytest.mark.integration

Document = dict[str, Any]

CONFORMANCE = Path(__file__).parents[3] / "conformance" / "target-secrets"
CASES: list[Document] = [json.loads(line) for line in (CONFORMANCE / "cases.jsonl").read_text("utf-8").splitlines()]
DIFFERENT = {
    line.partition(": ")[0].removeprefix("secret ")
    for line in (CONFORMANCE / "expected_failures.txt").read_text("utf-8").splitlines()
}
"""Cases whose Secret is another one; why is written there."""
GIVEN_BY_THE_SERVER = ("creationTimestamp", "managedFields", "resourceVersion", "uid")
NAMESPACES = list(dict.fromkeys(case["namespace"] for case in CASES))
"""As ESO's were called: the label of an owner is made of them."""


class Place:
    """The namespace of one scenario."""

    def __init__(self, objects: ClusterObjects, namespace: str) -> None:
        self.objects = objects
        self.namespace = namespace

    def get(self, resource: Resource, name: str) -> Document | None:
        return cast("Document | None", self.objects.get(resource, name, namespace=self.namespace))

    def put(self, resource: Resource, document: Document) -> None:
        """Write all but what the server gives, over what is there."""
        own = {key: value for key, value in document["metadata"].items() if key not in GIVEN_BY_THE_SERVER}
        while True:
            found = self.get(resource, own["name"])
            body = {**document, "metadata": own}
            if found is None:
                self.objects.create(resource, body, namespace=self.namespace, field_manager="other")
                return
            try:
                body |= {"metadata": {**found["metadata"], "labels": {}, "annotations": {}, **own}}
                self.objects.replace(resource, own["name"], body, namespace=self.namespace, field_manager="other")
            except ConflictError:
                continue
            return

    def begin(self, case: Document) -> None:
        """Bring store, Secret and ExternalSecret to where the case begins."""
        spec = {"provider": {"fake": {"data": case["store"]}}}
        store = self.get(SECRET_STORES, "store")
        if store is None or store["spec"] != spec:
            self.put(SECRET_STORES, {"metadata": {"name": "store"}, "spec": spec})
        if case["before"] is not None and self.content(case["before"]) != self.content(self.secret(case)):
            self.put(SECRETS, self.owned(case["before"]))
        self.put(EXTERNAL_SECRETS, case["manifest"])

    def secret(self, case: Document) -> Document | None:
        manifest = case["manifest"]
        return self.get(SECRETS, manifest["spec"].get("target", {}).get("name") or manifest["metadata"]["name"])

    def condition(self, case: Document) -> list[str] | None:
        for condition in self.status(case).get("conditions", []):
            if condition["type"] == "Ready":
                return [condition["status"], condition["reason"], condition["message"]]
        return None

    def owned(self, secret: Document) -> Document:
        """The same, owned by the ExternalSecret that is in this cluster."""
        metadata = {**secret["metadata"]}
        for owner in metadata.get("ownerReferences", []):
            found = self.get(EXTERNAL_SECRETS, owner["name"]) if owner["kind"] == "ExternalSecret" else None
            if found is not None:
                owner["uid"] = found["metadata"]["uid"]
        return {**secret, "metadata": metadata}

    def content(self, secret: Document | None) -> Document | None:
        if secret is None:
            return None
        metadata = self.owned(secret)["metadata"]
        return {**secret, "metadata": {key: metadata[key] for key in metadata if key not in GIVEN_BY_THE_SERVER}}

    def is_as_eso_left_it(self, case: Document) -> bool:
        if case["id"] in DIFFERENT:
            return self.condition(case) is not None
        return (
            self.condition(case) == case["condition"]
            and self.content(self.secret(case)) == self.content(case["after"])
            and _told(self.status(case)) == _told(case["status"])
        )

    def status(self, case: Document) -> Document:
        found = self.get(EXTERNAL_SECRETS, case["manifest"]["metadata"]["name"]) or {}
        return cast("Document", found.get("status", {}))


def _told(status: Document) -> tuple[object, str]:
    """`binding`, and `syncedResourceVersion` without the generation: here each case begins with one write."""
    return status.get("binding"), str(status.get("syncedResourceVersion", "")).partition("-")[2]


@pytest.fixture(scope="module")
def syncing(eso_cluster: KubernetesAPI) -> Iterator[None]:
    """In the place of ESO, in the namespaces of all scenarios."""
    for namespace in NAMESPACES:
        eso_cluster.create("Namespace", namespace)
    options = SyncOptions(namespaces=tuple(NAMESPACES), controller_class="default", leader_election=False)
    sync = Sync(options, settings=Settings(kubeconfig=eso_cluster.kubeconfig()))
    thread = threading.Thread(target=sync.run, daemon=True)
    thread.start()
    yield
    sync.close()
    thread.join(20)


@pytest.mark.usefixtures("syncing")
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_scenario_ends_as_with_eso(
    objects: ClusterObjects, eventually: Callable[[Callable[[], object]], None], namespace: str
) -> None:
    place = Place(objects, namespace)
    for case in [case for case in CASES if case["namespace"] == namespace]:
        place.begin(case)
        eventually(lambda case=case: place.is_as_eso_left_it(case))  # type: ignore[misc]
