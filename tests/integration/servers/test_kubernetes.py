from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers import KubernetesAPI

pytestmark = pytest.mark.integration


def test_rbac_is_on_and_grants_count(cluster: KubernetesAPI) -> None:
    namespace = f"test-{secrets.token_hex(4)}"
    cluster.create("Namespace", namespace)
    cluster.create("ServiceAccount", "provider", namespace=namespace)
    cluster.create("Secret", "s", namespace=namespace, stringData={"a": "b"})
    token = cluster.service_account_token("provider", namespace=namespace)
    path = f"api/v1/namespaces/{namespace}/secrets/s"
    with pytest.raises(LocalServerError, match=f"403 to GET {path}: Forbidden"):
        cluster.ask("GET", path, token=token)
    subject = {"kind": "ServiceAccount", "name": "provider", "namespace": namespace}
    cluster.grant(subject, namespace=namespace, resource="secrets", verbs=("get",))
    assert cluster.ask("GET", path, token=token)["data"] == {"a": "Yg=="}
    with pytest.raises(LocalServerError, match="401 to GET"):
        cluster.ask("GET", path, token=Sensitive("nonsense"))


def test_tokens_are_reviewed_for_their_audience(cluster: KubernetesAPI) -> None:
    namespace = f"test-{secrets.token_hex(4)}"
    cluster.create("Namespace", namespace)
    cluster.create("ServiceAccount", "provider", namespace=namespace)
    token = cluster.service_account_token("provider", namespace=namespace, audiences=("vault",))

    def authenticated(audience: str) -> object:
        spec = {"token": token.reveal_text(), "audiences": [audience]}
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        status = cluster.ask("POST", "apis/authentication.k8s.io/v1/tokenreviews", review)["status"]
        assert isinstance(status, dict)
        return status.get("authenticated", False)

    assert authenticated("vault") is True
    assert authenticated("other") is False


def test_files_are_private_and_gone_after_use(cluster: KubernetesAPI) -> None:
    with KubernetesAPI() as own:
        kubeconfig = own.kubeconfig()
        directory: Path = kubeconfig.parent
        assert directory.stat().st_mode & 0o777 == 0o700
        assert kubeconfig.stat().st_mode & 0o777 == 0o600
        assert own.address != cluster.address
        arguments = Path(f"/proc/{own.process.pid}/cmdline").read_bytes()
        assert own.admin_token.reveal() not in arguments
    assert not directory.exists()
    with pytest.raises(LocalServerError, match="does not answer"):
        own.ask("GET", "readyz")


def test_a_restarted_server_has_what_it_had_at_the_same_address(cluster: KubernetesAPI) -> None:
    with KubernetesAPI() as own:
        own.create("Namespace", "kept")
        address = own.address
        own.process.kill()
        own.restart()
        assert own.address == address != cluster.address
        assert own.ask("GET", "api/v1/namespaces/kept")["metadata"]
