"""Workload identity with tokens that a real kube-apiserver makes, and reviews, RBAC on."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, cast

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import AccessDeniedError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.servers import KubernetesAPI
from virtrigaud_secrets.testing.servers.service_account_tokens import InvalidTokenError, ServiceAccount

pytestmark = pytest.mark.integration

MANIFESTS = """
{{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {{name: azure, namespace: {namespace}}},
 spec: {{provider: {{azurekv: {{vaultUrl: "{url}", authType: WorkloadIdentity,
   serviceAccountRef: {{name: provider}}}}}}}}}}
---
{{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {{name: wanted, namespace: {namespace}}},
 spec: {{secretStoreRef: {{name: azure}}, data: [{{secretKey: it, remoteRef: {{key: it}}}}]}}}}
"""


class Review:
    """Asks the cluster about tokens, as Azure asks a cluster's issuer for its keys."""

    def __init__(self, cluster: KubernetesAPI) -> None:
        self.cluster = cluster

    def check(self, token: Sensitive, *, audiences: Sequence[str] = ()) -> tuple[ServiceAccount, tuple[str, ...]]:
        spec = {"token": token.reveal_text(), "audiences": list(audiences)}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        answer = self.cluster.ask("POST", "apis/authentication.k8s.io/v1/tokenreviews", body)
        status = cast("dict[str, Any]", answer["status"])
        if not status.get("authenticated"):
            raise InvalidTokenError("not this cluster's")
        _, _, namespace, name = status["user"]["username"].split(":")
        return ServiceAccount(name, namespace), tuple(status["audiences"])


@pytest.fixture
def world(cluster, key_vault, ca_file, vault_url, tmp_path):
    """Manifests, settings of a user who may do nothing yet, and that user as a subject of RBAC."""
    namespace = f"azure-{secrets.token_hex(4)}"
    cluster.create("Namespace", namespace)
    annotations = {
        "azure.workload.identity/client-id": "app",
        "azure.workload.identity/tenant-id": "tenant-id-here",
    }
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "provider", "annotations": annotations}}
    cluster.ask("POST", f"api/v1/namespaces/{namespace}/serviceaccounts", body)
    key_vault.set_secret("it", "the value")
    key_vault.entra.federate("app", Review(cluster), ServiceAccount("provider", namespace))
    user = f"user-{secrets.token_hex(4)}"
    settings = Settings(
        ca_file=ca_file,
        endpoints=key_vault.endpoints(vault_url),
        kubeconfig=cluster.kubeconfig(certificate=cluster.issue_client_certificate(user)),
        service_account_tokens="token-request",
    )
    path = tmp_path / "manifests.yaml"
    path.write_text(MANIFESTS.format(namespace=namespace, url=vault_url))
    return namespace, path, settings, {"kind": "User", "name": user}


def test_the_account_that_the_store_names_logs_in(cluster, key_vault, world):
    namespace, path, settings, user = world
    cluster.grant(user, namespace=namespace, resource="serviceaccounts", verbs=("get",))
    cluster.grant(user, namespace=namespace, resource="serviceaccounts/token", verbs=("create",))
    with Resolver.from_path(path, settings=settings) as resolver:
        assert resolver.resolve("wanted", namespace=namespace).text("it") == "the value"
    assert {request.client_id for request in key_vault.requests} == {"", "app"}


def test_a_right_that_the_cluster_does_not_give_is_named(key_vault, world):
    namespace, path, settings, _ = world
    with Resolver.from_path(path, settings=settings) as resolver, pytest.raises(AccessDeniedError) as caught:
        resolver.resolve("wanted", namespace=namespace)
    assert "serviceaccounts" in str(caught.value)
    assert {request.client_id for request in key_vault.requests} == {""}
