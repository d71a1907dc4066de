"""A real API server takes the Deployment of the examples, field by field."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from virtrigaud_secrets.testing.servers import KubernetesAPI

FILE = Path(__file__).parents[3] / "examples/kubernetes-deployment/deployment.yaml"
PLACES = {
    "ServiceAccount": "api/v1/namespaces/{}/serviceaccounts",
    "ConfigMap": "api/v1/namespaces/{}/configmaps",
    "Deployment": "apis/apps/v1/namespaces/{}/deployments",
}

pytestmark = pytest.mark.integration


def test_every_object_is_taken(cluster: KubernetesAPI) -> None:
    namespace = "deployment-example"
    cluster.create("Namespace", namespace)
    for manifest in yaml.safe_load_all(FILE.read_text()):
        manifest["metadata"]["namespace"] = namespace
        place = PLACES[manifest["kind"]].format(namespace)
        cluster.ask("POST", f"{place}?dryRun=All&fieldValidation=Strict", manifest)
