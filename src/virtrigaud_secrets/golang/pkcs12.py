"""PKCS#12 files as Go's `go-pkcs12` reads and writes them.

`cryptography` writes no empty password and no Java trust stores with one, and reorders what it reads; so the container
is done here and the ciphers are its. Passwords and keys are in no repr and no message.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from virtrigaud_secrets.golang import asn1, rc2
from virtrigaud_secrets.golang.asn1 import ASN1Error, Element
from virtrigaud_secrets.golang.x509_certificates import Certificate, CertificateError, parse_certificate
from virtrigaud_secrets.golang.x509_keys import KeyFormatError, PrivateKey, marshal_pkcs8, parse_pkcs8

ITERATIONS: Final = 2048
"""Rounds of key derivation in files that are written, as in Go."""
MAX_ITERATIONS: Final = 1_000_000
"""Rounds in files that are read: a file may ask for minutes of work. Writers use 600,000 at most."""
SALT_SIZE: Final = 16
"""Bytes of salt in files that are written."""

_VERSION: Final = 3
_DATA: Final = asn1.encode_identifier("1.2.840.113549.1.7.1")
_ENCRYPTED_DATA: Final = asn1.encode_identifier("1.2.840.113549.1.7.6")
_KEY_BAG: Final = asn1.encode_identifier("1.2.840.113549.1.12.10.1.1")
_SHROUDED_KEY_BAG: Final = asn1.encode_identifier("1.2.840.113549.1.12.10.1.2")
_CERTIFICATE_BAG: Final = asn1.encode_identifier("1.2.840.113549.1.12.10.1.3")
_X509_CERTIFICATE: Final = asn1.encode_identifier("1.2.840.113549.1.9.22.1")
_FRIENDLY_NAME: Final = asn1.encode_identifier("1.2.840.113549.1.9.20")
_LOCAL_KEY_ID: Final = asn1.encode_identifier("1.2.840.113549.1.9.21")
_JAVA_TRUST_STORE: Final = asn1.encode_identifier("2.16.840.1.113894.746875.1.1")
_ANY_USAGE: Final = asn1.encode_identifier("2.5.29.37.0")
_PBES2: Final = asn1.encode_identifier("1.2.840.113549.1.5.13")
_PBMAC1: Final = asn1.encode_identifier("1.2.840.113549.1.5.14")
_PBKDF2: Final = asn1.encode_identifier("1.2.840.113549.1.5.12")
_HMAC_SHA256: Final = asn1.encode_identifier("1.2.840.113549.2.9")
_HMACS: Final = {
    asn1.encode_identifier("1.2.840.113549.2.7"): "sha1",
    _HMAC_SHA256: "sha256",
    asn1.encode_identifier("1.2.840.113549.2.11"): "sha512",
}
_SHA256: Final = asn1.encode_identifier("2.16.840.1.101.3.4.2.1")
_DIGESTS: Final = {
    asn1.encode_identifier("1.3.14.3.2.26"): "sha1",
    _SHA256: "sha256",
    asn1.encode_identifier("2.16.840.1.101.3.4.2.3"): "sha512",
}
_AES256: Final = asn1.encode_identifier("2.16.840.1.101.3.4.1.42")
_AES_KEY_SIZES: Final = {
    asn1.encode_identifier("2.16.840.1.101.3.4.1.2"): 16,
    asn1.encode_identifier("2.16.840.1.101.3.4.1.22"): 24,
    _AES256: 32,
}
_TRIPLE_DES: Final = asn1.encode_identifier("1.2.840.113549.1.12.1.3")
_RC2_KEY_SIZES: Final = {
    asn1.encode_identifier("1.2.840.113549.1.12.1.5"): 16,
    asn1.encode_identifier("1.2.840.113549.1.12.1.6"): 5,
}
_FOR_KEY, _FOR_IV, _FOR_MAC = 1, 2, 3
_HASH_BLOCK: Final = {"sha1": 64, "sha256": 64, "sha512": 128}
_EMPTY_PASSWORD: Final = b"\0\0"
_BLOCK_SIZE: Final = 16
_MOST_SAFES: Final = 2


class PKCS12Error(ValueError):
    """The file cannot be read with this password, or none can be written. The message holds no data."""


@dataclass(frozen=True, slots=True)
class Contents:
    """A key and its certificates: the first is the key's."""

    key: PrivateKey = field(repr=False)
    certificate: Certificate = field(repr=False)
    others: tuple[Certificate, ...] = field(repr=False)


# ---------------------------------------------------------------------------------------------------------- reading


def decode_chain(data: bytes, password: str) -> Contents:
    """`DecodeChain`: exactly one key and at least one certificate.

    Raises:
        PKCS12Error: not such a file, another password, or an algorithm Go does not have.
    """
    try:
        bags, encoded = _open(data, _encode_password(password))
        return _collect(bags, encoded)
    except (ASN1Error, CertificateError, KeyFormatError, IndexError):
        raise PKCS12Error("error reading P12 data") from None


def _encode_password(password: str) -> bytes:
    if any(character > "\uffff" for character in password):
        raise PKCS12Error("the password has characters that cannot be encoded in UCS-2")
    readable = password.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return readable.encode("utf-16-be") + _EMPTY_PASSWORD


def _plain_password(encoded: bytes) -> bytes:
    """The password as PBES2 takes it: UTF-8."""
    return encoded.removesuffix(_EMPTY_PASSWORD).decode("utf-16-be", "replace").encode()


def _open(data: bytes, password: bytes) -> tuple[list[Element], bytes]:
    """The bags of all safes, and the password in the form that proved right."""
    version, content, *mac = asn1.parse(data).fields(2)
    if version.integer() != _VERSION:
        raise PKCS12Error("can only decode v3 PFX PDU's")
    content_type, wrapped = content.fields(2)
    if content_type.encoding != _DATA:
        raise PKCS12Error("only password-protected PFX is implemented")
    inner = asn1.parse(wrapped.expect(asn1.EXPLICIT_0).content).expect(asn1.OCTET_STRING).content
    password = _check_mac(mac, inner, password)
    safes = asn1.parse(inner).fields(0)
    if not 1 <= len(safes) <= _MOST_SAFES:
        raise PKCS12Error("expected between 1 and 2 items in the authenticated safe")
    return [bag for safe in safes for bag in asn1.parse(_open_safe(safe, password)).fields(0)], password


def _check_mac(mac: list[Element], message: bytes, password: bytes) -> bytes:
    if not mac:
        if password != _EMPTY_PASSWORD:
            raise PKCS12Error("no MAC in data")
        return password
    if _mac_fits(mac[0], message, password):
        return password
    # Some writers take no bytes at all for the empty password.
    if password == _EMPTY_PASSWORD and _mac_fits(mac[0], message, b""):
        return b""
    raise PKCS12Error("decryption password incorrect")


def _mac_fits(mac: Element, message: bytes, password: bytes) -> bool:
    parts = mac.fields(2)
    (algorithm, *parameters), digest = parts[0].fields(2)[0].fields(1), parts[0].fields(2)[1].content
    if algorithm.encoding == _PBMAC1:
        return hmac.compare_digest(digest, _pbmac1(parameters[0], message, _plain_password(password)))
    name = _DIGESTS.get(algorithm.encoding)
    if name is None:
        raise PKCS12Error("MAC digest algorithm not supported")
    iterations = parts[2].integer() if len(parts) > 2 else 1  # noqa: PLR2004  # digest, salt, iterations
    key = _derive(name, password, parts[1].content, iterations, _FOR_MAC, hashlib.new(name).digest_size)
    return hmac.compare_digest(digest, hmac.digest(key, message, name))


def _pbmac1(parameters: Element, message: bytes, password: bytes) -> bytes:
    derivation, mac = parameters.fields(2)[:2]
    name = _HMACS.get(mac.fields(1)[0].encoding)
    if name is None:
        raise PKCS12Error("PBMAC1 MAC algorithm is not supported")
    return hmac.digest(_pbkdf2(derivation, password, None), message, name)


def _pbkdf2(derivation: Element, password: bytes, size: int | None) -> bytes:
    identifier, parameters = derivation.fields(2)[:2]
    salt, iterations, *rest = parameters.fields(2)
    if identifier.encoding != _PBKDF2:
        raise PKCS12Error("key derivation algorithm is not supported")
    if rest and rest[0].tag == asn1.INTEGER:
        given = rest.pop(0).integer()
        size = given if size is None else size
    if size is None or not 0 < size <= 1024:  # noqa: PLR2004  # no key is longer
        raise PKCS12Error("PBMAC1 requires explicit KeyLength parameter in PBKDF2 parameters")
    name = _HMACS.get(rest[0].fields(1)[0].encoding) if rest else "sha1"
    if name is None:
        raise PKCS12Error("key derivation function is not supported")
    count = _checked(iterations.integer())
    return hashlib.pbkdf2_hmac(name, password, salt.expect(asn1.OCTET_STRING).content, count, size)


def _checked(iterations: int) -> int:
    if iterations > MAX_ITERATIONS:
        raise PKCS12Error(f"more than {MAX_ITERATIONS} iterations of key derivation")
    return max(iterations, 1)


def _derive(name: str, password: bytes, salt: bytes, iterations: int, purpose: int, size: int) -> bytes:
    """Key derivation of RFC 7292, appendix B."""
    block = _HASH_BLOCK[name]
    state = _filled(salt, block) + _filled(password, block)
    rounds = _checked(iterations)
    out = b""
    while True:
        digest = bytes((purpose,)) * block + state
        for _ in range(rounds):
            digest = hashlib.new(name, digest, usedforsecurity=False).digest()
        out += digest
        if len(out) >= size:
            return out[:size]
        addend = int.from_bytes(_filled(digest, block)[:block]) + 1
        state = b"".join(
            ((int.from_bytes(state[start : start + block]) + addend) % (1 << 8 * block)).to_bytes(block)
            for start in range(0, len(state), block)
        )


def _filled(pattern: bytes, block: int) -> bytes:
    """The pattern repeated up to a multiple of the block."""
    if not pattern:
        return b""
    size = block * -(-len(pattern) // block)
    return (pattern * (size // len(pattern) + 1))[:size]


def _open_safe(safe: Element, password: bytes) -> bytes:
    content_type, wrapped = safe.fields(2)
    content = asn1.parse(wrapped.expect(asn1.EXPLICIT_0).content)
    if content_type.encoding == _DATA:
        return content.expect(asn1.OCTET_STRING).content
    if content_type.encoding != _ENCRYPTED_DATA:
        raise PKCS12Error("only data and encryptedData content types are supported in authenticated safe")
    version, info = content.fields(2)[:2]
    if version.integer():
        raise PKCS12Error("only version 0 of EncryptedData is supported")
    _, algorithm, *encrypted = info.fields(2)
    return _decrypt(algorithm, encrypted[0].expect(asn1.IMPLICIT_0).content, password)


def _decrypt(algorithm: Element, data: bytes, password: bytes) -> bytes:
    identifier, parameters = algorithm.fields(2)[:2]
    if identifier.encoding == _PBES2:
        plain, block = _decrypt_pbes2(parameters, data, password), _BLOCK_SIZE
    else:
        plain, block = _decrypt_old(identifier.encoding, parameters, data, password), rc2.BLOCK_SIZE
    padding = plain[-1]
    if not 1 <= padding <= block or plain[-padding:] != bytes((padding,)) * padding:
        raise PKCS12Error("error decrypting, incorrect padding")
    return plain[:-padding]


def _check_blocks(data: bytes, block: int) -> None:
    if not data or len(data) % block:
        raise PKCS12Error("encrypted data is empty or not a multiple of the block size")


def _decrypt_pbes2(parameters: Element, data: bytes, password: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    derivation, scheme = parameters.fields(2)[:2]
    cipher, iv = scheme.fields(2)[:2]
    size = _AES_KEY_SIZES.get(cipher.encoding)
    if size is None or len(iv.content) != _BLOCK_SIZE:
        raise PKCS12Error("encryption algorithm is not supported")
    _check_blocks(data, _BLOCK_SIZE)
    key = _pbkdf2(derivation, _plain_password(password), size)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv.content)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _decrypt_old(identifier: bytes, parameters: Element, data: bytes, password: bytes) -> bytes:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

    salt, iterations = parameters.fields(2)[:2]
    size = 24 if identifier == _TRIPLE_DES else _RC2_KEY_SIZES.get(identifier)
    if size is None:
        raise PKCS12Error("encryption algorithm is not supported")
    _check_blocks(data, rc2.BLOCK_SIZE)
    key, iv = (
        _derive("sha1", password, salt.content, iterations.integer(), purpose, length)
        for purpose, length in ((_FOR_KEY, size), (_FOR_IV, rc2.BLOCK_SIZE))
    )
    if identifier != _TRIPLE_DES:
        return rc2.decrypt_cbc(key, iv, data)
    decryptor = Cipher(TripleDES(key), modes.CBC(iv)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _collect(bags: list[Element], password: bytes) -> Contents:
    key: PrivateKey | None = None
    certificates: list[Certificate] = []
    for bag in bags:
        identifier, wrapped = bag.fields(2)[:2]
        value = wrapped.expect(asn1.EXPLICIT_0).content
        if identifier.encoding == _CERTIFICATE_BAG:
            certificates.append(parse_certificate(_certificate_of(value)))
        elif identifier.encoding in {_KEY_BAG, _SHROUDED_KEY_BAG}:
            if key is not None:
                raise PKCS12Error("expected exactly one key bag")
            if identifier.encoding == _SHROUDED_KEY_BAG:
                algorithm, encrypted = asn1.parse(value).fields(2)[:2]
                value = _decrypt(algorithm, encrypted.expect(asn1.OCTET_STRING).content, password)
            key = parse_pkcs8(value)
    if not certificates:
        raise PKCS12Error("certificate missing")
    if key is None:
        raise PKCS12Error("private key missing")
    return Contents(key, certificates[0], tuple(certificates[1:]))


def _certificate_of(bag: bytes) -> bytes:
    kind, wrapped = asn1.parse(bag).fields(2)
    if kind.encoding != _X509_CERTIFICATE:
        raise PKCS12Error("only X509 certificates are supported in cert bags")
    return asn1.parse(wrapped.expect(asn1.EXPLICIT_0).content).expect(asn1.OCTET_STRING).content


# ---------------------------------------------------------------------------------------------------------- writing


def encode(key: PrivateKey, certificate: Certificate, others: Sequence[Certificate], password: str) -> bytes:
    """`Modern.Encode`: AES-256, HMAC with SHA-256, also for the empty password.

    Raises:
        PKCS12Error: the password has characters beyond the Basic Multilingual Plane.
    """
    encoded = _encode_password(password)
    fingerprint = hashlib.sha1(certificate.raw, usedforsecurity=False).digest()
    local_key = _attribute(_LOCAL_KEY_ID, asn1.encode(asn1.OCTET_STRING, fingerprint))
    certificates = [_certificate_bag(certificate, local_key), *(_certificate_bag(other) for other in others)]
    algorithm, encrypted = _encrypt(marshal_pkcs8(key), encoded)
    shrouded = asn1.encode(asn1.SEQUENCE, algorithm, asn1.encode(asn1.OCTET_STRING, encrypted))
    key_bag = _bag(_SHROUDED_KEY_BAG, shrouded, local_key)
    return _seal([_encrypted_safe(certificates, encoded), _plain_safe([key_bag])], encoded)


def encode_trust_store(certificates: Sequence[Certificate], password: str) -> bytes:
    """`Modern.EncodeTrustStore`: certificates only, marked as Java's trust anchors for any purpose.

    Raises:
        PKCS12Error: the password has characters beyond the Basic Multilingual Plane.
    """
    encoded = _encode_password(password)
    trusted = _attribute(_JAVA_TRUST_STORE, _ANY_USAGE)
    bags: list[bytes] = []
    for certificate in certificates:
        name = certificate.load().subject.rfc4514_string()
        friendly = "".join(character for character in name if character <= "\uffff").encode("utf-16-be", "replace")
        named = _attribute(_FRIENDLY_NAME, asn1.encode(asn1.BMP_STRING, friendly))
        bags.append(_certificate_bag(certificate, trusted, named))
    return _seal([_encrypted_safe(bags, encoded)], encoded)


def _attribute(identifier: bytes, value: bytes) -> bytes:
    return asn1.encode(asn1.SEQUENCE, identifier, asn1.encode(asn1.SET, value))


def _bag(identifier: bytes, value: bytes, *attributes: bytes) -> bytes:
    # A set's members are in the order of their encodings.
    marked = [asn1.encode(asn1.SET, *sorted(attributes))] if attributes else []
    return asn1.encode(asn1.SEQUENCE, identifier, asn1.encode(asn1.EXPLICIT_0, value), *marked)


def _certificate_bag(certificate: Certificate, *attributes: bytes) -> bytes:
    wrapped = asn1.encode(asn1.EXPLICIT_0, asn1.encode(asn1.OCTET_STRING, certificate.raw))
    return _bag(_CERTIFICATE_BAG, asn1.encode(asn1.SEQUENCE, _X509_CERTIFICATE, wrapped), *attributes)


def _encrypt(data: bytes, password: bytes) -> tuple[bytes, bytes]:
    """The algorithm's description and the encrypted data."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    salt, iv = secrets.token_bytes(SALT_SIZE), secrets.token_bytes(_BLOCK_SIZE)
    key = hashlib.pbkdf2_hmac("sha256", _plain_password(password), salt, ITERATIONS, _AES_KEY_SIZES[_AES256])
    padding = _BLOCK_SIZE - len(data) % _BLOCK_SIZE
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    encrypted = encryptor.update(data + bytes((padding,)) * padding) + encryptor.finalize()
    prf = asn1.encode(asn1.SEQUENCE, _HMAC_SHA256, asn1.encode(asn1.NULL))
    parameters = asn1.encode(asn1.SEQUENCE, asn1.encode(asn1.OCTET_STRING, salt), asn1.encode_integer(ITERATIONS), prf)
    derivation = asn1.encode(asn1.SEQUENCE, _PBKDF2, parameters)
    scheme = asn1.encode(asn1.SEQUENCE, _AES256, asn1.encode(asn1.OCTET_STRING, iv))
    return asn1.encode(asn1.SEQUENCE, _PBES2, asn1.encode(asn1.SEQUENCE, derivation, scheme)), encrypted


def _encrypted_safe(bags: Sequence[bytes], password: bytes) -> bytes:
    algorithm, encrypted = _encrypt(asn1.encode(asn1.SEQUENCE, *bags), password)
    info = asn1.encode(asn1.SEQUENCE, _DATA, algorithm, asn1.encode(asn1.IMPLICIT_0, encrypted))
    content = asn1.encode(asn1.SEQUENCE, asn1.encode_integer(0), info)
    return asn1.encode(asn1.SEQUENCE, _ENCRYPTED_DATA, asn1.encode(asn1.EXPLICIT_0, content))


def _plain_safe(bags: Sequence[bytes]) -> bytes:
    content = asn1.encode(asn1.OCTET_STRING, asn1.encode(asn1.SEQUENCE, *bags))
    return asn1.encode(asn1.SEQUENCE, _DATA, asn1.encode(asn1.EXPLICIT_0, content))


def _seal(safes: Sequence[bytes], password: bytes) -> bytes:
    message = asn1.encode(asn1.SEQUENCE, *safes)
    salt = secrets.token_bytes(SALT_SIZE)
    key = _derive("sha256", password, salt, ITERATIONS, _FOR_MAC, 32)
    algorithm = asn1.encode(asn1.SEQUENCE, _SHA256, asn1.encode(asn1.NULL))
    digest = asn1.encode(asn1.SEQUENCE, algorithm, asn1.encode(asn1.OCTET_STRING, hmac.digest(key, message, "sha256")))
    mac = asn1.encode(asn1.SEQUENCE, digest, asn1.encode(asn1.OCTET_STRING, salt), asn1.encode_integer(ITERATIONS))
    wrapped = asn1.encode(asn1.EXPLICIT_0, asn1.encode(asn1.OCTET_STRING, message))
    content = asn1.encode(asn1.SEQUENCE, _DATA, wrapped)
    return asn1.encode(asn1.SEQUENCE, asn1.encode_integer(_VERSION), content, mac)
