"""Every way to log in, from manifests and environment to a value, through the public face."""

from __future__ import annotations

import base64

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import AuthenticationError, SecretsError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.certificates import CertificateAuthority
from virtrigaud_secrets.testing.servers.service_account_tokens import ServiceAccount, TokenSigner

pytestmark = pytest.mark.integration

TENANT = "tenant-id-here"
AUDIENCE = "api://AzureADTokenExchange"
ACCOUNT = ServiceAccount("provider", "team")

MANIFESTS = """
{{apiVersion: external-secrets.io/v1, kind: {kind}, metadata: {{name: azure{place}}},
 spec: {{provider: {{azurekv: {{vaultUrl: "{url}/", {spec}}}}}}}}}
---
{{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {{name: wanted, namespace: team}},
 spec: {{secretStoreRef: {{name: azure, kind: {kind}}}, data: [{{secretKey: it, remoteRef: {{key: it}}}}]}}}}
---
{{apiVersion: v1, kind: Secret, metadata: {{name: azure-secret, namespace: {secrets_in}}}, data: {{{data}}}}}
"""


@pytest.fixture
def resolve(key_vault, ca_file, vault_url, tmp_path):
    """The value that manifests with this spec give."""
    key_vault.set_secret("it", "the value")

    def run(spec, *, kind="SecretStore", secrets_in="team", data=None, environment=None, **settings):
        place = ", namespace: team" if kind == "SecretStore" else ""
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in (data or {}).items()}
        text = MANIFESTS.format(
            kind=kind,
            place=place,
            url=vault_url,
            spec=spec,
            secrets_in=secrets_in,
            data=", ".join(f"{key}: {value}" for key, value in encoded.items()),
        )
        path = tmp_path / "manifests.yaml"
        path.write_text(text)
        found = Settings.from_environment(
            environment or {}, ca_file=ca_file, endpoints=key_vault.endpoints(vault_url), **settings
        )
        with Resolver.from_path(path, settings=found) as resolver:
            return resolver.resolve("wanted", namespace="team").text("it")

    return run


@pytest.fixture
def signer(key_vault) -> TokenSigner:
    made = TokenSigner()
    key_vault.entra.federate("app", made, ACCOUNT)
    return made


def clients(key_vault) -> set[str]:
    return {request.client_id for request in key_vault.requests} - {""}


def test_a_user_assigned_identity(key_vault, resolve):
    key_vault.entra.add_identity("mine")
    assert resolve("authType: ManagedIdentity, identityId: mine") == "the value"
    assert clients(key_vault) == {"mine"}


def test_a_client_secret_of_a_cluster_store(key_vault, resolve):
    key_vault.entra.add_secret("app", "the-secret")
    spec = (
        f"tenantId: {TENANT}, authSecretRef: {{clientId: {{name: azure-secret, key: id, namespace: central}}, "
        "clientSecret: {name: azure-secret, key: secret, namespace: central}}"
    )
    data = {"id": "app", "secret": "the-secret"}
    assert resolve(spec, kind="ClusterSecretStore", secrets_in="central", data=data) == "the value"
    assert clients(key_vault) == {"app"}


def test_a_client_certificate(key_vault, resolve):
    issued = CertificateAuthority(now=SystemClock().now()).issue("app", algorithm="rsa")
    key_vault.entra.add_certificate("app", issued.certificate)
    spec = (
        f"tenantId: {TENANT}, authSecretRef: {{clientId: {{name: azure-secret, key: id}}, "
        "clientCertificate: {name: azure-secret, key: pem}}"
    )
    data = {"id": "app", "pem": issued.private_key + issued.certificate}
    assert resolve(spec, data=data) == "the value"
    assert clients(key_vault) == {"app"}


def test_a_wrong_client_secret_shows_nowhere(key_vault, resolve):
    key_vault.entra.add_secret("app", "the-secret")
    spec = (
        f"tenantId: {TENANT}, authSecretRef: {{clientId: {{name: azure-secret, key: id}}, "
        "clientSecret: {name: azure-secret, key: secret}}"
    )
    with pytest.raises(AuthenticationError, match="the client secret is wrong") as caught:
        resolve(spec, data={"id": "app", "secret": "hunter2-wrong"})
    assert "hunter2" not in str(caught.value)


def test_the_pods_workload_identity_from_its_environment(key_vault, resolve, signer, tmp_path):
    file = tmp_path / "azure-identity-token"
    file.write_bytes(signer.sign(ACCOUNT, audiences=[AUDIENCE]).reveal())
    environment = {
        "AZURE_CLIENT_ID": "app",
        "AZURE_TENANT_ID": TENANT,
        "AZURE_FEDERATED_TOKEN_FILE": str(file),
    }
    assert resolve("authType: WorkloadIdentity", environment=environment) == "the value"
    assert clients(key_vault) == {"app"}


def test_a_named_account_by_the_pods_projected_token(key_vault, resolve, signer, tmp_path):
    directory = tmp_path / "serviceaccount"
    directory.mkdir()
    (directory / "token").write_bytes(signer.sign(ACCOUNT, audiences=[AUDIENCE]).reveal())
    spec = (
        f"authType: WorkloadIdentity, tenantId: {TENANT}, serviceAccountRef: {{name: provider}}, "
        "authSecretRef: {clientId: {name: azure-secret, key: id}}"
    )
    assert resolve(spec, data={"id": "app"}, service_account_directory=directory) == "the value"


def test_outside_a_pod_the_error_says_what_is_missing(resolve, key_vault):
    with pytest.raises(SecretsError, match="AZURE_CLIENT_ID"):
        resolve("authType: WorkloadIdentity")
    assert clients(key_vault) == set()
