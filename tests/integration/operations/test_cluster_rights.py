"""What `doctor` says of RBAC on a real kube-apiserver: the account of the process, and that of a `kubernetes` store."""

from __future__ import annotations

import base64
import secrets

import pytest

from virtrigaud_secrets import Settings
from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.operations.diagnosis import Level
from virtrigaud_secrets.operations.doctor import examine
from virtrigaud_secrets.stores.references import KubernetesReferences

pytestmark = pytest.mark.integration

MANIFESTS = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: remote, namespace: {team}}}
spec:
  provider:
    kubernetes:
      remoteNamespace: {remote}
      server: {{url: "{server}", caBundle: {bundle}}}
      auth: {{serviceAccount: {{name: reader}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: one, namespace: {team}}}
spec: {{secretStoreRef: {{name: remote}}, data: [{{secretKey: a, remoteRef: {{key: one, property: a}}}}]}}
"""


@pytest.fixture
def team():
    return f"team-{secrets.token_hex(4)}"


@pytest.fixture
def remote():
    return f"remote-{secrets.token_hex(4)}"


@pytest.fixture
def rights(cluster, team, remote, tmp_path):
    """The diagnoses of permissions, as level and message by subject."""
    for name in (team, remote):
        cluster.create("Namespace", name)
    for name in ("provider", "reader"):
        cluster.create("ServiceAccount", name, namespace=team)
    bundle = base64.b64encode(cluster.ca_pem).decode()
    path = tmp_path / "all.yaml"
    path.write_text(MANIFESTS.format(team=team, remote=remote, server=cluster.address, bundle=bundle))
    token = cluster.service_account_token("provider", namespace=team)
    settings = Settings(kubeconfig=cluster.kubeconfig(token=token), service_account_tokens="token-request")

    def look(**options):
        catalog, clock = load(path), SystemClock()
        references = KubernetesReferences(settings, catalog=catalog, clock=clock)
        try:
            report = examine(catalog, settings=settings, references=references, clock=clock, **options)
        finally:
            references.close()
        found = [one for one in report.diagnoses if one.check == "permission"]
        assert all(one.advice for one in found if one.level is Level.ERROR)
        return {one.subject: (one.level, one.message) for one in found}

    return look


def test_what_rbac_lacks_until_it_is_granted(cluster, team, remote, rights):
    process, store = f"cluster {cluster.address}", f"SecretStore {team}/remote"
    found = rights()
    assert found[process] == (Level.ERROR, f"RBAC does not grant create on serviceaccounts/token reader in {team}")
    assert found[store][0] is Level.ERROR, "without a token nobody can ask"

    account = {"kind": "ServiceAccount", "name": "provider", "namespace": team}
    cluster.grant(account, namespace=team, resource="serviceaccounts/token", verbs=("create",))
    found = rights()
    assert found[process] == (Level.OK, "RBAC grants all that the manifests need")
    assert found[store] == (Level.ERROR, f"RBAC does not grant get on secrets one in {remote}")

    reader = {"kind": "ServiceAccount", "name": "reader", "namespace": team}
    cluster.grant(reader, namespace=remote, resource="secrets", verbs=("get",))
    assert rights()[store] == (Level.OK, "RBAC grants all that the manifests need")


def test_without_a_login_nothing_is_asked(rights):
    assert rights(login=False) == {}
