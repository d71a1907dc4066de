"""Certificates of AWS by moto: exported once, with a key that opens, and the errors of those that are not to be had."""

from __future__ import annotations

import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    DecodingError,
    InvalidRequestError,
    SecretNotFoundError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.servers.aws import ACCESS_KEY, REGION
from virtrigaud_secrets.testing.servers.certificates import Authority

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def acm(running_services):
    import boto3

    session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key="k", region_name=REGION)
    return session.client("acm", endpoint_url=running_services.address)


@pytest.fixture
def arn(acm, services):
    """A certificate that may be exported."""
    found = acm.request_certificate(DomainName="vcenter.example.com", Options={"Export": "ENABLED"})["CertificateArn"]
    services.forget()
    return found


@pytest.fixture
def client(connect):
    return connect(service="CertificateManager", prefix="not-for-arns/")


def test_certificate_chain_and_key_belong_together(client, services, of, arn):
    answer = client.get(of(arn))
    bundle = answer.payload.whole()
    certificates = x509.load_pem_x509_certificates(bundle)
    key = load_pem_private_key(bundle[bundle.index(b"-----BEGIN PRIVATE KEY") :], password=None)
    assert certificates[0].public_key() == key.public_key()
    assert bundle.endswith(b"-----END PRIVATE KEY-----\n")
    assert answer.path == arn
    assert services.operations() == ["GetCertificate", "ExportCertificate"]
    passphrase = services.calls[1].parameters["Passphrase"]
    assert passphrase not in repr(answer)
    assert "PRIVATE KEY" not in repr(answer.payload)


def test_a_key_leaves_aws_once_for_each_certificate(client, services, of, arn, acm):
    first = client.get(of(arn)).payload.whole()
    assert client.get(of(arn, version="ignored", metadata=True)).payload.whole() == first
    assert services.operations() == ["GetCertificate", "ExportCertificate", "GetCertificate"]
    issued = Authority.create("another CA").issue(("vcenter.example.com",))
    leaf = issued.certificate[: issued.certificate.index(b"-----END") + 26]
    acm.import_certificate(CertificateArn=arn, Certificate=leaf, PrivateKey=issued.key.reveal())
    services.forget()
    # moto lets nobody export what was imported. What counts: the old key is not given out for the new certificate.
    with pytest.raises(InvalidRequestError):
        client.get(of(arn))
    assert services.operations() == ["GetCertificate", "ExportCertificate"]


def test_there_are_no_entries_and_no_search(client, of, query, arn):
    payload = client.get(of(arn)).payload
    assert payload.property("ignored-as-in-eso") == payload.whole()
    with pytest.raises(DecodingError, match="cannot be split"):
        payload.entries()
    with pytest.raises(UnsupportedFeatureError, match="cannot be searched"):
        client.find(query(name="x"))


def test_an_unknown_certificate_is_no_missing_secret(client, of):
    # ESO's provider passes AWS's error on, so that no deletionPolicy acts on it.
    arn = f"arn:aws:acm:{REGION}:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    with pytest.raises(SecretNotFoundError, match="no such certificate") as caught:
        client.get(of(arn))
    assert not caught.value.missing
    assert caught.value.path == arn


def test_one_that_may_not_be_exported(client, acm, of, services):
    arn = acm.request_certificate(DomainName="closed.example.com")["CertificateArn"]
    with pytest.raises(InvalidRequestError, match="acm:ExportCertificate is refused with"):
        client.get(of(arn))


def test_denied_names_the_action(client, services, of, arn):
    services.refuse("ExportCertificate", "AccessDeniedException", status=403)
    with pytest.raises(AccessDeniedError, match="acm:ExportCertificate"):
        client.get(of(arn))


def test_a_key_that_does_not_open_is_no_certificate(client, services, of, arn, monkeypatch):
    from virtrigaud_secrets.stores.aws import certificate_manager

    monkeypatch.setattr(certificate_manager, "_opened", lambda *_: None)
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        client.get(of(arn))


def test_a_manifest_makes_a_tls_secret_of_it(services, arn, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "k")
    template = {
        "type": "kubernetes.io/tls",
        "data": {
            "tls.crt": '{{ .pem | filterPEM "CERTIFICATE" }}',
            "tls.key": '{{ .pem | filterPEM "PRIVATE KEY" }}',
        },
    }
    store = {"aws": {"service": "CertificateManager", "region": REGION}}
    documents = [
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "SecretStore",
            "metadata": {"name": "acm", "namespace": "n"},
            "spec": {"provider": store},
        },
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": "tls", "namespace": "n"},
            "spec": {
                "secretStoreRef": {"name": "acm"},
                "target": {"template": template},
                "data": [{"secretKey": "pem", "remoteRef": {"key": arn}}],
            },
        },
    ]
    (tmp_path / "all.yaml").write_text("\n---\n".join(map(json.dumps, documents)))
    settings = Settings(endpoints=services.endpoints(), validation="report")
    with Resolver.from_path(tmp_path, settings=settings) as resolver:
        bundle = resolver.resolve("tls", namespace="n")
    assert bundle.text("tls.crt").startswith("-----BEGIN CERTIFICATE")
    assert bundle.text("tls.key").startswith("-----BEGIN PRIVATE KEY")
