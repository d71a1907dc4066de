"""A certificate authority for servers on loopback. For tests and the demo only: keys are made and kept in memory."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.sensitive import Sensitive

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

BACKDATE: Final = timedelta(minutes=5)
"""Certificates begin in the past: clocks of containers and virtual machines differ."""
LIFE: Final = timedelta(days=2)
"""Longer than any test and above the day below which validation warns."""
LARGEST_PEM: Final = 16 * 1024
"""What a pipe takes before anybody reads, on every system. A chain of three RSA certificates has a third of it."""
LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1")
"""How a server on loopback is addressed."""


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate with its key, both PEM."""

    certificate: bytes
    """The certificate, then its issuer."""
    key: Sensitive
    """The private key, PKCS #8, not encrypted."""


class Authority:
    """Issues certificates that chain to one root."""

    def __init__(self, certificate: x509.Certificate, key: EllipticCurvePrivateKey, clock: Clock) -> None:
        self._certificate: Final = certificate
        self._key: Final = key
        self._clock: Final = clock

    @classmethod
    def create(cls, common_name: str = "virtrigaud-secrets test CA", *, clock: Clock | None = None) -> Self:
        """A new authority with a fresh key."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        clock = clock or SystemClock()
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(common_name)
        builder = (
            _dated(x509.CertificateBuilder(), clock)
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        return cls(builder.sign(key, hashes.SHA256()), key, clock)

    @property
    def pem(self) -> bytes:
        """The root certificate."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return self._certificate.public_bytes(Encoding.PEM)

    def issue(self, names: Sequence[str] = LOOPBACK_NAMES) -> IssuedCertificate:
        """A certificate for servers and clients with these DNS names and IP addresses."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
        from cryptography.x509.oid import ExtendedKeyUsageOID

        key = ec.generate_private_key(ec.SECP256R1())
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            _dated(x509.CertificateBuilder(), self._clock)
            .subject_name(_name(names[0]))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
            .add_extension(issuer_key, critical=False)
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        return IssuedCertificate(
            certificate.public_bytes(Encoding.PEM) + self.pem,
            Sensitive(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())),
        )


def server_context(certificate: bytes, key: Sensitive) -> ssl.SSLContext:
    """A context for the serving side. The key reaches the ssl module, which reads from paths only, without a file.

    Raises:
        ValueError: they are no PEM, too large, or the key is another certificate's. Neither is shown.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with _as_path(certificate) as certificate_path, _as_path(key.reveal()) as key_path:
        try:
            context.load_cert_chain(certificate_path, key_path)
        except OSError:  # SSLError is one; which of them it is hangs on what was tried with the pipe before
            raise ValueError("certificate and key are no PEM or do not belong together") from None
    return context


@contextmanager
def _as_path(content: bytes) -> Generator[str]:
    """A path from which `content` can be read once."""
    if len(content) > LARGEST_PEM:
        raise ValueError(f"a PEM of more than {LARGEST_PEM} bytes")
    reader, writer = os.pipe()
    try:
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(content)
        yield f"/dev/fd/{reader}"
    finally:
        os.close(reader)


def _name(common_name: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _dated(builder: x509.CertificateBuilder, clock: Clock) -> x509.CertificateBuilder:
    from cryptography import x509

    now = clock.now()
    return (
        builder.serial_number(x509.random_serial_number()).not_valid_before(now - BACKDATE).not_valid_after(now + LIFE)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
