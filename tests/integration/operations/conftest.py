"""A real cluster that knows ESO's kinds, and clients for it.

The CRDs are ours and minimal: names, scope and the status subresource as ESO's have them; any fields pass.
"""

from __future__ import annotations

import faulthandler
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.stores.cluster_access import read_kubeconfig
from virtrigaud_secrets.stores.cluster_objects import ClusterObjects
from virtrigaud_secrets.testing.servers import KubernetesAPI

GROUP = "external-secrets.io"
KINDS = (
    ("externalsecrets", "ExternalSecret", "Namespaced"),
    ("secretstores", "SecretStore", "Namespaced"),
    ("clustersecretstores", "ClusterSecretStore", "Cluster"),
)
PATIENCE = timedelta(seconds=30)
"""For answers that come at once, on a machine however busy."""


def install_crds(cluster: KubernetesAPI) -> None:
    """Teach the cluster ESO's kinds and wait until it serves them."""
    for plural, kind, scope in KINDS:
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        names = {"plural": plural, "singular": plural.removesuffix("s"), "kind": kind, "listKind": f"{kind}List"}
        spec = {
            "group": GROUP,
            "names": names,
            "scope": scope,
            "versions": [{**version, "subresources": {"status": {}}}],
        }
        body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
        definitions = "apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        cluster.ask("POST", definitions, {**body, "metadata": {"name": f"{plural}.{GROUP}"}})
    for plural, _, _ in KINDS:
        cluster.process.wait_until(lambda plural=plural: _served(cluster, plural), timeout=PATIENCE)  # type: ignore[misc]


def _served(cluster: KubernetesAPI, plural: str) -> bool:
    try:
        cluster.ask("GET", f"apis/{GROUP}/v1/{plural}")
    except LocalServerError:
        return False
    return True


@pytest.fixture(scope="session")
def teach_eso() -> Callable[[KubernetesAPI], None]:
    """`install_crds`, for a cluster of a module's own."""
    return install_crds


@pytest.fixture(scope="session")
def eso_cluster(cluster: KubernetesAPI) -> KubernetesAPI:
    """The session's kube-apiserver with ESO's kinds: use namespaces of your own, do not stop it."""
    install_crds(cluster)
    return cluster


@pytest.fixture
def namespace(eso_cluster: KubernetesAPI) -> str:
    """A namespace of the test's own."""
    name = f"ns-{secrets.token_hex(4)}"
    eso_cluster.create("Namespace", name)
    return name


@pytest.fixture
def connect() -> Iterator[Callable[[Path], ClusterObjects]]:
    """Makes clients from kubeconfigs, and closes them."""
    clients: list[ClusterObjects] = []

    def make(kubeconfig: Path) -> ClusterObjects:
        clients.append(ClusterObjects(read_kubeconfig(kubeconfig, SystemClock()), timeout=PATIENCE))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def objects(eso_cluster: KubernetesAPI, connect: Callable[[Path], ClusterObjects]) -> ClusterObjects:
    """The administrator's client."""
    return connect(eso_cluster.kubeconfig())


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Waits until something holds; fails after a time that no machine needs."""

    def wait(condition: Callable[[], object], seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                # What threads wait for tells more than that they do.
                faulthandler.dump_traceback(sys.__stderr__)
                pytest.fail("it did not come to hold in time")
            time.sleep(0.02)

    return wait
