"""Each of Microsoft's clouds, from manifest to secret: its login server, what its tokens are for, its vault's name."""

from __future__ import annotations

import json

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import AuthenticationError, SecretsError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.servers import KeyVault

pytestmark = pytest.mark.integration

TENANT = "tenant-id-here"
CLOUDS = {
    "PublicCloud": ("login.microsoftonline.com", "vault.azure.net"),
    "USGovernmentCloud": ("login.microsoftonline.us", "vault.usgovcloudapi.net"),
    "ChinaCloud": ("login.chinacloudapi.cn", "vault.azure.cn"),
    "GermanCloud": ("login.microsoftonline.de", "vault.microsoftazure.de"),
}


def documents(vault_url, **spec):
    reference = {"name": "azure", "key": "id"}
    auth = {"clientId": reference, "clientSecret": {"name": "azure", "key": "secret"}}
    provider = {"vaultUrl": vault_url, "tenantId": TENANT, "authSecretRef": auth, **spec}

    def document(kind, name, **content):
        version = "v1" if kind == "Secret" else "external-secrets.io/v1"
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "n"}, **content}

    data = [{"secretKey": "db", "remoteRef": {"key": "db"}}]
    yield document("Secret", "azure", stringData={"id": "app", "secret": "client-secret-here"})
    yield document("SecretStore", "store", spec={"provider": {"azurekv": provider}})
    yield document("ExternalSecret", "es", spec={"secretStoreRef": {"name": "store"}, "data": data})


def read(vault, tmp_path, url, endpoints=None, **spec):
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(vault.ca_pem)
    (tmp_path / "all.yaml").write_text("\n---\n".join(map(json.dumps, documents(url, **spec))))
    settings = Settings(ca_file=ca_file, endpoints=vault.endpoints(url) | (endpoints or {}))
    with Resolver.from_path(tmp_path / "all.yaml", settings=settings) as resolver:
        return resolver.resolve("es", namespace="n").text("db")


@pytest.fixture
def vault_of():
    """A vault whose tokens are for a cloud's vaults."""
    made = []

    def make(suffix):
        vault = KeyVault(resource=f"https://{suffix}").start()
        made.append(vault)
        vault.entra.add_secret("app", "client-secret-here")
        vault.set_secret("db", "value")
        return vault

    yield make
    for vault in made:
        vault.close()


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_principal_logs_in_at_the_clouds_own_server(vault_of, tmp_path, cloud):
    login, suffix = CLOUDS[cloud]
    vault = vault_of(suffix)
    url = f"https://clouds-{cloud.lower()}.{suffix}"
    assert read(vault, tmp_path, url, environmentType=cloud) == "value"
    assert {request.host for request in vault.requests} == {login, url.removeprefix("https://")}


def test_a_vault_of_another_cloud_gets_no_token(vault_of, tmp_path):
    vault = vault_of("vault.azure.cn")
    with pytest.raises(SecretsError) as caught:
        read(vault, tmp_path, "https://clouds-mixed.vault.azure.cn", environmentType="USGovernmentCloud")
    assert isinstance(caught.value, AuthenticationError)
    assert "environmentType" in str(caught.value)
    assert not any(request.client_id for request in vault.requests)


def test_an_azure_stack_by_its_addresses(vault_of, tmp_path):
    vault = vault_of("vault.stack.example.com")
    found = read(
        vault,
        tmp_path,
        "https://clouds.vault.stack.example.com",
        endpoints={"https://login.stack.example.com": vault.address},
        environmentType="AzureStackCloud",
        useAzureSDK=True,
        customCloudConfig={
            "activeDirectoryEndpoint": "https://login.stack.example.com",
            "keyVaultDNSSuffix": "vault.stack.example.com",
        },
    )
    assert found == "value"
    assert "login.stack.example.com" in {request.host for request in vault.requests}
