"""Workload identity with a real kube-apiserver: its TokenRequest, its TokenReview on Google's side, its annotations."""

from __future__ import annotations

import json
import secrets

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import AccessDeniedError, AuthenticationError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.servers import SecretManager
from virtrigaud_secrets.testing.servers.service_account_tokens import InvalidTokenError

pytestmark = pytest.mark.integration

PROJECT = "test-project"
POOL = f"{PROJECT}.svc.id.goog"
EMAIL = f"reader@{PROJECT}.iam.gserviceaccount.com"
REVIEWS = "apis/authentication.k8s.io/v1/tokenreviews"


@pytest.fixture
def namespace(cluster):
    name = f"test-{secrets.token_hex(4)}"
    cluster.create("Namespace", name)
    return name


@pytest.fixture
def google(cluster):
    def verify(token, audience):
        spec = {"token": token.reveal_text(), "audiences": [audience]}
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        status = cluster.ask("POST", REVIEWS, review)["status"]
        if not status.get("authenticated"):
            raise InvalidTokenError("the cluster does not know it")
        _, _, space, name = status["user"]["username"].split(":")
        return f"{space}/{name}"

    with SecretManager(verify=verify) as server:
        server.secrets.add(PROJECT, "database", "value")
        yield server


def account(cluster, namespace, **annotations):
    metadata = {"name": "provider", "namespace": namespace, "annotations": annotations}
    path = f"api/v1/namespaces/{namespace}/serviceaccounts"
    cluster.ask("POST", path, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


def write(directory, namespace, auth):
    def document(kind, name, spec):
        metadata = {"name": name, "namespace": namespace}
        return {"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": metadata, "spec": spec}

    data = [{"secretKey": "password", "remoteRef": {"key": "database"}}]
    documents = (
        document("SecretStore", "google", {"provider": {"gcpsm": {"projectID": PROJECT, "auth": auth}}}),
        document("ExternalSecret", "database", {"secretStoreRef": {"name": "google"}, "data": data}),
    )
    (directory / "all.yaml").write_text("\n---\n".join(map(json.dumps, documents)))


WORKLOAD = {
    "workloadIdentity": {
        "clusterProjectID": PROJECT,
        "clusterLocation": "l",
        "clusterName": "c",
        "serviceAccountRef": {"name": "provider"},
    }
}
FEDERATION = {"workloadIdentityFederation": {"audience": "//iam/pool", "serviceAccountRef": {"name": "provider"}}}


def read(google, directory, kubeconfig, namespace):
    ca_file = google.write_ca(directory)
    settings = Settings(
        endpoints=google.endpoints(),
        ca_file=ca_file,
        kubeconfig=kubeconfig,
        service_account_tokens="token-request",
    )
    with Resolver.from_path(directory / "all.yaml", settings=settings) as resolver:
        value = resolver.resolve("database", namespace=namespace).text("password")
    assert value == "value"
    return google.asked[-1].caller


@pytest.mark.parametrize(("auth", "pool"), [(WORKLOAD, POOL), (FEDERATION, "//iam/pool")])
def test_the_cluster_vouches_for_the_account(cluster, google, namespace, tmp_path, auth, pool):
    account(cluster, namespace)
    write(tmp_path, namespace, auth)
    assert read(google, tmp_path, cluster.kubeconfig(), namespace) == f"{pool}[{namespace}/provider]"


def test_its_annotation_says_for_whom_it_acts(cluster, google, namespace, tmp_path):
    account(cluster, namespace, **{"iam.gke.io/gcp-service-account": EMAIL})
    write(tmp_path, namespace, WORKLOAD)
    with pytest.raises(AuthenticationError, match=r"workloadIdentityUser"):
        read(google, tmp_path, cluster.kubeconfig(), namespace)
    google.identity.bind(f"{POOL}[{namespace}/provider]", EMAIL)
    assert read(google, tmp_path, cluster.kubeconfig(), namespace) == EMAIL


def test_the_cluster_must_let_us_ask(cluster, google, namespace, tmp_path):
    account(cluster, namespace)
    write(tmp_path, namespace, WORKLOAD)
    user = f"user-{namespace}"
    kubeconfig = cluster.kubeconfig(certificate=cluster.issue_client_certificate(user))
    subject = {"kind": "User", "name": user}
    for resource, verb in (("serviceaccounts/token", "create"), ("serviceaccounts", "get")):
        with pytest.raises(AccessDeniedError) as caught:
            read(google, tmp_path, kubeconfig, namespace)
        assert caught.value.capability == f"{verb} {resource}"
        cluster.grant(subject, namespace=namespace, resource=resource, verbs=(verb,))
    assert read(google, tmp_path, kubeconfig, namespace) == f"{POOL}[{namespace}/provider]"
