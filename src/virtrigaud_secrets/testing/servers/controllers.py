"""Stands in for controllers beside a `KubernetesAPI`, which runs none: writes the status that theirs would.

Only what others read of them is here: that an ExternalSecret was refreshed, that a Deployment was rolled out. No Secret
is written and no pod is made.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self, cast

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import ClosedError, ConflictError, LocalServerError
from virtrigaud_secrets.stores.cluster_access import read_kubeconfig
from virtrigaud_secrets.stores.cluster_objects import DEPLOYMENTS, EXTERNAL_SECRETS, ClusterObjects, Resource

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

LOOK_EVERY: Final = 0.05
"""Seconds between two looks."""

DEFINITIONS: Final = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")
_GROUP: Final = "external-secrets.io"
_KINDS: Final = (
    ("externalsecrets", "ExternalSecret", "Namespaced"),
    ("secretstores", "SecretStore", "Namespaced"),
    ("clustersecretstores", "ClusterSecretStore", "Cluster"),
)
_COUNTS: Final = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")

Body = Mapping[str, object]


class Controllers:
    """ESO and the Deployment controller, as far as their writes to `status` go; from `with` to the end of the block."""

    def __init__(self, kubeconfig: Path, *, timeout: timedelta) -> None:
        """Nothing is sent yet.

        Args:
            kubeconfig: of an administrator.
            timeout: for each request.
        """
        self._objects = ClusterObjects(read_kubeconfig(kubeconfig, SystemClock()), timeout=timeout)
        self._clock = SystemClock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="controllers", daemon=True)
        self.working = True
        """Whether ExternalSecrets are refreshed. Deployments always are rolled out."""

    @property
    def objects(self) -> ClusterObjects:
        """The administrator's client."""
        return self._objects

    def define_kinds(self) -> None:
        """Teach the cluster ESO's kinds, which keep any fields.

        Raises:
            LocalServerError: it does not serve them.
        """
        for plural, kind, scope in _KINDS:
            with suppress(ConflictError):
                self._objects.create(DEFINITIONS, _definition(plural, kind, scope))
        for _ in range(600):
            if all(self._is_served(plural) for plural, _, _ in _KINDS):
                return
            self._clock.sleep(LOOK_EVERY)
        raise LocalServerError("the cluster does not serve the kinds it was taught")

    def _is_served(self, plural: str) -> bool:
        found = self._objects.get(DEFINITIONS, f"{plural}.{_GROUP}") or {}
        status = cast("Body", found.get("status") or {})
        conditions = cast("list[Body]", status.get("conditions") or [])
        return any((one.get("type"), one.get("status")) == ("Established", "True") for one in conditions)

    def write_status(self, resource: Resource, body: Body, status: Body) -> None:
        """Merge into the status of an object that was listed; nothing where it is gone."""
        metadata = cast("Mapping[str, str]", body["metadata"])
        with suppress(ConflictError):
            self._objects.patch(
                resource,
                metadata["name"],
                {"status": status},
                namespace=metadata.get("namespace", ""),
                subresource="status",
            )

    def look(self) -> None:
        """Do what is due now."""
        for body in self._objects.list(EXTERNAL_SECRETS).items if self.working else ():
            marker = f"{_metadata(body).get('generation')}-{hash(str(_metadata(body).get('annotations')))}"
            if _status(body).get("syncedResourceVersion") != marker:
                self.refresh(body, marker)
        for body in self._objects.list(DEPLOYMENTS).items:
            generation = _metadata(body).get("generation")
            if _status(body).get("observedGeneration") != generation:
                replicas = cast("Body", body["spec"]).get("replicas")
                counts = dict.fromkeys(_COUNTS, replicas)
                self.write_status(DEPLOYMENTS, body, {"observedGeneration": generation, **counts})

    def refresh(self, body: Body, marker: str) -> None:
        """Tell that an ExternalSecret was refreshed. A subclass may do it, too."""
        ready = {"type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced"}
        now = self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        status = {"refreshTime": now, "syncedResourceVersion": marker, "conditions": [ready]}
        self.write_status(EXTERNAL_SECRETS, body, status)

    def _run(self) -> None:
        with suppress(ClosedError):
            while not self._end.wait(LOOK_EVERY):
                self.look()

    def __enter__(self) -> Self:
        """Start to look."""
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop."""
        self._end.set()
        self._thread.join()
        self._objects.close()


def _definition(plural: str, kind: str, scope: str) -> Body:
    schema: Body = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    status: Body = {}
    version: Body = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": status},
    }
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    spec: Body = {"group": _GROUP, "names": names, "scope": scope, "versions": [version]}
    return {"metadata": {"name": f"{plural}.{_GROUP}"}, "spec": spec}


def _metadata(body: Body) -> Body:
    return cast("Body", body["metadata"])


def _status(body: Body) -> Body:
    return cast("Body", body.get("status") or {})
