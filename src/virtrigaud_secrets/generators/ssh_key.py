"""`SSHKey`: a pair of SSH keys, as `ssh-keygen` writes them."""

from __future__ import annotations

import base64
import re
import struct
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.generators.base import Generator, GeneratorFactory
from virtrigaud_secrets.models.generators.ssh_key import SSHKeySpec
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Answer, StoreContext

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

RSA_BITS: Final = 2048
"""Bits of an RSA key where `keySize` says nothing."""
MIN_RSA_BITS: Final = 1024
"""Shortest RSA key that is made: shorter ones are refused by the library, and by Go since 1.24."""

_EXPONENT: Final = 65537
_MAGIC: Final = b"openssh-key-v1\x00"
_BLOCK: Final = 8  # an unencrypted key is padded to this
_LINE: Final = 70
_BODY: Final = re.compile(rb"-----BEGIN OPENSSH PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+?)-----END")


class SSHKeyGenerator(Generator):
    """Makes keys from the system's randomness."""

    def __init__(self, spec: SSHKeySpec, context: StoreContext) -> None:
        """Nothing is made yet.

        Raises:
            ConfigurationError: no key can be as the spec wants it.
        """
        super().__init__(context)
        self._spec = spec
        self._comment = spec.comment or ""
        if spec.key_type == "rsa" and (spec.key_size or RSA_BITS) < MIN_RSA_BITS:
            raise ConfigurationError(f"{context.store}: an RSA key must have at least {MIN_RSA_BITS} bits")
        if re.search(r"[\r\n\0]", self._comment):
            raise ConfigurationError(f"{context.store}: comment must be one line")

    def generate(self) -> Answer:
        """A new pair."""
        from cryptography.hazmat.primitives import serialization

        key = _key(self._spec)
        private = Sensitive(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
            )
        )
        public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        comment = self._comment.encode(errors="replace")
        return self.answer(
            {
                "privateKey": _with_comment(private, comment).reveal(),
                "publicKey": b" ".join(filter(None, (public, comment))) + b"\n",
            },
            path="this process",
        )


def _key(spec: SSHKeySpec) -> RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    match spec.key_type:
        case "rsa":
            return rsa.generate_private_key(public_exponent=_EXPONENT, key_size=spec.key_size or RSA_BITS)
        case "ecdsa":
            curves: dict[int | None, ec.EllipticCurve] = {384: ec.SECP384R1(), 521: ec.SECP521R1()}
            # ESO makes a key of 256 bits of every other size.
            return ec.generate_private_key(curves.get(spec.key_size, ec.SECP256R1()))
        case "ed25519":
            return ed25519.Ed25519PrivateKey.generate()


def _with_comment(private: Sensitive, comment: bytes) -> Sensitive:
    """The key with its comment, which the library cannot write: the last field of the private section, then padding."""
    found = _BODY.search(private.reveal())
    if not comment or found is None:
        return private
    body = base64.b64decode(found[1])
    # Cipher, KDF and its options are empty; then how many keys there are, and the public key.
    start = len(_MAGIC)
    for field in range(5):
        start += 4 if field == 3 else 4 + _length(body, start)  # noqa: PLR2004  # the fourth is the number of keys
    section = body[start + 4 :]
    fields = section.rstrip(bytes(range(1, _BLOCK + 1)))[: -len(_empty())] + _text(comment)
    # The padding counts from one.
    fields += bytes(range(1, 1 + -len(fields) % _BLOCK))
    encoded = base64.b64encode(body[:start] + _text(fields)).decode()
    lines = [encoded[index : index + _LINE] for index in range(0, len(encoded), _LINE)]
    begin, end = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"
    return Sensitive("\n".join((begin, *lines, end, "")))


def _length(body: bytes, at: int) -> int:
    (length,) = struct.unpack_from(">I", body, at)
    return int(length)


def _text(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _empty() -> bytes:
    return _text(b"")


FACTORY: Final = GeneratorFactory(
    SSHKeySpec, connect=SSHKeyGenerator, asked=lambda spec: ("make", f"a pair of {spec.key_type} keys")
)
"""The kind, as the registry finds it."""
