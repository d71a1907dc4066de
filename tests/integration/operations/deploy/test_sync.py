"""The sync as its pod runs it: with the shipped arguments, under the shipped account and role."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers import KubernetesAPI, OpenBao

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

NAMESPACE = "vsphere-providers"


@pytest.fixture
def everywhere(
    deployed: KubernetesAPI, manifests: Callable[..., list[Any]], creates: Callable[..., Any]
) -> Iterator[KubernetesAPI]:
    """The cluster with what `access/cluster-wide.yaml` grants, for as long as a test takes."""
    granted = manifests("access/cluster-wide.yaml")
    for document in granted:
        creates(deployed, document)
    yield deployed
    for document in granted:
        plural = f"{document['kind'].lower()}s"
        deployed.ask("DELETE", f"apis/rbac.authorization.k8s.io/v1/{plural}/{document['metadata']['name']}")


def value(cluster: KubernetesAPI, name: str = "shipped") -> str:
    try:
        found: Any = cluster.ask("GET", f"api/v1/namespaces/{NAMESPACE}/secrets/{name}")
    except LocalServerError:
        return ""
    return base64.b64decode(found["data"]["password"]).decode()


def test_it_works_with_what_is_shipped(
    deployed: KubernetesAPI, openbao: OpenBao, tools: Any, eventually: Callable[..., None]
) -> None:
    tools.write_to_sync(deployed, NAMESPACE, "shipped", openbao)
    openbao.ask("POST", "shipped/data/app", {"data": {"password": "first"}})
    words = [*tools.arguments("sync"), "--ca-file", str(openbao.ca_file)]
    with tools.running(deployed, words, account="virtrigaud-secrets-sync") as (address, program):
        eventually(lambda: value(deployed) == "first", 60)
        eventually(lambda: tools.get(address, "/readyz")[0] == 200)
        assert tools.get(address, "/healthz")[0] == 200
        # The status follows the Secret, and the metrics the status.
        condition = 'externalsecret_status_condition{condition="Ready",name="shipped"'
        eventually(lambda: condition in tools.get(address, "/metrics")[1])
        told = tools.get(address, "/metrics")[1]
        assert "virtrigaud_sync_leader 1.0" in told
        lease: Any = deployed.ask(
            "GET", "apis/coordination.k8s.io/v1/namespaces/virtrigaud-system/leases/virtrigaud-secrets-sync"
        )
        assert lease["spec"]["holderIdentity"]
        events: Any = deployed.ask("GET", f"api/v1/namespaces/{NAMESPACE}/events")
        assert "Created" in {event["reason"] for event in events["items"]}
        program.terminate()
        assert "refuses" not in program.stderr.read()
        assert program.wait() == 0


def test_it_works_everywhere_with_what_is_shipped_for_that(
    everywhere: KubernetesAPI, openbao: OpenBao, tools: Any, eventually: Callable[..., None]
) -> None:
    tools.write_to_sync(everywhere, NAMESPACE, "everywhere", openbao)
    openbao.ask("POST", "everywhere/data/app", {"data": {"password": "first"}})
    words = [word for word in tools.arguments("sync") if not word.startswith("--namespace=")]
    words += ["--ca-file", str(openbao.ca_file)]
    with tools.running(everywhere, words, account="virtrigaud-secrets-sync") as (address, program):
        eventually(lambda: tools.get(address, "/readyz")[0] == 200, 60)
        eventually(lambda: value(everywhere, "everywhere") == "first", 60)
        program.terminate()
        assert "refuses" not in program.stderr.read()
        assert program.wait() == 0
