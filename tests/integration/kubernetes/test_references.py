"""References answered by a real kube-apiserver, RBAC on."""

from __future__ import annotations

import base64
import json
import logging
import secrets
import traceback
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    StoreNotFoundError,
    StoreUnavailableError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.cluster_access import read_kubeconfig
from virtrigaud_secrets.stores.cluster_api import ClusterAPI
from virtrigaud_secrets.stores.references import KubernetesReferences
from virtrigaud_secrets.testing.servers import KubernetesAPI

pytestmark = pytest.mark.integration

PLANTED = "planted-value-7f3a"

MANIFESTS = """
{{apiVersion: external-secrets.io/v1, kind: ClusterSecretStore, metadata: {{name: blue}},
  spec: {{conditions: [{{namespaceSelector: {{matchLabels: {{team: blue}}}}}}],
         provider: {{fake: {{data: [{{key: a, value: v}}]}}}}}}}}
---
{{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {{name: es, namespace: {blue}}},
  spec: {{secretStoreRef: {{name: blue, kind: ClusterSecretStore}}, data: [{{secretKey: k, remoteRef: {{key: a}}}}]}}}}
---
{{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {{name: es, namespace: {red}}},
  spec: {{secretStoreRef: {{name: blue, kind: ClusterSecretStore}}, data: [{{secretKey: k, remoteRef: {{key: a}}}}]}}}}
"""


class NoManifests:
    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive | None:
        return None

    def config_map_value(self, name: str, key: str, *, namespace: str) -> str | None:
        return None


def references(settings: Settings) -> KubernetesReferences:
    return KubernetesReferences(settings, catalog=NoManifests())


@pytest.fixture
def namespace(cluster: KubernetesAPI) -> str:
    """A namespace with a Secret, a ConfigMap and two service accounts."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.create("Namespace", name)
    cluster.create("Secret", "vault-token", namespace=name, stringData={"token": PLANTED})
    cluster.create("ConfigMap", "vault-ca", namespace=name, data={"ca.crt": "certificate"})
    cluster.create("ServiceAccount", "external-secrets", namespace=name)
    cluster.create("ServiceAccount", "provider", namespace=name)
    return name


def user(cluster: KubernetesAPI, namespace: str) -> tuple[Settings, dict[str, str]]:
    """Settings of somebody who may do nothing yet, and the same as a subject of RBAC."""
    name = f"user-{secrets.token_hex(4)}"
    kubeconfig = cluster.kubeconfig(certificate=cluster.issue_client_certificate(name))
    return Settings(kubeconfig=kubeconfig), {"kind": "User", "name": name}


def claims(token: Sensitive) -> dict[str, object]:
    payload = token.reveal_text().split(".")[1]
    decoded: dict[str, object] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return decoded


def test_a_client_certificate_reads_what_rbac_grants_and_nothing_else(cluster: KubernetesAPI, namespace: str) -> None:
    settings, subject = user(cluster, namespace)
    asked = references(settings)
    with pytest.raises(AccessDeniedError) as caught:
        asked.secret_value("vault-token", "token", namespace=namespace)
    assert caught.value.capability == "get secrets"
    assert caught.value.path == f"namespaces/{namespace}/secrets/vault-token"
    assert f"refuses `get secrets` in namespace {namespace}" in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None

    cluster.grant(subject, namespace=namespace, resource="secrets", verbs=("get",))
    assert asked.secret_value("vault-token", "token", namespace=namespace).reveal_text() == PLANTED
    with pytest.raises(AccessDeniedError, match="`get configmaps`"):
        asked.config_map_value("vault-ca", "ca.crt", namespace=namespace)
    cluster.grant(subject, namespace=namespace, resource="configmaps", verbs=("get",))
    assert asked.config_map_value("vault-ca", "ca.crt", namespace=namespace) == "certificate"
    asked.close()


def test_what_the_cluster_does_not_have_is_named(cluster: KubernetesAPI, namespace: str) -> None:
    asked = references(Settings(kubeconfig=cluster.kubeconfig()))
    with pytest.raises(ConfigurationError, match=f"Secret {namespace}/nowhere, key 'a', was not found.*no such Secret"):
        asked.secret_value("nowhere", "a", namespace=namespace)
    with pytest.raises(ConfigurationError, match="has the Secret, without that key"):
        asked.secret_value("vault-token", "other", namespace=namespace)
    with pytest.raises(ConfigurationError, match=r"ConfigMap .*/nowhere, key 'a', was not found.*no such ConfigMap"):
        asked.config_map_value("nowhere", "a", namespace=namespace)
    with pytest.raises(ConfigurationError, match=f"has no ServiceAccount {namespace}/nobody"):
        asked.service_account_token("nobody", namespace=namespace)
    asked.close()


def test_a_token_request_needs_the_verb_and_honours_audience_and_life(cluster: KubernetesAPI, namespace: str) -> None:
    settings, subject = user(cluster, namespace)
    asked = references(settings)
    with pytest.raises(AccessDeniedError) as caught:
        asked.service_account_token("external-secrets", namespace=namespace)
    assert caught.value.capability == "create serviceaccounts/token"
    assert caught.value.path == f"namespaces/{namespace}/serviceaccounts/external-secrets/token"

    cluster.grant(subject, namespace=namespace, resource="serviceaccounts/token", verbs=("create",))
    token = asked.service_account_token("external-secrets", namespace=namespace, audiences=["vault", "other"])
    found = claims(token)
    assert found["sub"] == f"system:serviceaccount:{namespace}:external-secrets"
    assert found["aud"] == ["vault", "other"]
    assert int(str(found["exp"])) - int(str(found["iat"])) == 600
    plain = claims(asked.service_account_token("external-secrets", namespace=namespace))
    assert plain["aud"] == ["https://kubernetes.default.svc.cluster.local"]
    asked.close()


def test_in_a_pod_the_directory_is_both_identity_and_way_to_the_api(cluster: KubernetesAPI, namespace: str) -> None:
    directory = cluster.service_account_directory("provider", namespace=namespace)
    settings = Settings(service_account_directory=directory, kubernetes_api=cluster.address)
    subject = {"kind": "ServiceAccount", "name": "provider", "namespace": namespace}
    cluster.grant(subject, namespace=namespace, resource="secrets", verbs=("get",))
    cluster.grant(subject, namespace=namespace, resource="serviceaccounts/token", verbs=("create",))

    asked = references(settings)
    assert asked.secret_value("vault-token", "token", namespace=namespace).reveal_text() == PLANTED
    own = asked.service_account_token("external-secrets", namespace=namespace)
    assert own.reveal() == (directory / "token").read_bytes()
    asked.close()

    wanting = references(replace(settings, service_account_tokens="token-request"))
    other = wanting.service_account_token("external-secrets", namespace=namespace)
    assert claims(other)["sub"] == f"system:serviceaccount:{namespace}:external-secrets"
    wanting.close()


def test_a_token_that_the_kubelet_replaced_is_used_for_the_next_request(cluster: KubernetesAPI, namespace: str) -> None:
    directory = cluster.service_account_directory("provider", namespace=namespace)
    good = (directory / "token").read_bytes()
    subject = {"kind": "ServiceAccount", "name": "provider", "namespace": namespace}
    cluster.grant(subject, namespace=namespace, resource="secrets", verbs=("get",))
    asked = references(Settings(service_account_directory=directory, kubernetes_api=cluster.address))
    (directory / "token").write_bytes(b"expired")
    with pytest.raises(AuthenticationError, match="does not accept our credentials"):
        asked.secret_value("vault-token", "token", namespace=namespace)
    (directory / "token").write_bytes(good)
    assert asked.secret_value("vault-token", "token", namespace=namespace).reveal_text() == PLANTED
    asked.close()


def test_nothing_of_an_answer_reaches_logs_or_errors(
    cluster: KubernetesAPI, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    cluster.create("Secret", "binary", namespace=namespace, data={"bytes": "AP8A/w=="})
    api = ClusterAPI(read_kubeconfig(cluster.kubeconfig(), SystemClock()), timeout=timedelta(seconds=30))
    found = api.secret("vault-token", namespace=namespace)
    assert found is not None
    assert found["token"].reveal_text() == PLANTED
    assert (api.secret("binary", namespace=namespace) or {})["bytes"].reveal() == b"\x00\xff\x00\xff"
    token = api.service_account_token("provider", namespace=namespace)
    assert token is not None
    with pytest.raises(ConfigurationError) as caught:
        api.secret("../../../secrets", namespace=namespace)
    api.close()
    seen = caplog.text + repr((api, found, token)) + "".join(traceback.format_exception(caught.value))
    assert caplog.records, "the client logs something at this level, or this test proves nothing"
    for value in (PLANTED, base64.b64encode(PLANTED.encode()).decode(), token.reveal_text(), "Bearer"):
        assert value not in seen


def test_making_a_client_leaves_the_processs_logging_alone(cluster: KubernetesAPI) -> None:
    logger = logging.getLogger("urllib3")
    before = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        asked = references(Settings(kubeconfig=cluster.kubeconfig()))
        with pytest.raises(ConfigurationError):
            asked.secret_value("a", "b", namespace="default")
        assert logger.level == logging.DEBUG
        asked.close()
    finally:
        logger.setLevel(before)


def test_a_proxy_of_the_environment_is_not_used(cluster: KubernetesAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    asked = references(Settings(kubeconfig=cluster.kubeconfig()))
    with pytest.raises(ConfigurationError, match="no such Secret"):
        asked.secret_value("a", "b", namespace="default")
    asked.close()


def test_a_server_that_another_authority_vouches_for_is_refused(cluster: KubernetesAPI, tmp_path: Path) -> None:
    document = json.loads(cluster.kubeconfig().read_text())
    del document["clusters"][0]["cluster"]["certificate-authority-data"]
    (tmp_path / "kubeconfig").write_text(json.dumps(document))
    asked = references(Settings(kubeconfig=tmp_path / "kubeconfig"))
    with pytest.raises(StoreUnavailableError, match="its certificate is not trusted") as caught:
        asked.secret_value("a", "b", namespace="default")
    assert caught.value.__cause__ is caught.value.__context__ is None
    asked.close()


def test_a_credential_plugin_gives_the_token(cluster: KubernetesAPI, tmp_path: Path) -> None:
    document = json.loads(cluster.kubeconfig().read_text())
    token = document["users"][0]["user"].pop("token")
    version = "client.authentication.k8s.io/v1"
    answer = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": token}}
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    document["users"][0]["user"]["exec"] = {"apiVersion": version, "command": "cat", "args": ["answer.json"]}
    (tmp_path / "kubeconfig").write_text(json.dumps(document))
    asked = references(Settings(kubeconfig=tmp_path / "kubeconfig"))
    with pytest.raises(ConfigurationError, match="no such Secret"):
        asked.secret_value("a", "b", namespace="default")
    asked.close()


def test_the_labels_of_a_namespace_decide_who_may_use_a_cluster_store(cluster: KubernetesAPI, tmp_path: Path) -> None:
    blue, red = (f"test-{secrets.token_hex(4)}" for _ in range(2))
    for name, labels in ((blue, {"team": "blue"}), (red, {"team": "red"})):
        metadata = {"name": name, "labels": labels}
        cluster.ask("POST", "api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    (tmp_path / "manifests.yaml").write_text(MANIFESTS.format(blue=blue, red=red))
    settings = Settings(kubeconfig=cluster.kubeconfig(token=cluster.admin_token))
    with Resolver.from_path(tmp_path / "manifests.yaml", settings=settings) as resolver:
        assert resolver.resolve("es", namespace=blue).text("k") == "v"
        with pytest.raises(StoreNotFoundError, match="is not allowed from namespace"):
            resolver.resolve("es", namespace=red)


PUSHED = """
{{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {{name: memory, namespace: {namespace}}},
  spec: {{provider: {{fake: {{data: []}}}}}}}}
---
{{apiVersion: v1, kind: Secret, metadata: {{name: both, namespace: {namespace}, labels: {{app: db}}}},
  stringData: {{from: manifest}}}}
---
{{apiVersion: external-secrets.io/v1alpha1, kind: PushSecret, metadata: {{name: labelled, namespace: {namespace}}},
  spec: {{secretStoreRefs: [{{name: memory}}],
         selector: {{secret: {{selector: {{matchLabels: {{app: db}},
           matchExpressions: [{{key: tier, operator: NotIn, values: [test]}}]}}}}}},
         dataTo: [{{storeRef: {{name: memory}}, rewrite: [{{transform: {{template: "{{{{ .value }}}}"}}}}]}}]}}}}
"""


def test_a_push_selects_secrets_of_the_cluster_by_label(cluster: KubernetesAPI, tmp_path: Path) -> None:
    namespace = f"test-{secrets.token_hex(4)}"
    meta = {"metadata": {"name": namespace}}
    cluster.ask("POST", "api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", **meta})
    for name, labels in (
        ("both", {"app": "db"}),
        ("there", {"app": "db", "tier": "live"}),
        ("tested", {"app": "db", "tier": "test"}),
        ("other", {"app": "web"}),
    ):
        body = {"metadata": {"name": name, "labels": labels}, "stringData": {f"of-{name}": PLANTED}}
        cluster.ask("POST", f"api/v1/namespaces/{namespace}/secrets", {"apiVersion": "v1", "kind": "Secret", **body})
    (tmp_path / "manifests.yaml").write_text(PUSHED.format(namespace=namespace))
    settings = Settings(kubeconfig=cluster.kubeconfig(token=cluster.admin_token))
    with Resolver.from_path(tmp_path / "manifests.yaml", settings=settings) as resolver:
        report = resolver.push("labelled", namespace=namespace)
        assert sorted(entry.target.key for entry in report.entries) == ["from", "of-there"]
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody"}}
    cluster.ask("POST", f"api/v1/namespaces/{namespace}/serviceaccounts", account)
    powerless = cluster.service_account_token("nobody", namespace=namespace)
    settings = Settings(kubeconfig=cluster.kubeconfig(token=powerless))
    with (
        Resolver.from_path(tmp_path / "manifests.yaml", settings=settings) as resolver,
        pytest.raises(AccessDeniedError, match="list secrets"),
    ):
        resolver.push("labelled", namespace=namespace)
