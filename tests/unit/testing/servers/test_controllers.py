"""Which status is written when; on a real cluster it is used by tests/integration/operations."""

from datetime import timedelta

import pytest

from virtrigaud_secrets.errors import ConflictError
from virtrigaud_secrets.stores.cluster_objects import DEPLOYMENTS, EXTERNAL_SECRETS, Listing
from virtrigaud_secrets.testing.servers import controllers as module
from virtrigaud_secrets.testing.servers.controllers import Controllers

SECRET = {"metadata": {"namespace": "ns", "name": "a", "generation": 1}}
DEPLOYMENT = {"metadata": {"namespace": "ns", "name": "d", "generation": 2}, "spec": {"replicas": 3}}


class Objects:
    def __init__(self):
        self.items = {EXTERNAL_SECRETS: [dict(SECRET)], DEPLOYMENTS: [dict(DEPLOYMENT)]}
        self.patched = []
        self.gone = False

    def list(self, resource):
        return Listing(tuple(self.items[resource]), "1")

    def patch(self, resource, name, body, *, namespace, subresource):
        if self.gone:
            raise ConflictError("gone")
        self.patched.append((name, subresource))
        self.items[resource][0]["status"] = body["status"]

    def close(self):
        pass


@pytest.fixture
def controllers(monkeypatch):
    monkeypatch.setattr(module, "read_kubeconfig", lambda *_: None)
    monkeypatch.setattr(module, "ClusterObjects", lambda *_, **__: Objects())
    return Controllers("unread", timeout=timedelta(seconds=1))


def test_each_is_written_once_for_each_change(controllers):
    objects = controllers.objects
    controllers.look()
    controllers.look()
    assert objects.patched == [("a", "status"), ("d", "status")]
    assert objects.items[DEPLOYMENTS][0]["status"] == {
        "observedGeneration": 2,
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
    }
    objects.items[EXTERNAL_SECRETS][0]["metadata"] = SECRET["metadata"] | {"annotations": {"force-sync": "1"}}
    controllers.look()
    assert objects.patched[2:] == [("a", "status")]


def test_a_controller_that_does_not_work(controllers):
    controllers.working = False
    controllers.look()
    assert controllers.objects.patched == [("d", "status")]


def test_what_is_gone_is_passed_over(controllers):
    controllers.objects.gone = True
    controllers.look()
