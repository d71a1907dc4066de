import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.credentials import TLSCredentials
from virtrigaud_secrets.credentials.tls import import_grpc
from virtrigaud_secrets.errors import ConfigurationError, MissingDependencyError, ValidationError
from virtrigaud_secrets.testing import CertificateAuthority

AUTHORITY = CertificateAuthority(now=datetime.now(UTC) - timedelta(days=1))
MANIFEST = "ExternalSecret ns/provider-tls"


def credentials(**changes: bytes | None) -> TLSCredentials:
    data = AUTHORITY.issue().data() | changes
    return TLSCredentials.from_bundle(
        Bundle({key: value for key, value in data.items() if value is not None}, manifest=MANIFEST)
    )


def test_both_ends_of_mutual_tls(handshake: Callable[..., tuple[ssl.SSLObject, ssl.SSLObject]]) -> None:
    found = credentials()
    server, client = handshake(found.server_context(), found.client_context())
    assert server.getpeercert()
    assert client.getpeercert()


def test_a_server_for_anybody(handshake: Callable[..., tuple[ssl.SSLObject, ssl.SSLObject]]) -> None:
    server, _ = handshake(credentials().server_context(verify_clients=False), credentials().client_context())
    assert server.getpeercert() is None


def test_clients_cannot_be_verified_without_an_authority() -> None:
    found = credentials(**{"ca.crt": None})
    assert found.authority is None
    for make in (found.server_context, found.grpc_server_credentials, found.grpc_certificate_configuration):
        with pytest.raises(ConfigurationError, match=rf"{MANIFEST}: .*no ca\.crt"):
            make()
    assert found.server_context(verify_clients=False).verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("tls.key", None, "the key is missing"),
        ("tls.crt", b"", "the value is empty"),
        ("tls.key", b"rubbish", "a PEM private key was expected"),
        ("tls.key", AUTHORITY.issue().private_key.encode(), "does not belong to the certificate"),
        ("ca.crt", b"rubbish", "a PEM certificate was expected"),
    ],
    ids=["missing", "empty", "no pem", "another issuance", "no authority"],
)
def test_what_is_wrong_is_told_by_manifest_and_key(key: str, value: bytes | None, expected: str) -> None:
    with pytest.raises(ValidationError) as caught:
        credentials(**{key: value})
    assert str(caught.value).startswith(MANIFEST)
    assert f"{key}: " in str(caught.value)
    assert expected in str(caught.value)


def test_the_time_is_not_judged() -> None:
    TLSCredentials.from_bundle(Bundle(AUTHORITY.expired().data()))


def test_objects_for_grpc() -> None:
    grpc = pytest.importorskip("grpc")
    found = credentials()
    assert isinstance(found.grpc_server_credentials(), grpc.ServerCredentials)
    assert isinstance(found.grpc_channel_credentials(), grpc.ChannelCredentials)
    assert isinstance(found.grpc_certificate_configuration(), grpc.ServerCertificateConfiguration)


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "grpc", None)
    with pytest.raises(MissingDependencyError, match=r"virtrigaud-secrets\[grpc\]"):
        import_grpc()
