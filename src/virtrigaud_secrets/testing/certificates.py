"""Certificates for tests: an authority, what it signs, good and bad. No file is written, and time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Literal

from virtrigaud_secrets.testing.clock import START

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificateIssuerPrivateKeyTypes,
        CertificatePublicKeyTypes,
    )

KeyAlgorithm = Literal["ecdsa", "rsa", "ed25519"]
"""Algorithm of a certificate's key."""

DEFAULT_LIFE: Final = timedelta(days=30)
"""How long a certificate lasts unless told otherwise: longer than any margin of a check."""

AUTHORITY_LIFE: Final = timedelta(days=3650)
"""How long an authority lasts: longer than what it signs."""

_RSA_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate with its key, as the three keys of a TLS Secret hold them."""

    certificate: str
    """The certificate alone, PEM."""
    chain: str
    """The certificate and the intermediate authorities above it, leaf first: what `tls.crt` holds."""
    private_key: str = field(repr=False)
    """The key, PKCS#8 PEM."""
    authority: str
    """The root certificate, PEM: what `ca.crt` holds."""
    not_after: datetime
    """When it ends, aware UTC."""

    def data(self) -> dict[str, bytes]:
        """The data of a Secret of type `kubernetes.io/tls`."""
        return {
            "tls.crt": self.chain.encode(),
            "tls.key": self.private_key.encode(),
            "ca.crt": self.authority.encode(),
        }


class CertificateAuthority:
    """Signs certificates, for itself where it has no parent."""

    def __init__(
        self,
        name: str = "Test Root CA",
        *,
        now: datetime = START,
        algorithm: KeyAlgorithm = "ecdsa",
        parent: CertificateAuthority | None = None,
    ) -> None:
        self._name = name
        self._now = now
        self._key = _generate(algorithm)
        self._parent = parent
        public_key = self._key.public_key()
        signer = self if parent is None else parent
        self._certificate = signer.sign(name, public_key, start=now, end=now + AUTHORITY_LIFE, is_ca=True)

    @property
    def chain(self) -> tuple[str, ...]:
        """Its own certificate and those above it up to the root, PEM each."""
        above = () if self._parent is None else self._parent.chain
        return (_pem(self._certificate), *above)

    def intermediate(
        self, name: str = "Test Intermediate CA", *, algorithm: KeyAlgorithm = "ecdsa"
    ) -> CertificateAuthority:
        """An authority signed by this one."""
        return CertificateAuthority(name, now=self._now, algorithm=algorithm, parent=self)

    def issue(
        self,
        name: str = "provider.virtrigaud.local",
        *,
        not_before: datetime | None = None,
        life: timedelta = DEFAULT_LIFE,
        algorithm: KeyAlgorithm = "ecdsa",
        alternative_names: tuple[str, ...] = (),
    ) -> IssuedCertificate:
        """A server certificate for `name`, valid from `not_before` (the authority's own start) for `life`."""
        start = self._now if not_before is None else not_before
        key = _generate(algorithm)
        leaf = self.sign(name, key.public_key(), start=start, end=start + life, names=(name, *alternative_names))
        *intermediates, root = self.chain
        return IssuedCertificate(
            certificate=_pem(leaf),
            chain="".join([_pem(leaf), *intermediates]),
            private_key=_key_pem(key),
            authority=root,
            not_after=leaf.not_valid_after_utc,
        )

    def expired(self, name: str = "provider.virtrigaud.local") -> IssuedCertificate:
        """A certificate that ended an hour before the authority's start."""
        return self.issue(name, not_before=self._now - timedelta(days=2), life=timedelta(days=2) - timedelta(hours=1))

    def ending(self, within: timedelta, name: str = "provider.virtrigaud.local") -> IssuedCertificate:
        """A certificate that ends `within` that time after the authority's start."""
        return self.issue(name, not_before=self._now - timedelta(days=1), life=timedelta(days=1) + within)

    def mismatched(self, name: str = "provider.virtrigaud.local") -> IssuedCertificate:
        """A certificate with the key of another one: what two issuing requests instead of one give."""
        first, second = self.issue(name), self.issue(name)
        return IssuedCertificate(
            certificate=first.certificate,
            chain=first.chain,
            private_key=second.private_key,
            authority=first.authority,
            not_after=first.not_after,
        )

    def sign(
        self,
        subject: str,
        public_key: CertificatePublicKeyTypes,
        *,
        start: datetime,
        end: datetime,
        is_ca: bool = False,
        names: tuple[str, ...] = (),
    ) -> x509.Certificate:
        """A certificate for `public_key`, of an authority or of a server or client called `names`."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ed25519
        from cryptography.x509.oid import ExtendedKeyUsageOID

        own = self._key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_common_name(subject))
            .issuer_name(_common_name(self._name))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(_usage(is_ca=is_ca), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), critical=False)
        )
        if is_ca:
            builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        else:
            purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_name(name) for name in names]), critical=False
            )
        return builder.sign(self._key, None if isinstance(self._key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def _generate(algorithm: KeyAlgorithm) -> CertificateIssuerPrivateKeyTypes:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if algorithm == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    if algorithm == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


def _common_name(name: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: CertificateIssuerPrivateKeyTypes) -> str:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
