"""A cluster in memory: enough of its API for the parts of a sync. What the real one does is tested on the real one."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from virtrigaud_secrets.errors import ConflictError, SecretsError
from virtrigaud_secrets.operations.sync.reading import SeenManifest, SeenStore, read_external_secret, read_store
from virtrigaud_secrets.stores.cluster_objects import (
    CLUSTER_SECRET_STORES,
    EXTERNAL_SECRETS,
    SECRET_STORES,
    Listing,
    Resource,
)


def merged(before: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(before) if isinstance(before, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class MemoryCluster:
    """Has what is used of `ClusterObjects`."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.writes: list[tuple[str, str, str]] = []
        self.fault: SecretsError | None = None
        self.version = 0

    def get(self, resource: Resource, name: str, *, namespace: str = "", metadata_only: bool = False) -> Any:
        self._check()
        return copy.deepcopy(self.objects.get((resource.plural, namespace, name)))

    def list(
        self, resource: Resource, *, namespace: str = "", labels: str = "", metadata_only: bool = False
    ) -> Listing:
        self._check()
        key, _, value = labels.partition("=")
        found = [
            body
            for (plural, where, _), body in self.objects.items()
            if plural == resource.plural
            and namespace in {"", where}
            and (not labels or body["metadata"].get("labels", {}).get(key) == value)
        ]
        return Listing(tuple(copy.deepcopy(found)), str(self.version))

    def create(self, resource: Resource, body: Any, *, namespace: str = "", field_manager: str = "") -> Any:
        name = body["metadata"]["name"]
        if (resource.plural, namespace, name) in self.objects:
            raise ConflictError("there is one")
        return self._keep("create", resource, namespace, name, body)

    def replace(self, resource: Resource, name: str, body: Any, *, namespace: str = "", **_: object) -> Any:
        self._current(resource, namespace, name, body)
        return self._keep("replace", resource, namespace, name, body)

    def patch(
        self, resource: Resource, name: str, body: Any, *, namespace: str = "", subresource: str = "", **_: object
    ) -> Any:
        current = self._current(resource, namespace, name, body)
        if body.get("metadata", {}).get("uid", current["metadata"].get("uid")) != current["metadata"].get("uid"):
            raise ConflictError("another uid")
        return self._keep(f"patch {subresource}".strip(), resource, namespace, name, merged(current, body))

    def delete(
        self, resource: Resource, name: str, *, namespace: str = "", uid: str = "", resource_version: str = ""
    ) -> bool:
        self._check()
        self.writes.append(("delete", resource.plural, name))
        return self.objects.pop((resource.plural, namespace, name), None) is not None

    def _current(self, resource: Resource, namespace: str, name: str, body: Any) -> dict[str, Any]:
        current = self.objects.get((resource.plural, namespace, name))
        wanted = body.get("metadata", {}).get("resourceVersion")
        if current is None or wanted not in {None, current["metadata"]["resourceVersion"]}:
            raise ConflictError("somebody was faster")
        return current

    def _keep(self, verb: str, resource: Resource, namespace: str, name: str, body: Any) -> Any:
        self._check()
        self.writes.append((verb, resource.plural, name))
        self.version += 1
        kept = copy.deepcopy(dict(body))
        metadata = {
            "namespace": namespace,
            "uid": f"uid-{name}",
            **kept["metadata"],
            "resourceVersion": str(self.version),
        }
        self.objects[resource.plural, namespace, name] = {**kept, "metadata": metadata}
        return copy.deepcopy(self.objects[resource.plural, namespace, name])

    def _check(self) -> None:
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster()


def external_secret(name: str = "app", *, store: str = "store", **changes: Any) -> dict[str, Any]:
    """An ExternalSecret as the API tells it."""
    entry = {"secretKey": "password", "remoteRef": {"key": "a"}}
    body: dict[str, Any] = {
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}", "generation": 1, "resourceVersion": "1"},
        "spec": {"secretStoreRef": {"name": store}, "refreshInterval": "1h", "data": [entry]},
    }
    return merged(body, changes)  # type: ignore[no-any-return]


def secret_store(name: str = "store", *, controller: str = "virtrigaud-secrets", **changes: Any) -> dict[str, Any]:
    """A store as the API tells it."""
    provider = {"fake": {"data": [{"key": "a", "value": "x"}]}}
    body = {"metadata": {"name": name, "namespace": "ns"}, "spec": {"controller": controller, "provider": provider}}
    return merged(body, changes)  # type: ignore[no-any-return]


@pytest.fixture
def es() -> Any:
    return external_secret


@pytest.fixture
def store() -> Any:
    return secret_store


@pytest.fixture
def seen() -> Any:
    """An ExternalSecret as it is read."""

    def read(name: str = "app", **changes: Any) -> SeenManifest:
        return read_external_secret(external_secret(name, **changes), EXTERNAL_SECRETS)

    return read


@pytest.fixture
def seen_store() -> Any:
    """A store as it is read."""

    def read(name: str = "store", *, cluster_wide: bool = False, **changes: Any) -> SeenStore:
        body = secret_store(name, **changes)
        if cluster_wide:
            del body["metadata"]["namespace"]
        return read_store(body, CLUSTER_SECRET_STORES if cluster_wide else SECRET_STORES)

    return read
