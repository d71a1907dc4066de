"""Certificates as Go's `crypto/x509` reads and makes them, as far as templates see them.

Nothing here judges trust. Keys are `x509_keys`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.golang import asn1, url
from virtrigaud_secrets.golang.asn1 import ASN1Error, Element

if TYPE_CHECKING:
    from cryptography.x509 import Certificate as LoadedCertificate

    from virtrigaud_secrets.golang.x509_keys import PrivateKey

_SUBJECT_KEY: Final = asn1.encode_identifier("2.5.29.14")
_KEY_USAGE: Final = asn1.encode_identifier("2.5.29.15")
_ALTERNATIVE_NAMES: Final = asn1.encode_identifier("2.5.29.17")
_BASIC_CONSTRAINTS: Final = asn1.encode_identifier("2.5.29.19")
_AUTHORITY_KEY: Final = asn1.encode_identifier("2.5.29.35")
_EXTENDED_KEY_USAGE: Final = asn1.encode_identifier("2.5.29.37")
_SERVER_AND_CLIENT: Final = asn1.encode_identifier("1.3.6.1.5.5.7.3.1") + asn1.encode_identifier("1.3.6.1.5.5.7.3.2")
_COMMON_NAME: Final = asn1.encode_identifier("2.5.4.3")
_EXTENSIONS_TAG: Final = 0xA3
_TRUE: Final = b"\x01\x01\xff"
_MAIL_NAME, _DNS_NAME, _URI_NAME, _IP_NAME = 0x81, 0x82, 0x86, 0x87
_PRINTABLE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")
_FIRST_UTC_YEAR, _FIRST_GENERAL_YEAR = 1950, 2050
_MAX_LABEL, _MAX_DOMAIN = 63, 253
_EC_KEY: Final = asn1.encode_identifier("1.2.840.10045.2.1")
_CURVES: Final = frozenset({"secp224r1", "secp256r1", "secp384r1", "secp521r1"})
_KEY_ID_SIZE: Final = 20
_SERIAL_BITS: Final = 128
_MAPPED_PREFIX: Final = bytes(10) + b"\xff\xff"


class CertificateError(ValueError):
    """The data is no certificate, or none can be made. The message holds none of it."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What templates ask of a certificate."""

    raw: bytes = field(repr=False)
    """Its DER."""
    subject: bytes = field(default=b"", repr=False)
    """DER of the subject's name."""
    subject_key_id: bytes | None = None
    authority_key_id: bytes | None = None
    alternative_names: tuple[str, ...] = ()
    """DNS names, addresses, mail addresses and URIs, in this order."""

    def load(self) -> LoadedCertificate:
        """The certificate as `cryptography` has it."""
        from cryptography import x509

        return x509.load_der_x509_certificate(self.raw)


def parse_certificate(der: bytes) -> Certificate:
    """`ParseCertificate`.

    Raises:
        CertificateError: it is none, or has an extension that is malformed.
    """
    try:
        body, algorithm = asn1.parse(der).fields(3)[:2]
        fields = body.fields(6)
        if fields[0].tag == asn1.EXPLICIT_0:
            del fields[0]
        if fields[0].integer() < 0:
            raise CertificateError("negative serial number")
        if fields[1].encoding != algorithm.encoding:
            raise CertificateError("inner and outer signature algorithm identifiers don't match")
        extensions = dict(_extensions(fields))
        certificate = Certificate(
            der,
            fields[4].encoding,
            _subject_key_id(extensions.get(_SUBJECT_KEY)),
            _authority_key_id(extensions.get(_AUTHORITY_KEY)),
            tuple(_alternative_names(extensions.get(_ALTERNATIVE_NAMES))),
        )
    except (ASN1Error, IndexError):
        raise CertificateError("malformed certificate") from None
    _check_with_library(der, is_ec=_EC_KEY in fields[5].encoding)
    return certificate


def _check_with_library(der: bytes, *, is_ec: bool) -> None:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    try:
        loaded = x509.load_der_x509_certificate(der)
        # Names and extensions are read when they are asked for.
        _ = loaded.subject, loaded.issuer, list(loaded.extensions)
        key = loaded.public_key()
    except (UnsupportedAlgorithm, x509.UnsupportedGeneralNameType):
        # Go leaves keys and names alone that it does not know, but for curves.
        if is_ec:
            raise CertificateError("unsupported elliptic curve") from None
        return
    except (ValueError, TypeError, x509.DuplicateExtension, x509.InvalidVersion):
        raise CertificateError("malformed certificate") from None
    if isinstance(key, EllipticCurvePublicKey) and key.curve.name not in _CURVES:
        raise CertificateError("unsupported elliptic curve")


def _extensions(fields: list[Element]) -> Iterator[tuple[bytes, bytes]]:
    for element in fields[6:]:
        if element.tag == _EXTENSIONS_TAG:
            for extension in asn1.parse(element.content).fields(0):
                identifier, *_, value = extension.fields(2)
                yield identifier.encoding, value.expect(asn1.OCTET_STRING).content


def _subject_key_id(value: bytes | None) -> bytes | None:
    return None if value is None else asn1.split(value)[0].expect(asn1.OCTET_STRING).content


def _authority_key_id(value: bytes | None) -> bytes | None:
    if value is None:
        return None
    parts = asn1.split(value)[0].fields(0)
    return parts[0].content if parts and parts[0].tag == asn1.IMPLICIT_0 else None


def _alternative_names(value: bytes | None) -> list[str]:
    found: dict[int, list[str]] = {_DNS_NAME: [], _IP_NAME: [], _MAIL_NAME: [], _URI_NAME: []}
    if value is not None:
        for name in asn1.split(value)[0].fields(0):
            if name.tag == _IP_NAME:
                found[name.tag].append(_address_text(name.content))
            elif name.tag in found:
                text = _ascii(name.content)
                found[name.tag].append(_uri_text(text) if name.tag == _URI_NAME else text)
    return [text for texts in found.values() for text in texts]


def _ascii(data: bytes) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise CertificateError("a subject alternative name is malformed") from None


def _address_text(data: bytes) -> str:
    from ipaddress import IPv4Address, IPv6Address

    if data.startswith(_MAPPED_PREFIX) and len(data) == 16:  # noqa: PLR2004  # an IPv6 address
        data = data[len(_MAPPED_PREFIX) :]
    if len(data) == 4:  # noqa: PLR2004  # an IPv4 address
        return str(IPv4Address(data))
    if len(data) != 16:  # noqa: PLR2004
        raise CertificateError("an address in the certificate has a wrong length")
    return str(IPv6Address(data))


def _uri_text(text: str) -> str:
    try:
        parsed = url.parse(text)
    except url.URLError:
        raise CertificateError("a URI in the certificate is malformed") from None
    if parsed.host and not _is_domain(parsed.host):
        raise CertificateError("a URI in the certificate names an invalid domain")
    return str(parsed)


def _is_domain(host: str) -> bool:
    if len(host) > _MAX_DOMAIN or any(not "!" <= character <= "~" for character in host):
        return False
    return all(0 < len(label) <= _MAX_LABEL for label in host.split("."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What a certificate to make shall say."""

    common_name: str
    not_before: datetime
    not_after: datetime
    is_ca: bool = False
    dns_names: Sequence[str] = ()
    addresses: Sequence[bytes] = ()
    """Each of 4 or 16 bytes."""


def create_certificate(
    template: Template, key: PrivateKey, *, parent: Certificate | None = None, signer: PrivateKey | None = None
) -> bytes:
    """`CreateCertificate` for a server and client certificate of that key, signed by itself or by a parent's key.

    Raises:
        CertificateError: the signer's key is not the parent's, a key cannot sign, or a name or time cannot be written.
    """
    signer = signer or key
    if parent is not None and _public_info(parent.load().public_key()) != _public_info(signer.public_key()):
        raise CertificateError("provided PrivateKey doesn't match parent's PublicKey")
    algorithm, sign = _signature(signer)
    subject = _name(template.common_name)
    issuer = subject if parent is None else parent.subject
    authority = parent.subject_key_id if parent is not None and issuer != subject else None
    serial = secrets.randbelow((1 << _SERIAL_BITS) - 1) + 1
    info = _public_info(key.public_key())
    body = asn1.encode(
        asn1.SEQUENCE,
        asn1.encode(asn1.EXPLICIT_0, asn1.encode_integer(2)),
        asn1.encode_integer(serial),
        algorithm,
        issuer,
        asn1.encode(asn1.SEQUENCE, _time(template.not_before), _time(template.not_after)),
        subject,
        info,
        _encode_extensions(template, info, authority, critical_names=not template.common_name),
    )
    signature = asn1.encode(asn1.BIT_STRING, b"\0", sign(body))
    return asn1.encode(asn1.SEQUENCE, body, algorithm, signature)


def _public_info(key: object) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if not isinstance(key, (EllipticCurvePublicKey, Ed25519PublicKey, RSAPublicKey)):
        raise CertificateError("only RSA, ECDSA and Ed25519 keys are supported")
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _signature(key: PrivateKey) -> tuple[bytes, Callable[[bytes], bytes]]:
    """DER of the algorithm Go takes for a key, and the function that signs."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < 1024:  # noqa: PLR2004  # Go's least
            raise CertificateError("RSA keys below 1024 bits are insecure")
        null = asn1.encode(asn1.NULL)
        algorithm = asn1.encode(asn1.SEQUENCE, asn1.encode_identifier("1.2.840.113549.1.1.11"), null)
        return algorithm, lambda data: key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        digest, number = {384: (hashes.SHA384(), 3), 521: (hashes.SHA512(), 4)}.get(
            key.curve.key_size, (hashes.SHA256(), 2)
        )
        algorithm = asn1.encode(asn1.SEQUENCE, asn1.encode_identifier(f"1.2.840.10045.4.3.{number}"))
        return algorithm, lambda data: key.sign(data, ec.ECDSA(digest))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return asn1.encode(asn1.SEQUENCE, asn1.encode_identifier("1.3.101.112")), key.sign
    raise CertificateError("certificate private key does not implement crypto.Signer")


def _name(common_name: str) -> bytes:
    if not common_name:
        return asn1.encode(asn1.SEQUENCE)
    tag = asn1.PRINTABLE_STRING if _PRINTABLE.issuperset(common_name) else asn1.UTF8_STRING
    try:
        text = asn1.encode(tag, common_name.encode())
    except UnicodeEncodeError:
        raise CertificateError("the common name is not valid UTF-8") from None
    attribute = asn1.encode(asn1.SEQUENCE, _COMMON_NAME, text)
    return asn1.encode(asn1.SEQUENCE, asn1.encode(asn1.SET, attribute))


def _time(moment: datetime) -> bytes:
    moment = moment.astimezone(UTC)
    if _FIRST_UTC_YEAR <= moment.year < _FIRST_GENERAL_YEAR:
        return asn1.encode(asn1.UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return asn1.encode(asn1.GENERALIZED_TIME, f"{moment.year:04}{moment:%m%d%H%M%SZ}".encode())


def _encode_extensions(template: Template, info: bytes, authority: bytes | None, *, critical_names: bool) -> bytes:
    usage = b"\x02\xa4" if template.is_ca else b"\x05\xa0"  # signature and encipherment; for an authority, certificates
    constraints = asn1.encode(asn1.SEQUENCE, _TRUE if template.is_ca else b"")
    parts = [
        _extension(_KEY_USAGE, asn1.encode(asn1.BIT_STRING, usage), critical=True),
        _extension(_EXTENDED_KEY_USAGE, asn1.encode(asn1.SEQUENCE, _SERVER_AND_CLIENT)),
        _extension(_BASIC_CONSTRAINTS, constraints, critical=True),
    ]
    if template.is_ca:
        bits = asn1.parse(info).children()[1].content[1:]
        identifier = hashlib.sha256(bits).digest()[:_KEY_ID_SIZE]
        parts.append(_extension(_SUBJECT_KEY, asn1.encode(asn1.OCTET_STRING, identifier)))
    if authority:
        value = asn1.encode(asn1.SEQUENCE, asn1.encode(asn1.IMPLICIT_0, authority))
        parts.append(_extension(_AUTHORITY_KEY, value))
    names = [asn1.encode(_DNS_NAME, _dns_name(name)) for name in template.dns_names]
    names += [asn1.encode(_IP_NAME, address) for address in template.addresses]
    if names:
        parts.append(_extension(_ALTERNATIVE_NAMES, asn1.encode(asn1.SEQUENCE, *names), critical=critical_names))
    return asn1.encode(_EXTENSIONS_TAG, asn1.encode(asn1.SEQUENCE, *parts))


def _dns_name(name: str) -> bytes:
    if not name.isascii():
        raise CertificateError("a DNS name cannot be encoded as an IA5String")
    return name.encode()


def _extension(identifier: bytes, value: bytes, *, critical: bool = False) -> bytes:
    return asn1.encode(asn1.SEQUENCE, identifier, _TRUE if critical else b"", asn1.encode(asn1.OCTET_STRING, value))


def order_chain(certificates: Sequence[Certificate]) -> list[Certificate] | None:
    """The certificates from leaf to root, by the key identifiers they name; `None` if they make no single chain."""
    by_key: dict[bytes, list[int]] = {}
    for index, certificate in enumerate(certificates):
        by_key.setdefault(certificate.subject_key_id or b"", []).append(index)
    parents: dict[int, int] = {}
    for index, certificate in enumerate(certificates):
        candidates = by_key.get(certificate.authority_key_id or b"", ())
        parent = next((candidate for candidate in candidates[:2] if candidate != index), None)
        if parent is not None:
            parents[index] = parent
    leaves = set(range(len(certificates))) - set(parents.values())
    if len(leaves) != 1:
        return None
    at: int | None = leaves.pop()
    chain: list[Certificate] = []
    while at is not None:
        if len(chain) == len(certificates):
            return None
        chain.append(certificates[at])
        at = parents.get(at)
    return chain
