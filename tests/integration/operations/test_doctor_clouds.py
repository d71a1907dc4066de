"""What `doctor` says of stores in clouds, on servers that stand for them: there, and no longer there."""

from __future__ import annotations

import pytest

from virtrigaud_secrets import Settings
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.operations.diagnosis import Level
from virtrigaud_secrets.operations.doctor import examine
from virtrigaud_secrets.testing.contract import NoReferences
from virtrigaud_secrets.testing.servers import AWSServices, KeyVault, SecretManager

pytestmark = pytest.mark.integration

STORE = "SecretStore ns/store"
VAULT = "https://doctor.vault.azure.net"
MANIFEST = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: store, namespace: ns}}
spec: {{provider: {provider}}}
"""


@pytest.fixture
def looked(tmp_path):
    """What is said of a store that is led to a server, by check."""

    def look(provider, endpoints, ca=b""):
        (tmp_path / "store.yaml").write_text(MANIFEST.format(provider=provider))
        ca_file = tmp_path / "ca.crt"
        ca_file.write_bytes(ca)
        settings = Settings(
            endpoints=endpoints, ca_file=ca_file if ca else None, service_account_directory=tmp_path / "none"
        )
        report = examine(load(tmp_path / "store.yaml"), settings=settings, references=NoReferences())
        return {one.check: one for one in report.diagnoses if one.subject == STORE}

    return look


def assert_gone(found):
    assert found.keys() == {"reach"}
    assert found["reach"].level is Level.ERROR
    assert "it refuses connections" in found["reach"].message
    assert "firewall" in found["reach"].advice


@pytest.mark.parametrize(("service", "prefix"), [("SecretsManager", "secretsmanager"), ("ParameterStore", "ssm")])
def test_aws(looked, require, service, prefix):
    require(AWSServices.missing_reason())
    provider = f"{{aws: {{service: {service}, region: eu-west-1}}}}"
    with AWSServices() as server:
        endpoints = {f"https://{prefix}.eu-west-1.amazonaws.com": server.address}
        found = looked(provider, endpoints)
        asked = server.operations()
    assert found["reach"].level is Level.OK
    assert found["tls"].level is Level.WARNING, "moto speaks no TLS"
    assert asked == [""], "one look, which names no operation"
    assert_gone(looked(provider, endpoints))


def test_azure(looked):
    provider = f"{{azurekv: {{tenantId: tenant-id-here, vaultUrl: {VAULT}}}}}"
    with KeyVault() as server:
        endpoints, ca = {VAULT: server.address}, server.ca_pem
        found = looked(provider, endpoints, ca)
        distrusted = looked(provider, endpoints)["reach"]
    assert {one.level for one in found.values()} == {Level.OK}
    assert found.keys() == {"reach", "certificate", "clock"}
    assert "its certificate is not trusted" in distrusted.message
    assert_gone(looked(provider, endpoints, ca))


def test_google(looked):
    provider = "{gcpsm: {projectID: p}}"
    with SecretManager() as server:
        endpoints, ca = server.endpoints(), server.ca_pem
        found = looked(provider, endpoints, ca)
        asked = server.asked_for_secrets()
    assert {one.level for one in found.values()} == {Level.OK}
    assert found.keys() == {"reach", "certificate", "clock"}
    assert asked == []
    assert_gone(looked(provider, endpoints, ca))
