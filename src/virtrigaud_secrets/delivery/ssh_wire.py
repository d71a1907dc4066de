"""A private key in the binary form in which ssh-agents take it (draft-ietf-sshm-ssh-agent §3.2). Talks to nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.validation.wire import mpint, string

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


def private_key_blobs(private_key: Sensitive) -> tuple[bytes, Sensitive]:
    """The public key in binary form, and the private one as the agent protocol wants it.

    Raises:
        ConfigurationError: it is no ed25519, RSA or ECDSA key without a passphrase. It is not shown.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    text = private_key.reveal()
    load = serialization.load_ssh_private_key if b"OPENSSH PRIVATE KEY" in text else serialization.load_pem_private_key
    try:
        key = load(text, None)
    except Exception:  # noqa: BLE001  # bytes from anywhere: cryptography raises a dozen types, and all mean the same
        key = None
    del text
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return _ed25519(key)
    if isinstance(key, rsa.RSAPrivateKey):
        return _rsa(key)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _ecdsa(key)
    raise ConfigurationError("an ed25519, RSA or ECDSA private key without a passphrase was expected")


def _ed25519(key: Ed25519PrivateKey) -> tuple[bytes, Sensitive]:
    public, name = key.public_key().public_bytes_raw(), string(b"ssh-ed25519")
    # RFC 8709: the private half is followed by the public one.
    return name + string(public), Sensitive(name + string(public) + string(key.private_bytes_raw() + public))


def _rsa(key: RSAPrivateKey) -> tuple[bytes, Sensitive]:
    numbers, name = key.private_numbers(), string(b"ssh-rsa")
    public = numbers.public_numbers
    parts = (public.n, public.e, numbers.d, numbers.iqmp, numbers.p, numbers.q)
    return name + mpint(public.e) + mpint(public.n), Sensitive(name + b"".join(mpint(part) for part in parts))


def _ecdsa(key: EllipticCurvePrivateKey) -> tuple[bytes, Sensitive]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    curve = {"secp256r1": b"nistp256", "secp384r1": b"nistp384", "secp521r1": b"nistp521"}.get(key.curve.name)
    if curve is None:
        raise ConfigurationError("SSH knows the curves P-256, P-384 and P-521 only")
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    public = string(b"ecdsa-sha2-" + curve) + string(curve) + string(point)
    return public, Sensitive(public + mpint(key.private_numbers().private_value))
