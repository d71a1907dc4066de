from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers.certificates import (
    BACKDATE,
    LIFE,
    Authority,
    IssuedCertificate,
    server_context,
)

LARGE = Sensitive(b"planted" * 10_000)


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def elapsed(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError


def handshake(server: IssuedCertificate, root: bytes, name: str, directory: Path) -> str:
    """TLS in memory: what the client sees of the server, or its error."""
    (directory / "crt").write_bytes(server.certificate)
    (directory / "key").write_bytes(server.key.reveal())
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(directory / "crt", directory / "key")
    asking = ssl.create_default_context(cadata=root.decode())
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(to_client, to_server, server_hostname=name)
    served = serving.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, served):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                return error.reason
    return client.version() or ""


def test_a_client_that_trusts_the_authority_accepts_its_names_and_no_others(tmp_path: Path) -> None:
    authority = Authority.create()
    issued = authority.issue(["localhost", "127.0.0.1", "a.example"])
    for name in ("localhost", "127.0.0.1", "a.example"):
        assert handshake(issued, authority.pem, name, tmp_path) == "TLSv1.3"
    assert handshake(issued, authority.pem, "b.example", tmp_path) == "CERTIFICATE_VERIFY_FAILED"
    assert handshake(issued, Authority.create().pem, "localhost", tmp_path) == "CERTIFICATE_VERIFY_FAILED"


def test_life_is_counted_on_the_given_clock() -> None:
    authority = Authority.create(clock=FixedClock())
    root, leaf = (x509.load_pem_x509_certificate(pem) for pem in (authority.pem, authority.issue().certificate))
    assert root.not_valid_before_utc == leaf.not_valid_before_utc == FixedClock().now() - BACKDATE
    assert leaf.not_valid_after_utc == FixedClock().now() + LIFE < root.not_valid_after_utc
    assert timedelta(days=1) < LIFE


def test_what_does_not_fit_together_is_refused_unseen() -> None:
    authority = Authority.create()
    issued, other = authority.issue(), authority.issue()
    assert server_context(issued.certificate, issued.key).cert_store_stats()["x509"] == 0
    for certificate, key in ((issued.certificate, other.key), (b"planted", issued.key), (issued.certificate, LARGE)):
        with pytest.raises(ValueError, match=r"do not belong together|more than 16384 bytes") as caught:
            server_context(certificate, key)
        assert "planted" not in str(caught.value)


def test_the_key_does_not_show() -> None:
    issued = Authority.create().issue()
    assert "PRIVATE" not in repr(issued)
    assert b"BEGIN PRIVATE KEY" in issued.key.reveal()
