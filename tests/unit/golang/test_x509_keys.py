from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519

from virtrigaud_secrets.golang import asn1, x509_keys
from virtrigaud_secrets.golang.x509_keys import KeyFormatError

DER = serialization.Encoding.DER
PKCS8 = serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
RSA = rsa.generate_private_key(65537, 2048)
EC = {
    curve.name: ec.generate_private_key(curve)
    for curve in (ec.SECP224R1(), ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())
}
ED25519 = ed25519.Ed25519PrivateKey.generate()
X25519 = x25519.X25519PrivateKey.generate()


def der(key: object, form: serialization.PrivateFormat = PKCS8) -> bytes:
    return key.private_bytes(DER, form, serialization.NoEncryption())  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("key", [RSA, *EC.values(), ED25519, X25519], ids=lambda key: type(key).__name__)
def test_pkcs8_there_and_back(key: object) -> None:
    data = der(key)
    assert x509_keys.marshal_pkcs8(x509_keys.parse_pkcs8(data)) == data
    assert x509_keys.marshal_pkcs8(x509_keys.parse_any(data)) == data


def test_traditional_forms() -> None:
    data = der(RSA, TRADITIONAL)
    assert x509_keys.marshal_traditional(x509_keys.parse_pkcs1(data)) == data
    assert x509_keys.marshal_pkcs8(x509_keys.parse_any(data)) == der(RSA)
    for key in EC.values():
        data = der(key, TRADITIONAL)
        assert x509_keys.marshal_traditional(x509_keys.parse_sec1(data)) == data
        assert x509_keys.marshal_pkcs8(x509_keys.parse_any(data)) == der(key)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk",
        asn1.encode(asn1.SEQUENCE),
        der(ec.generate_private_key(ec.SECP256K1())),
        der(ec.generate_private_key(ec.SECP256K1()), TRADITIONAL),
        der(dsa.generate_private_key(1024)),  # noqa: S505 - it is refused
        der(ed448.Ed448PrivateKey.generate()),
        der(RSA, TRADITIONAL) + b"\0",
    ],
)
def test_what_go_does_not_read_is_refused(data: bytes) -> None:
    with pytest.raises(KeyFormatError):
        x509_keys.parse_any(data)


def test_each_form_is_only_its_own() -> None:
    for parse in (x509_keys.parse_pkcs1, x509_keys.parse_sec1):
        with pytest.raises(KeyFormatError):
            parse(der(RSA))
    with pytest.raises(KeyFormatError):
        x509_keys.parse_pkcs8(der(RSA, TRADITIONAL))


def test_numbers_that_do_not_fit_are_refused() -> None:
    numbers = RSA.private_numbers()
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    d, p, q = numbers.d, numbers.p, numbers.q
    crt = (numbers.dmp1, numbers.dmq1, numbers.iqmp)
    assert der(x509_keys.make_rsa_key(n, e, d, (p, q), crt)) == der(RSA)
    assert der(x509_keys.make_rsa_key(n, e, d, (p, q))) == der(RSA)
    for wrong in (
        (n + 2, e, d, (p, q), crt),
        (n, e + 2, d, (p, q), crt),
        (n, e + 1, d, (p, q), crt),
        (n, 1, d, (p, q), crt),
        (n, 1 << 31, d, (p, q), crt),
        (n, e, d + 1, (p, q), crt),
        (n, e, 0, (p, q), crt),
        (n, e, d, (n, 1), crt),
        (n, e, d, (p, q), (crt[0] + 1, *crt[1:])),
        (n, e, d, (p, q), (0, *crt[1:])),
        (1 << 20_000, e, d, (p, q), crt),
    ):
        with pytest.raises(KeyFormatError):
            x509_keys.make_rsa_key(*wrong)


def changed(data: bytes, index: int, replacement: bytes) -> bytes:
    fields = [field.encoding for field in asn1.parse(data).children()]
    fields[index] = replacement
    return asn1.encode(asn1.SEQUENCE, *fields)


@pytest.mark.parametrize(
    "data",
    [
        changed(der(RSA, TRADITIONAL), 0, asn1.encode_integer(1)),
        changed(der(EC["secp256r1"], TRADITIONAL), 0, asn1.encode_integer(2)),
        changed(der(EC["secp256r1"], TRADITIONAL), 1, asn1.encode(asn1.OCTET_STRING, bytes(32))),
        changed(der(EC["secp256r1"], TRADITIONAL), 1, asn1.encode(asn1.OCTET_STRING, b"\xff" * 40)),
        changed(der(EC["secp256r1"], TRADITIONAL), 2, asn1.encode(asn1.NULL)),
        changed(der(ED25519), 2, asn1.encode(asn1.OCTET_STRING, asn1.encode(asn1.OCTET_STRING, b"short"))),
        changed(der(ED25519), 2, asn1.encode(asn1.NULL)),
    ],
)
def test_parts_that_do_not_fit_are_refused(data: bytes) -> None:
    with pytest.raises(KeyFormatError):
        x509_keys.parse_any(data)
