"""`verify` on a real OpenBao and kube-apiserver."""

import json
import secrets

import pytest

from virtrigaud_secrets import Settings
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.operations.policy import verify

pytestmark = pytest.mark.integration

SYSTEM_PATHS = ("auth/kubernetes/login", "sys/capabilities-self", "auth/token/revoke-self")


def test_the_guides_policy_lacks_nothing_with_the_additions_and_is_too_wide(guide_world):
    since = len(guide_world.openbao.audit_entries())
    (verdict,) = verify(load(guide_world.manifests), settings=guide_world.settings())
    assert verdict.error is None
    # What single leases are ended by where a certificate keeps the login alive: not in the guide's policy.
    assert verdict.lacking == ("update on sys/leases/revoke",)
    assert "create on pki/issue/virtrigaud" in verdict.excess
    assert "read on secret/data/providers/* (a wildcard)" in verdict.excess
    asked = {entry.path for entry in guide_world.openbao.audit_entries(after=since)}
    assert asked <= set(SYSTEM_PATHS)


STORE = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: store, namespace: team}}
spec: {{provider: {{vault: {{server: "{server}", path: "{mount}",
  auth: {{tokenSecretRef: {{name: token, key: token}}}}}}}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: token, namespace: team}}
stringData: {{token: "{token}"}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: es, namespace: team}}
spec: {{secretStoreRef: {{name: store}}, data: [{{secretKey: a, remoteRef: {{key: app/one}}}}]}}
"""


@pytest.mark.parametrize("root", [False, True])
def test_an_exact_policy_and_the_root_token(openbao, tmp_path, root):
    mount = f"verify-{secrets.token_hex(4)}"
    rules = {f"{mount}/data/app/one": {"capabilities": ["read"]}, "sys/capabilities-self": {"capabilities": ["update"]}}
    openbao.ask("PUT", f"sys/policies/acl/{mount}", {"policy": json.dumps({"path": rules})})
    made = openbao.ask("POST", "auth/token/create-orphan", {"policies": [mount], "no_default_policy": True})
    token = openbao.root_token.reveal_text() if root else made["auth"]["client_token"]
    (tmp_path / "all.yaml").write_text(STORE.format(server=openbao.address, mount=mount, token=token))
    (verdict,) = verify(load(tmp_path), settings=Settings(ca_file=openbao.ca_file))
    assert verdict.exact is not root
    assert verdict.excess == (("root: everything",) if root else ())


CLUSTER_STORE = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: store, namespace: {namespace}}}
spec: {{provider: {{kubernetes: {{remoteNamespace: {namespace}}}}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: es, namespace: {namespace}}}
spec: {{secretStoreRef: {{name: store}}, data: [{{secretKey: a, remoteRef: {{key: one}}}}]}}
"""


def test_a_cluster_tells_what_lacks_and_what_is_too_much(cluster, tmp_path):
    namespace = f"verify-{secrets.token_hex(4)}"
    cluster.create("Namespace", namespace)
    user = f"user-{secrets.token_hex(4)}"
    settings = Settings(kubeconfig=cluster.kubeconfig(certificate=cluster.issue_client_certificate(user)))
    (tmp_path / "all.yaml").write_text(CLUSTER_STORE.format(namespace=namespace))
    (verdict,) = verify(load(tmp_path), settings=settings)
    assert verdict.lacking == (f"get on secrets one in {namespace}",)
    cluster.grant({"kind": "User", "name": user}, namespace=namespace, resource="secrets", verbs=("get", "list"))
    (verdict,) = verify(load(tmp_path), settings=settings)
    assert verdict.lacking == ()
    assert verdict.excess == (
        f"get on every one of secrets in {namespace}",
        f"list on every one of secrets in {namespace}",
    )
