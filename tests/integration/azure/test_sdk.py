"""Microsoft's SDK as it is, against the stand-in: it is worth something because the SDK takes it for a vault."""

from __future__ import annotations

import time
from http import HTTPStatus

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import CertificateCredential, ClientAssertionCredential, ClientSecretCredential
from azure.keyvault.certificates import CertificateClient
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.testing.certificates import CertificateAuthority
from virtrigaud_secrets.testing.servers import KeyVault
from virtrigaud_secrets.testing.servers.service_account_tokens import ServiceAccount, TokenSigner

pytestmark = pytest.mark.integration

ACCOUNT = ServiceAccount("provider", "team")


@pytest.fixture
def options(key_vault, ca_file):
    key_vault.entra.add_secret("app", "app-secret")
    authority = key_vault.address.removeprefix("https://")
    return {"authority": authority, "connection_verify": str(ca_file), "disable_instance_discovery": True}


@pytest.fixture
def credential(options):
    with ClientSecretCredential("tenant-id-here", "app", "app-secret", **options) as made:
        yield made


@pytest.fixture
def client(key_vault, ca_file, credential):
    with SecretClient(
        key_vault.address, credential, verify_challenge_resource=False, connection_verify=str(ca_file)
    ) as made:
        yield made


def test_secrets_are_set_read_listed_deleted_and_recovered(client):
    first = client.set_secret("db", "one", tags={"team": "x"}, content_type="text/plain")
    client.set_secret("db", "two")
    assert client.get_secret("db").value == "two"
    old = client.get_secret("db", first.properties.version)
    assert (old.value, old.properties.tags, old.properties.content_type) == ("one", {"team": "x"}, "text/plain")
    assert len(list(client.list_properties_of_secret_versions("db"))) == 2
    assert [one.name for one in client.list_properties_of_secrets()] == ["db"]
    client.begin_delete_secret("db").wait()
    with pytest.raises(ResourceNotFoundError):
        client.get_secret("db")
    with pytest.raises(HttpResponseError) as caught:
        client.set_secret("db", "three")
    assert caught.value.status_code == HTTPStatus.CONFLICT
    client.begin_recover_deleted_secret("db").wait()
    assert client.get_secret("db").value == "two"


def test_lists_have_pages(ca_file):
    with KeyVault(page=2) as server:
        ca_file.write_bytes(server.ca_pem)
        server.entra.add_secret("app", "app-secret")
        authority = server.address.removeprefix("https://")
        credential = ClientSecretCredential(
            "tenant-id-here",
            "app",
            "app-secret",
            authority=authority,
            connection_verify=str(ca_file),
            disable_instance_discovery=True,
        )
        names = [f"name-{number}" for number in range(5)]
        for name in names:
            server.set_secret(name, "x")
        with (
            credential,
            SecretClient(
                server.address, credential, verify_challenge_resource=False, connection_verify=str(ca_file)
            ) as client,
        ):
            assert [one.name for one in client.list_properties_of_secrets()] == names
        assert [request.path for request in server.requests].count("/secrets") == 4


def test_a_disabled_secret(client, key_vault):
    key_vault.set_secret("off", "x", enabled=False)
    with pytest.raises(HttpResponseError, match="SecretDisabled") as caught:
        client.get_secret("off")
    assert caught.value.status_code == HTTPStatus.FORBIDDEN


def test_the_sdk_waits_as_long_as_it_is_asked_to(client, key_vault):
    client.set_secret("db", "x")
    key_vault.fail(HTTPStatus.TOO_MANY_REQUESTS, retry_after="1")
    started = time.monotonic()
    assert client.get_secret("db").value == "x"
    assert time.monotonic() - started >= 1


def test_keys_and_certificates(key_vault, ca_file, credential):
    key_vault.set_key("sign", {"kty": "RSA", "n": "AP8", "e": "AQAB", "key_ops": ["verify"]}, tags={"a": "b"})
    key_vault.set_certificate("web", b"\x30\x82")
    options = {"verify_challenge_resource": False, "connection_verify": str(ca_file)}
    with KeyClient(key_vault.address, credential, **options) as keys:
        key = keys.get_key("sign")
        assert (key.key.n, key.properties.tags) == (b"\x00\xff", {"a": "b"})
        assert [one.name for one in keys.list_properties_of_keys()] == ["sign"]
    with CertificateClient(key_vault.address, credential, **options) as certificates:
        assert bytes(certificates.get_certificate_version("web", "").cer) == b"\x30\x82"


def test_a_certificate_logs_in(key_vault, options):
    issued = CertificateAuthority(now=SystemClock().now()).issue("app", algorithm="rsa")
    key_vault.entra.add_certificate("with-certificate", issued.certificate)
    pem = (issued.private_key + issued.certificate).encode()
    with CertificateCredential("tenant-id-here", "with-certificate", certificate_data=pem, **options) as credential:
        token = credential.get_token("https://vault.azure.net/.default")
    assert key_vault.entra.holder(token.token) == "with-certificate"


def test_a_federated_token_logs_in(key_vault, options):
    signer = TokenSigner()
    key_vault.entra.federate("federated", signer, ACCOUNT)
    assertion = signer.sign(ACCOUNT, audiences=["api://AzureADTokenExchange"]).reveal_text()
    options.pop("disable_instance_discovery")
    with ClientAssertionCredential("tenant-id-here", "federated", lambda: assertion, **options) as credential:
        token = credential.get_token("https://vault.azure.net/.default")
    assert key_vault.entra.holder(token.token) == "federated"
