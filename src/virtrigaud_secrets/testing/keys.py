"""SSH keys and known_hosts lines for tests, made anew each time. No file is written and no process started."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from virtrigaud_secrets.sensitive import REDACTED

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization.ssh import SSHPrivateKeyTypes

KeyKind = Literal["ed25519", "rsa", "ecdsa"]
"""Algorithm of a key."""

KeyFormat = Literal["openssh", "pkcs8", "traditional"]
"""How a private key is written: `OPENSSH PRIVATE KEY`, `PRIVATE KEY`, or `RSA PRIVATE KEY` and `EC PRIVATE KEY`."""

RSA_BITS: Final = 2048
"""Size of RSA keys in tests: the smallest that libraries take without complaint, since larger ones cost seconds."""

_SALT_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class SshKey:
    """A key pair in text form."""

    private: str = field(repr=False)
    """The private key with the newline that OpenSSH wants at its end."""
    public: str
    """The public key's line, without a newline: `type base64 comment`."""

    def __str__(self) -> str:
        """The public half only."""
        return f"SshKey({REDACTED}, {self.public})"


def ssh_key(
    kind: KeyKind = "ed25519",
    *,
    written: KeyFormat = "openssh",
    passphrase: str | None = None,
    comment: str = "test@virtrigaud",
) -> SshKey:
    """A new key pair.

    Raises:
        ValueError: `traditional` has no form for ed25519.
    """
    from cryptography.hazmat.primitives import serialization

    key = _generate(kind)
    formats = {
        "openssh": serialization.PrivateFormat.OpenSSH,
        "pkcs8": serialization.PrivateFormat.PKCS8,
        "traditional": serialization.PrivateFormat.TraditionalOpenSSL,
    }
    encryption = (
        serialization.NoEncryption()
        if passphrase is None
        else serialization.BestAvailableEncryption(passphrase.encode())
    )
    private = key.private_bytes(serialization.Encoding.PEM, formats[written], encryption)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return SshKey(private=private.decode(), public=f"{public.decode()} {comment}".rstrip())


def known_hosts_line(
    key: SshKey, *hosts: str, hashed: bool = False, marker: Literal["", "@cert-authority", "@revoked"] = ""
) -> str:
    """A line of known_hosts with the public half of `key`, without a newline.

    Args:
        key: the host's key.
        hosts: names as OpenSSH writes them: `host`, `10.0.0.1`, `[host]:2222`, `*.example.org`.
        hashed: hide the only host, as `HashKnownHosts yes` does.
        marker: what the key may be used for.
    """
    names = _hashed(*hosts) if hashed else ",".join(hosts)
    kind, blob = key.public.split()[:2]
    return " ".join(part for part in (marker, names, kind, blob) if part)


def _generate(kind: KeyKind) -> SSHPrivateKeyTypes:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return ec.generate_private_key(ec.SECP256R1())


def _hashed(host: str) -> str:
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hmac.new(salt, host.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
