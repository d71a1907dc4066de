"""A cluster of its own into which everything in `deploy/` is put as it is."""

from __future__ import annotations

import base64
import http.client
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from virtrigaud_secrets.testing.servers import KubernetesAPI, OpenBao

DEPLOY = Path(__file__).parents[4] / "deploy"
GUIDE_NAMESPACES = ("vsphere-providers", "libvirt-providers", "provider-namespace")
PLURALS = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "CronJob": "cronjobs",
    "Deployment": "deployments",
    "Namespace": "namespaces",
    "NetworkPolicy": "networkpolicies",
    "Pod": "pods",
    "PodMonitor": "podmonitors",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "PrometheusRule": "prometheusrules",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "Secret": "secrets",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
    "ServiceMonitor": "servicemonitors",
}
CANARY = "canary-password-91c4"
HASH = "reconcile.external-secrets.io/data-hash"
MONITORING_KINDS = ("PodMonitor", "PrometheusRule", "ServiceMonitor")

Document = dict[str, Any]


def documents(*files: Path) -> list[Document]:
    """Every object of these files, Namespaces first and then in order."""
    found = [one for file in files for one in yaml.safe_load_all(file.read_text()) if one]
    return sorted(found, key=lambda one: one["kind"] != "Namespace")


def shipped() -> list[Path]:
    """Every file of `deploy/` that holds objects for the cluster's API."""
    return sorted(path for path in DEPLOY.rglob("*.yaml") if path.name != "kustomization.yaml")


def create(cluster: KubernetesAPI, document: Mapping[str, Any], *, dry: bool = False) -> Document:
    """Create an object; a field that the server does not know is an error."""
    version, namespace = document["apiVersion"], document["metadata"].get("namespace")
    root = f"apis/{version}" if "/" in version else f"api/{version}"
    place = f"{root}/namespaces/{namespace}" if namespace else root
    query = "?fieldValidation=Strict" + ("&dryRun=All" if dry else "")
    return cluster.ask("POST", f"{place}/{PLURALS[document['kind']]}{query}", document)


def teach_monitoring(cluster: KubernetesAPI) -> None:
    """Let the cluster know the kinds of the Prometheus operator. The schemas are ours and minimal: any fields pass."""
    for kind in MONITORING_KINDS:
        plural = PLURALS[kind]
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        spec = {
            "group": "monitoring.coreos.com",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        }
        body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
        definitions = "apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        cluster.ask("POST", definitions, {**body, "metadata": {"name": f"{plural}.monitoring.coreos.com"}})


@pytest.fixture(scope="session")
def deployed(require: Callable[[str], None], teach_eso: Callable[[KubernetesAPI], None]) -> Iterator[KubernetesAPI]:
    """A cluster with the guide's namespaces and all that is shipped for the monitor and for sync."""
    require(KubernetesAPI.missing_reason())
    with KubernetesAPI() as cluster:
        teach_eso(cluster)
        teach_monitoring(cluster)
        for namespace in (*GUIDE_NAMESPACES, "monitoring"):
            cluster.create("Namespace", namespace)
        files = [file for file in shipped() if file.name != "cluster-wide.yaml" and file.parent.name != "monitoring"]
        for document in documents(*files):
            create(cluster, document)
        yield cluster


@pytest.fixture(scope="session")
def manifests() -> Callable[..., list[Document]]:
    """`documents`: the objects of some files of `deploy/`, of all by default."""
    return lambda *names: documents(*([DEPLOY / name for name in names] if names else shipped()))


@pytest.fixture(scope="session")
def creates() -> Callable[..., Document]:
    """`create`."""
    return create


def arguments(of: str = "monitor") -> list[str]:
    """The container's, but for the address: a free port of this machine."""
    deployment = next(yaml.safe_load_all((DEPLOY / of / "deployment.yaml").read_text()))
    found = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    return ["--listen=127.0.0.1:0" if one.startswith("--listen=") else one for one in found]


@contextmanager
def running(
    cluster: KubernetesAPI, words: Sequence[str], *, account: str = "virtrigaud-secrets-monitor"
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The command as the pod runs it; gives the address of its endpoint."""
    directory = cluster.service_account_directory(account, namespace="virtrigaud-system")
    host, _, port = cluster.address.removeprefix("https://").rpartition(":")
    environment = {
        "PATH": os.environ["PATH"],
        "COLUMNS": "500",
        "KUBERNETES_SERVICE_HOST": host,
        "KUBERNETES_SERVICE_PORT": port,
        "VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY": str(directory),
    }
    command = [sys.executable, "-W", "error", "-m", "virtrigaud_secrets.cli", *words]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        try:
            assert program.stderr is not None
            said = program.stderr.readline()
            found = re.search(r"http://([^/]+)/metrics", said)
            assert found, said
            yield found[1], program
        finally:
            program.kill()


def get(address: str, path: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection(address, timeout=20)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()


def write_secret(cluster: KubernetesAPI, namespace: str, name: str, data_hash: str, **options: object) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"reconcile.external-secrets.io/managed": "true"},
            "annotations": {HASH: data_hash},
        },
        "data": {"password": base64.b64encode(f"{CANARY}{data_hash}".encode()).decode()},
        **options,
    }
    path = f"api/v1/namespaces/{namespace}/secrets"
    if any(one["metadata"]["name"] == name for one in cluster.ask("GET", path)["items"]):  # type: ignore[index,attr-defined]
        cluster.ask("PUT", f"{path}/{name}", body)
    else:
        cluster.ask("POST", path, body)


def write_external_secret(
    cluster: KubernetesAPI, namespace: str, name: str, refreshed: datetime | None, *, ready: bool = True
) -> None:
    """Make it, or set the status of the one that there is."""
    path = f"apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets"
    items: Any = cluster.ask("GET", path)["items"]
    made: Any = next((one for one in items if one["metadata"]["name"] == name), None)
    if made is None:
        kind = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": name}}
        made = cluster.ask("POST", path, {**kind, "spec": {"refreshInterval": "15m"}})
    if refreshed is None:
        return
    conditions = [{"type": "Ready", "status": str(ready)}]
    status = {"refreshTime": refreshed.strftime("%Y-%m-%dT%H:%M:%SZ"), "conditions": conditions}
    cluster.ask("PUT", f"{path}/{name}/status", {**made, "status": status})


def write_to_sync(cluster: KubernetesAPI, namespace: str, name: str, openbao: OpenBao) -> None:
    """A store of our class at an engine of that name, and an ExternalSecret that reads `app` from it."""
    openbao.mount_versioned_kv(name)
    token = base64.b64encode(openbao.root_token.reveal()).decode()
    cluster.create("Secret", f"{name}-token", namespace=namespace, data={"token": token})
    auth = {"tokenSecretRef": {"name": f"{name}-token", "key": "token"}}
    vault = {"server": openbao.address, "path": name, "auth": auth}
    store = {"controller": "virtrigaud-secrets", "provider": {"vault": vault}}
    entry = {"secretKey": "password", "remoteRef": {"key": "app", "property": "password"}}
    for kind, plural, spec in (
        ("SecretStore", "secretstores", store),
        ("ExternalSecret", "externalsecrets", {"secretStoreRef": {"name": name}, "data": [entry]}),
    ):
        body = {"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        cluster.ask("POST", f"apis/external-secrets.io/v1/namespaces/{namespace}/{plural}", body)


@pytest.fixture(scope="session")
def tools() -> SimpleNamespace:
    """What the tests of running commands share."""
    return SimpleNamespace(
        arguments=arguments,
        canary=CANARY,
        get=get,
        running=running,
        write_external_secret=write_external_secret,
        write_secret=write_secret,
        write_to_sync=write_to_sync,
    )
