"""Secrets of a cluster that a test changes and breaks by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest

from virtrigaud_secrets.errors import ConflictError, StoreUnavailableError
from virtrigaud_secrets.stores.cluster_objects import SECRETS, Listing, Resource


class Cluster:
    """Has what a delivery asks of `ClusterObjects`: Secrets of one namespace, and a script of what goes wrong."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.managers: list[str] = []
        self.before: dict[str, list[Callable[[], None]]] = {}
        """Verb → what happens before requests of that verb, one a request: changes by others, errors."""
        self.lost: set[str] = set()
        """Verbs whose answers are lost after the cluster acted."""
        self.closed = False
        self._version = 0

    def put(self, name: str, **parts: Any) -> dict[str, Any]:
        """Somebody writes a Secret."""
        self._version += 1
        metadata = {"name": name, "namespace": "ns", "uid": f"uid-{name}", **parts.pop("metadata", {})}
        self.kept[name] = {"type": "Opaque", **parts, "metadata": metadata | {"resourceVersion": str(self._version)}}
        return self.kept[name]

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> Mapping[str, object] | None:
        self._ask("get", resource, namespace)
        return deepcopy(self.kept.get(name))

    def list(
        self, resource: Resource, *, namespace: str = "", labels: str = "", metadata_only: bool = False
    ) -> Listing:
        self._ask("list", resource, namespace)
        assert metadata_only
        key, _, value = labels.partition("=")
        found = [one for one in self.kept.values() if one["metadata"].get("labels", {}).get(key) == value]
        return Listing(tuple({"metadata": deepcopy(one["metadata"])} for one in found), "1")

    def create(
        self, resource: Resource, body: Mapping[str, Any], *, namespace: str = "", field_manager: str = ""
    ) -> Mapping[str, object]:
        self._ask("create", resource, namespace)
        self.managers.append(field_manager)
        if body["metadata"]["name"] in self.kept:
            raise ConflictError("there is one already")
        made = self.put(body["metadata"]["name"], **deepcopy(dict(body)))
        return self._answer("create", made)

    def replace(
        self, resource: Resource, name: str, body: Mapping[str, Any], *, namespace: str = "", field_manager: str = ""
    ) -> Mapping[str, object]:
        self._ask("replace", resource, namespace)
        self.managers.append(field_manager)
        self._check(name, body["metadata"]["resourceVersion"])
        return self._answer("replace", self.put(name, **deepcopy(dict(body))))

    def delete(
        self, resource: Resource, name: str, *, namespace: str = "", uid: str = "", resource_version: str = ""
    ) -> bool:
        self._ask("delete", resource, namespace)
        if name not in self.kept:
            return False
        assert uid == self.kept[name]["metadata"]["uid"]
        self._check(name, resource_version)
        del self.kept[name]
        return True

    def close(self) -> None:
        self.closed = True

    def _ask(self, verb: str, resource: Resource, namespace: str) -> None:
        assert (resource, namespace) == (SECRETS, "ns")
        self.asked.append(verb)
        if self.before.get(verb):
            self.before[verb].pop(0)()

    def _check(self, name: str, version: str) -> None:
        if name not in self.kept or self.kept[name]["metadata"]["resourceVersion"] != version:
            raise ConflictError("somebody else changed or deleted it")

    def _answer(self, verb: str, document: dict[str, Any]) -> dict[str, Any]:
        if verb in self.lost:
            raise StoreUnavailableError("the answer was lost")
        return document


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()
