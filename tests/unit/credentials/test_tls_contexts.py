import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from virtrigaud_secrets.credentials import tls_contexts
from virtrigaud_secrets.credentials.tls_contexts import client_context, load_certificate, server_context
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing import CertificateAuthority, ssh_key


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    from datetime import UTC, datetime, timedelta

    return CertificateAuthority(now=datetime.now(UTC) - timedelta(days=1))


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_certificate_serves(authority: CertificateAuthority, handshake: Callable[..., object]) -> None:
    issued = authority.issue()
    server = server_context(issued.chain, Sensitive(issued.private_key), authorities=None)
    handshake(server, client_context(issued.authority))


def test_clients_are_verified(authority: CertificateAuthority, handshake: Callable[..., object]) -> None:
    issued, stranger = authority.issue(), CertificateAuthority("Stranger").issue()
    server = server_context(issued.chain, Sensitive(issued.private_key), authorities=issued.authority)
    own = client_context(issued.authority, certificate=issued.chain, private_key=Sensitive(issued.private_key))
    other = client_context(issued.authority, certificate=stranger.chain, private_key=Sensitive(stranger.private_key))
    handshake(server, own)
    for refused in (other, client_context(issued.authority)):
        with pytest.raises(ssl.SSLError):
            handshake(server, refused)


def test_a_server_that_verifies_clients_resumes_no_session(authority: CertificateAuthority) -> None:
    issued = authority.issue()
    server = server_context(issued.chain, Sensitive(issued.private_key), authorities=issued.authority)
    assert server.num_tickets == 0
    assert server.options & ssl.OP_NO_TICKET


def test_servers_are_verified(authority: CertificateAuthority, handshake: Callable[..., object]) -> None:
    issued = authority.issue()
    server = server_context(issued.chain, Sensitive(issued.private_key), authorities=None)
    for client, name in (
        (client_context(CertificateAuthority("Stranger").chain[0]), "provider.virtrigaud.local"),
        (client_context(issued.authority), "elsewhere.virtrigaud.local"),
    ):
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(server, client, name=name)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["memory", "file"])
def test_a_key_leaves_nothing_behind(
    authority: CertificateAuthority, elsewhere: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if elsewhere:
        monkeypatch.setattr(tls_contexts, "_DESCRIPTORS", str(tmp_path / "absent"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    issued = authority.issue()
    before = open_descriptors()
    server_context(issued.chain, Sensitive(issued.private_key), authorities=None)
    with pytest.raises(ConfigurationError):
        server_context("no certificate", Sensitive(issued.private_key), authorities=None)
    assert open_descriptors() == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", ["mismatched", "no pem", "no text", "encrypted"])
def test_what_cannot_be_used_is_an_error_of_ours_without_the_value(authority: CertificateAuthority, fault: str) -> None:
    issued = authority.mismatched() if fault == "mismatched" else authority.issue()
    encrypted = ssh_key("ecdsa", written="pkcs8", passphrase="open").private
    key = {"no pem": "planted", "no text": b"planted\xff", "encrypted": encrypted}.get(fault, issued.private_key)
    with pytest.raises(ConfigurationError, match="cannot be used") as caught:
        load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), issued.chain, Sensitive(key))
    assert "planted" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("text", ["rubbish", "-----BEGIN CERTIFICATE-----\nrubbish", "\xe4"])
def test_authorities_that_are_none(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no PEM certificates"):
        client_context(text)


def test_without_authorities_the_system_s_count() -> None:
    assert client_context(None).cert_store_stats()["x509"] >= 0
    assert client_context(None).verify_mode is ssl.CERT_REQUIRED
