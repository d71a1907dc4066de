"""A cluster of its own into which everything in `deploy/` is put as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from virtrigaud_secrets.testing.servers import KubernetesAPI

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
    "PodDisruptionBudget": "poddisruptionbudgets",
    "PrometheusRule": "prometheusrules",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "Secret": "secrets",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
    "ServiceMonitor": "servicemonitors",
}
MONITORING_KINDS = ("PrometheusRule", "ServiceMonitor")

Document = dict[str, Any]


def documents(*files: Path) -> list[Document]:
    """Every object of these files, Namespaces first and then in order."""
    found = [one for file in files for one in yaml.safe_load_all(file.read_text()) if one]
    return sorted(found, key=lambda one: one["kind"] != "Namespace")


def shipped() -> list[Path]:
    """Every file of `deploy/` that holds objects."""
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
