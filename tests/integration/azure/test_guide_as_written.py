"""The guide's Azure manifests, as written, through the public face: what they cost and what comes out."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import NoEncryption, load_pem_private_key, pkcs12
from cryptography.x509 import load_pem_x509_certificate

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import AccessDeniedError, SecretNotFoundError, SecretsError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.certificates import CertificateAuthority

pytestmark = pytest.mark.integration

GUIDE = Path(__file__).parents[2] / "data" / "guide"
MANIFESTS = [GUIDE / "azure-store.yaml", GUIDE / "azure-provider-secrets.yaml"]
VAULT = "https://virtrigaud-vault.vault.azure.net/"
NAMES = ("azure-subscription-id", "azure-resource-group", "azure-client-cert")


@pytest.fixture
def bundle_of_the_certificate() -> bytes:
    """Certificate and key as a vault keeps them: PKCS#12."""
    issued = CertificateAuthority().issue("provider", algorithm="rsa")
    return pkcs12.serialize_key_and_certificates(
        b"azure-client-cert",
        load_pem_private_key(issued.private_key.encode(), None),
        load_pem_x509_certificate(issued.certificate.encode()),
        None,
        NoEncryption(),
    )


@pytest.fixture
def settings(key_vault, ca_file, bundle_of_the_certificate) -> Settings:
    key_vault.set_secret("azure-subscription-id", "3a1f0c0e-0000-4000-8000-0000000000aa")
    key_vault.set_secret("azure-resource-group", "virtrigaud")
    secret = base64.b64encode(bundle_of_the_certificate).decode()
    key_vault.set_certificate("azure-client-cert", b"\x30\x82", secret=secret)
    return Settings(ca_file=ca_file, endpoints=key_vault.endpoints(VAULT))


def asked(key_vault) -> list[str]:
    return sorted(request.path for request in key_vault.requests if request.client_id)


def test_they_resolve_by_managed_identity(key_vault, settings, bundle_of_the_certificate):
    with Resolver.from_path(MANIFESTS, settings=settings) as resolver:
        bundle = resolver.resolve("azure-provider-secrets", namespace="provider-namespace")
    assert sorted(bundle) == ["client-certificate", "resource-group", "subscription-id"]
    assert bundle.text("subscription-id") == "3a1f0c0e-0000-4000-8000-0000000000aa"
    assert bundle.text("resource-group") == "virtrigaud"
    # The secret beside the certificate: base64 of PKCS#12, as ESO gives it (ESO §5 row 13).
    assert base64.b64decode(bundle["client-certificate"]) == bundle_of_the_certificate


def test_each_secret_costs_one_request_and_all_of_them_one_login(key_vault, settings):
    with Resolver.from_path(MANIFESTS, settings=settings) as resolver:
        resolver.resolve("azure-provider-secrets", namespace="provider-namespace")
        assert asked(key_vault) == sorted(f"/secrets/{name}" for name in NAMES)
        resolver.refresh("azure-provider-secrets", namespace="provider-namespace")
    assert len(asked(key_vault)) == 2 * len(NAMES)
    logins = [request for request in key_vault.requests if "metadata" in request.path]
    assert len(logins) == 1


def test_the_tenant_that_the_guide_writes_is_ignored(key_vault, settings):
    with Resolver.from_path(MANIFESTS, settings=settings) as resolver:
        resolver.resolve("azure-provider-secrets", namespace="provider-namespace")
    assert {request.host for request in key_vault.requests} == {"virtrigaud-vault.vault.azure.net", "169.254.169.254"}


def test_the_service_principal_of_the_guides_comment(key_vault, settings, tmp_path):
    """The lines that the guide has in a comment, and the Secret that stands below it."""
    text = (GUIDE / "azure-store.yaml").read_text()
    text = text.replace('      authType: "ManagedIdentity"\n', "").replace("      # Or use Service Principal:\n", "")
    text = text.replace("      # ", "      ").replace("name: azure-secret", "name: azure-config")
    store = tmp_path / "store.yaml"
    store.write_text(text)
    key_vault.entra.add_secret("client-id-here", "client-secret-here")
    with Resolver.from_path([store, MANIFESTS[1]], settings=settings) as resolver:
        bundle = resolver.resolve("azure-provider-secrets", namespace="provider-namespace")
    assert bundle.text("resource-group") == "virtrigaud"
    assert {request.client_id for request in key_vault.requests if request.client_id} == {"client-id-here"}


def test_a_denied_secret_is_named_with_its_manifest(key_vault, settings):
    key_vault.deny("secrets/get", code="ForbiddenByRbac")
    with Resolver.from_path(MANIFESTS, settings=settings) as resolver, pytest.raises(SecretsError) as caught:
        resolver.resolve("azure-provider-secrets", namespace="provider-namespace")
    errors = getattr(caught.value, "errors", (caught.value,))
    assert len(errors) == 3
    assert all(isinstance(error, AccessDeniedError) and error.capability == "secrets/get" for error in errors)
    assert "provider-namespace/azure-provider-secrets" in str(caught.value)


def test_a_deleted_secret_is_missing(key_vault, settings):
    key_vault.delete("azure-resource-group")
    with Resolver.from_path(MANIFESTS, settings=settings) as resolver, pytest.raises(SecretNotFoundError) as caught:
        resolver.resolve("azure-provider-secrets", namespace="provider-namespace")
    assert caught.value.path == "secrets/azure-resource-group"


def test_strict_mode_gives_esos_error(settings):
    strict = dataclasses.replace(settings, strict=True)
    with Resolver.from_path(MANIFESTS, settings=strict) as resolver, pytest.raises(SecretsError, match="SecretStore"):
        resolver.resolve("azure-provider-secrets", namespace="provider-namespace")
