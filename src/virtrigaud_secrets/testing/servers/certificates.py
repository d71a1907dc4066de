"""The authority that servers on loopback get their certificates from, and how a key gets into the ssl module unseen."""

from __future__ import annotations

import os
import ssl
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.certificates import CertificateAuthority

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
    """Issues certificates that chain to one root, good from a little while ago on."""

    def __init__(self, authority: CertificateAuthority) -> None:
        self._authority: Final = authority

    @classmethod
    def create(cls, common_name: str = "virtrigaud-secrets test CA", *, clock: Clock | None = None) -> Self:
        """A new authority with a fresh key."""
        return cls(CertificateAuthority(common_name, now=(clock or SystemClock()).now() - BACKDATE))

    @property
    def pem(self) -> bytes:
        """The root certificate."""
        return self._authority.chain[-1].encode()

    def issue(self, names: Sequence[str] = LOOPBACK_NAMES) -> IssuedCertificate:
        """A certificate for servers and clients with these DNS names and IP addresses."""
        first, *others = names
        issued = self._authority.issue(first, life=BACKDATE + LIFE, alternative_names=tuple(others))
        return IssuedCertificate(issued.chain.encode() + self.pem, Sensitive(issued.private_key))


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
