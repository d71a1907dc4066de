"""A real OpenBao asks a real kube-apiserver who we are: Kubernetes login, from manifest to bundle."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import AccessDeniedError, AuthenticationError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.servers import KubernetesAPI, OpenBao

pytestmark = pytest.mark.integration

REVIEWER = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"}
POLICY = 'path "%s/data/vsphere" { capabilities = ["read"] }'


@dataclass(frozen=True)
class World:
    """A namespace with accounts, and an OpenBao that lets one of them read one secret."""

    name: str
    cluster: KubernetesAPI
    openbao: OpenBao
    manifests: Path

    def accept(self, account: str, *, audience: str = "") -> None:
        role = {
            "bound_service_account_names": [account],
            "bound_service_account_namespaces": [self.name],
            "token_policies": [self.name],
        }
        self.openbao.ask("POST", f"auth/{self.name}/role/provider", role | ({"audience": audience} if audience else {}))

    def write(self, **service_account: object) -> None:
        """The store and what is read from it."""
        vault = {
            "server": self.openbao.address,
            "path": self.name,
            "caBundle": base64.b64encode(self.openbao.ca_pem).decode(),
            "auth": {"kubernetes": {"mountPath": self.name, "role": "provider", **service_account}},
        }
        reference = {"key": "vsphere", "property": "password"}
        documents: list[Mapping[str, object]] = [
            {"kind": "SecretStore", "metadata": self._named("bao"), "spec": {"provider": {"vault": vault}}},
            {
                "kind": "ExternalSecret",
                "metadata": self._named("vsphere"),
                "spec": {
                    "secretStoreRef": {"name": "bao"},
                    "data": [{"secretKey": "password", "remoteRef": reference}],
                },
            },
        ]
        text = "\n---\n".join(json.dumps({"apiVersion": "external-secrets.io/v1", **one}) for one in documents)
        (self.manifests / "all.yaml").write_text(text)

    def resolve(self, settings: Settings) -> str:
        with Resolver.from_path(self.manifests, settings=settings) as resolver:
            return resolver.resolve("vsphere", namespace=self.name).text("password")

    def _named(self, name: str) -> dict[str, str]:
        return {"name": name, "namespace": self.name}


@pytest.fixture
def world(cluster: KubernetesAPI, openbao: OpenBao, tmp_path: Path) -> World:
    name = f"test-{secrets.token_hex(4)}"
    cluster.create("Namespace", name)
    for account in ("external-secrets", "other", "openbao"):
        cluster.create("ServiceAccount", account, namespace=name)
    reviewer = {"kind": "ServiceAccount", "name": "openbao", "namespace": name}
    cluster.create("ClusterRoleBinding", name, roleRef=REVIEWER, subjects=[reviewer])
    openbao.mount_versioned_kv(name)
    openbao.ask("POST", f"{name}/data/vsphere", {"data": {"password": "from-openbao"}})
    openbao.ask("PUT", f"sys/policies/acl/{name}", {"policy": POLICY % name})
    openbao.ask("POST", f"sys/auth/{name}", {"type": "kubernetes"})
    config = {
        "kubernetes_host": cluster.address,
        "kubernetes_ca_cert": cluster.ca_pem.decode(),
        "token_reviewer_jwt": cluster.service_account_token("openbao", namespace=name).reveal_text(),
    }
    openbao.ask("POST", f"auth/{name}/config", config)
    return World(name, cluster, openbao, tmp_path)


def someone(world: World) -> tuple[Settings, dict[str, str]]:
    """Settings of a user of the cluster who may do nothing yet, and the same as a subject of RBAC."""
    user = f"user-{secrets.token_hex(4)}"
    kubeconfig = world.cluster.kubeconfig(certificate=world.cluster.issue_client_certificate(user))
    return Settings(kubeconfig=kubeconfig), {"kind": "User", "name": user}


def test_a_requested_token_logs_in_as_the_account_that_the_store_names(world: World) -> None:
    world.accept("external-secrets", audience="vault")
    world.write(serviceAccountRef={"name": "external-secrets", "audiences": ["vault"]})
    settings, subject = someone(world)
    world.cluster.grant(subject, namespace=world.name, resource="serviceaccounts/token", verbs=("create",))
    before = len(world.openbao.audit_entries())
    assert world.resolve(settings) == "from-openbao"
    logins = {entry.login for entry in world.openbao.audit_entries(after=before) if "/data/vsphere" in entry.path}
    assert logins == {f"{world.name}-{world.name}-external-secrets"}


def test_without_the_right_to_make_tokens_nobody_logs_in(world: World) -> None:
    world.accept("external-secrets")
    world.write(serviceAccountRef={"name": "external-secrets"})
    settings, _ = someone(world)
    before = len(world.openbao.audit_entries())
    with pytest.raises(AccessDeniedError, match="refuses `create serviceaccounts/token`") as caught:
        world.resolve(settings)
    assert caught.value.capability == "create serviceaccounts/token"
    assert len(world.openbao.audit_entries()) == before


def test_in_a_pod_its_own_token_logs_in(world: World) -> None:
    world.accept("other")
    world.write()
    directory = world.cluster.service_account_directory("other", namespace=world.name)
    settings = Settings(service_account_directory=directory, kubernetes_api=world.cluster.address)
    assert world.resolve(settings) == "from-openbao"


@pytest.mark.parametrize("audience", ["", "vault"])
def test_an_account_or_audience_that_openbao_does_not_accept(world: World, audience: str) -> None:
    world.accept("external-secrets" if not audience else "other", audience=audience)
    world.write(serviceAccountRef={"name": "other"})
    with pytest.raises(AuthenticationError) as caught:
        world.resolve(Settings(kubeconfig=world.cluster.kubeconfig()))
    assert f"auth/{world.name}/login" in str(caught.value)
