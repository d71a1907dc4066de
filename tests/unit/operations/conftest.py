"""A cluster in memory whose controllers do what a test tells them."""

from __future__ import annotations

import copy
from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.errors import ConflictError
from virtrigaud_secrets.stores.cluster_objects import DEPLOYMENTS, EXTERNAL_SECRETS, Listing

OLD = "2020-01-01T00:00:00Z"


class FakeCluster:
    """Keeps objects; `after_patch` is its controllers, `faults` what goes wrong on the next requests of a verb."""

    def __init__(self):
        self.objects = {EXTERNAL_SECRETS: {}, DEPLOYMENTS: {}}
        self.patches = []
        self.listed = []
        self.faults = {"list": [], "patch": [], "lose": []}
        self.after_patch = lambda resource, body: None
        self.on_list = lambda: None

    def add_external_secret(self, namespace, name, **spec):
        status = {
            "refreshTime": OLD,
            "syncedResourceVersion": "1-a",
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        body = {"metadata": {"namespace": namespace, "name": name}, "spec": spec, "status": status}
        self.objects[EXTERNAL_SECRETS][namespace, name] = body
        return body

    def add_deployment(self, namespace, name, **spec):
        status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
        metadata = {"namespace": namespace, "name": name, "generation": 1}
        body = {"metadata": metadata, "spec": {"replicas": 1, **spec}, "status": status}
        self.objects[DEPLOYMENTS][namespace, name] = body
        return body

    def list(self, resource, *, namespace="", labels=""):
        self.listed.append((resource.plural, namespace, labels))
        if self.faults["list"] and (fault := self.faults["list"].pop(0)):
            raise fault
        self.on_list()
        found = [body for (where, _), body in self.objects[resource].items() if namespace in {"", where}]
        return Listing(tuple(copy.deepcopy(found)), "1")

    def patch(self, resource, name, body, *, namespace="", field_manager=""):
        self.patches.append((resource.plural, namespace, name))
        if self.faults["patch"] and (fault := self.faults["patch"].pop(0)):
            raise fault
        found = self.objects[resource].get((namespace, name))
        if found is None:
            raise ConflictError("it is gone")
        merge(found, body)
        if resource is DEPLOYMENTS:
            found["metadata"]["generation"] += 1
        self.after_patch(resource, found)
        if self.faults["lose"] and (fault := self.faults["lose"].pop(0)):
            raise fault
        return copy.deepcopy(found)


def merge(target, patch):
    for key, value in patch.items():
        if isinstance(value, dict):
            merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


def obey(resource, body):
    """Controllers that do at once what they are there for."""
    if resource is EXTERNAL_SECRETS:
        body["status"]["syncedResourceVersion"] += "b"
        forced = datetime.fromtimestamp(float(body["metadata"]["annotations"]["force-sync"]), UTC)
        body["status"]["refreshTime"] = forced.strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        body["status"]["observedGeneration"] = body["metadata"]["generation"]


@pytest.fixture
def fake_cluster():
    cluster = FakeCluster()
    cluster.after_patch = obey
    return cluster
