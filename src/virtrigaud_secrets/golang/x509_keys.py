"""Private keys as Go's `crypto/x509` reads and writes them: PKCS#1, PKCS#8 and SEC 1.

Go tries formats one by one and refuses what is of another; `cryptography` takes what it gets. Certificates are
`x509_certificates`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from virtrigaud_secrets.golang import asn1
from virtrigaud_secrets.golang.asn1 import ASN1Error, Element

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurve, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

PrivateKey: TypeAlias = "RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey | X25519PrivateKey"
"""What PKCS#8 may hold for Go."""

MAX_RSA_EXPONENT: Final = (1 << 31) - 1
"""Go refuses larger public exponents."""
MAX_RSA_BITS: Final = 16_384
"""Size of an RSA key that is read: checking its parts takes a second beyond that. Using keys has a limit of its own."""

_RSA: Final = asn1.encode_identifier("1.2.840.113549.1.1.1")
_EC: Final = asn1.encode_identifier("1.2.840.10045.2.1")
_ED25519: Final = asn1.encode_identifier("1.3.101.112")
_X25519: Final = asn1.encode_identifier("1.3.101.110")
_CURVES: Final = {
    asn1.encode_identifier("1.3.132.0.33"): "SECP224R1",
    asn1.encode_identifier("1.2.840.10045.3.1.7"): "SECP256R1",
    asn1.encode_identifier("1.3.132.0.34"): "SECP384R1",
    asn1.encode_identifier("1.3.132.0.35"): "SECP521R1",
}
_SEED_SIZE: Final = 32
_RSA_FIELDS: Final = 9


class KeyFormatError(ValueError):
    """The data is no key of that format, or the key's parts do not fit. The message holds none of it."""


def parse_any(der: bytes) -> PrivateKey:
    """A key in PKCS#1, PKCS#8 or SEC 1, whichever fits.

    Raises:
        KeyFormatError: none does.
    """
    for parse in (parse_pkcs1, parse_pkcs8, parse_sec1):
        try:
            return parse(der)
        except KeyFormatError:
            continue
    raise KeyFormatError("unable to parse private key type")


def parse_pkcs1(der: bytes) -> RSAPrivateKey:
    """`ParsePKCS1PrivateKey`.

    Raises:
        KeyFormatError: it is none.
    """
    try:
        version, *numbers = (field.integer() for field in asn1.parse(der).fields(_RSA_FIELDS)[:_RSA_FIELDS])
    except ASN1Error:
        raise KeyFormatError("failed to parse RSA private key") from None
    if version:
        raise KeyFormatError("unsupported private key version")
    modulus, exponent, private, p, q, *crt = numbers
    return make_rsa_key(modulus, exponent, private, (p, q), tuple(crt))


def make_rsa_key(
    modulus: int, exponent: int, private: int, primes: tuple[int, int], crt: tuple[int | None, ...] = (None, None, None)
) -> RSAPrivateKey:
    """A key of these numbers; the three for the Chinese remainder theorem are worked out unless all are given.

    Raises:
        KeyFormatError: they do not fit together.
    """
    from cryptography.hazmat.primitives.asymmetric import rsa

    p, q = primes
    if min(modulus, private, p, q, *(number for number in crt if number is not None)) <= 0:
        raise KeyFormatError("private key contains zero or negative value")
    if modulus.bit_length() > MAX_RSA_BITS or not 1 < exponent <= MAX_RSA_EXPONENT or not exponent & 1:
        raise KeyFormatError("invalid RSA public key")
    if p * q != modulus or min(p, q) <= 1 or (exponent * private) % (p - 1) != 1 or (exponent * private) % (q - 1) != 1:
        raise KeyFormatError("invalid RSA private key")
    try:
        expected = (private % (p - 1), private % (q - 1), pow(q, -1, p))
        if None not in crt and crt != expected:
            raise KeyFormatError("invalid RSA private key")
        numbers = rsa.RSAPrivateNumbers(p, q, private, *expected, rsa.RSAPublicNumbers(exponent, modulus))
        # The numbers were just checked; OpenSSL would look for the primes' primality, too, which Go does not.
        return numbers.private_key(unsafe_skip_rsa_key_validation=True)
    except ValueError:
        raise KeyFormatError("invalid RSA private key") from None


def parse_sec1(der: bytes) -> EllipticCurvePrivateKey:
    """`ParseECPrivateKey`.

    Raises:
        KeyFormatError: it is none.
    """
    try:
        element, _ = asn1.split(der)
        return _parse_ec(element, None)
    except ASN1Error:
        raise KeyFormatError("failed to parse EC private key") from None


def _parse_ec(element: Element, curve: str | None) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    version, secret, *rest = element.fields(2)
    if version.integer() != 1:
        raise KeyFormatError("unknown EC private key version")
    number = int.from_bytes(secret.expect(asn1.OCTET_STRING).content)
    if curve is None:
        named = rest[0].content if rest and rest[0].tag == asn1.EXPLICIT_0 else b""
        curve = _CURVES.get(named)
    if curve is None:
        raise KeyFormatError("unknown elliptic curve")
    try:
        return ec.derive_private_key(number, _curve(curve))
    except ValueError:
        raise KeyFormatError("invalid EC private key value") from None


def _curve(name: str) -> EllipticCurve:
    from cryptography.hazmat.primitives.asymmetric import ec

    found: EllipticCurve = getattr(ec, name)()
    return found


def parse_pkcs8(der: bytes) -> PrivateKey:
    """`ParsePKCS8PrivateKey`.

    Raises:
        KeyFormatError: it is none, or holds a key Go does not know.
    """
    try:
        element, _ = asn1.split(der)
        version, algorithm, secret = element.fields(3)[:3]
        version.integer()
        identifier, *parameters = algorithm.fields(1)
        data = secret.expect(asn1.OCTET_STRING).content
        if identifier.encoding == _RSA:
            return parse_pkcs1(data)
        if identifier.encoding == _EC:
            named = parameters[0].encoding if parameters else b""
            is_named = named[:1] == bytes((asn1.IDENTIFIER,))
            if is_named and named not in _CURVES:
                raise KeyFormatError("unknown elliptic curve")
            return _parse_ec(asn1.split(data)[0], _CURVES.get(named))
        if not parameters and identifier.encoding in {_ED25519, _X25519}:
            seed = asn1.split(data)[0].expect(asn1.OCTET_STRING).content
            return _from_seed(seed, is_ed25519=identifier.encoding == _ED25519)
    except ASN1Error:
        raise KeyFormatError("failed to parse private key") from None
    raise KeyFormatError("PKCS#8 wrapping contained private key with unknown algorithm")


def _from_seed(seed: bytes, *, is_ed25519: bool) -> Ed25519PrivateKey | X25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    if len(seed) != _SEED_SIZE:
        raise KeyFormatError("invalid private key length")
    return Ed25519PrivateKey.from_private_bytes(seed) if is_ed25519 else X25519PrivateKey.from_private_bytes(seed)


def marshal_pkcs8(key: PrivateKey) -> bytes:
    """`MarshalPKCS8PrivateKey`."""
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def marshal_traditional(key: RSAPrivateKey | EllipticCurvePrivateKey) -> bytes:
    """`MarshalPKCS1PrivateKey` or `MarshalECPrivateKey`."""
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
