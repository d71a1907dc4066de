from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from virtrigaud_secrets import template as engine
from virtrigaud_secrets.template import DEFAULT_LIMITS, Limits
from virtrigaud_secrets.testing.clock import START, ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def rendered(clock: ManualClock) -> Callable[..., str]:
    """Renders a template over texts; bytes that are no UTF-8 come out as surrogate escapes."""

    def render(template: str, limits: Limits = DEFAULT_LIMITS, **data: str | bytes) -> str:
        values = {key: value if isinstance(value, bytes) else value.encode() for key, value in data.items()}
        return engine.compile(template, limits=limits).render(values, clock=clock).decode("utf-8", "surrogateescape")

    return render


@dataclass(frozen=True)
class Chain:
    """A root, an authority it signed and a leaf, each with the key as PEM."""

    root: str
    root_key: str
    authority: str
    authority_key: str
    leaf: str
    leaf_key: str


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    signer: ec.EllipticCurvePrivateKey,
    *names: x509.GeneralName,
) -> str:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(START + timedelta(days=365))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="session")
def chain() -> Chain:
    root, authority, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    names = (
        x509.RFC822Name("ops@lab.example"),
        x509.DNSName("vc01.lab.example"),
        x509.IPAddress(IPv4Address("192.0.2.10")),
        x509.IPAddress(IPv6Address("::ffff:192.0.2.11")),
        x509.IPAddress(IPv6Address("2001:db8::a")),
        x509.UniformResourceIdentifier("spiffe://lab/ns/x"),
    )
    return Chain(
        _certificate("root", root, "root", root),
        _pem(root),
        _certificate("authority", authority, "root", root),
        _pem(authority),
        _certificate("leaf", leaf, "authority", authority, *names),
        _pem(leaf),
    )
