"""`ssl.SSLContext` from PEM text. On Linux a key reaches OpenSSL through memory, never through a file."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive

_DESCRIPTORS: Final = "/proc/self/fd"
"""Where Linux lets a process open its own descriptors by name."""


def client_context(
    authorities: str | None, *, certificate: str | None = None, private_key: Sensitive | None = None
) -> ssl.SSLContext:
    """A context for clients that verifies the server's name and chain.

    Args:
        authorities: PEM of whom to trust, and nobody else; None for the system's list.
        certificate: PEM chain of the client's own certificate, for servers that want one.
        private_key: its key, PEM.

    Raises:
        ConfigurationError: the PEM cannot be used.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _trust(made, authorities)
    if certificate is not None and private_key is not None:
        load_certificate(made, certificate, private_key)
    return made


def server_context(certificate: str, private_key: Sensitive, *, authorities: str | None) -> ssl.SSLContext:
    """A context for servers.

    Args:
        certificate: PEM chain, the server's own certificate first.
        private_key: its key, PEM.
        authorities: PEM of who signs client certificates, which are then required; None asks clients for none.

    Raises:
        ConfigurationError: the PEM cannot be used.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    load_certificate(made, certificate, private_key)
    if authorities is not None:
        made.verify_mode = ssl.CERT_REQUIRED
        _trust(made, authorities)
        # A resumed session skips the client's certificate: one that is no longer trusted would still get in.
        made.options |= ssl.OP_NO_TICKET
        made.num_tickets = 0
    return made


def load_certificate(context: ssl.SSLContext, certificate: str, private_key: Sensitive) -> None:
    """Give `context` a certificate and its key, in the place of those it had before.

    Raises:
        ConfigurationError: they cannot be used, or do not belong together.
    """
    try:
        with _as_file(private_key, Sensitive(certificate)) as path:
            # Without a password function OpenSSL would ask on the terminal for that of an encrypted key.
            context.load_cert_chain(path, password=_no_password)
    except (ssl.SSLError, ValueError):
        raise ConfigurationError("the certificate and key cannot be used: no PEM, or not of one issuance") from None


def _trust(context: ssl.SSLContext, authorities: str | None) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # As Go has it: an intermediate authority that is named is trusted by itself.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if authorities is None:
        context.load_default_certs()
        return
    try:
        # People write comments between certificates, and OpenSSL's binding takes ASCII only.
        context.load_verify_locations(cadata=authorities.encode("ascii", "ignore").decode())
    except (ssl.SSLError, ValueError):
        raise ConfigurationError("the authorities are no PEM certificates that can be read") from None


def _no_password() -> str:
    raise ValueError("the private key is encrypted")


@contextmanager
def _as_file(*parts: Sensitive) -> Generator[str]:
    """A path under which OpenSSL reads `parts`: memory without a name; outside Linux a file that is removed at once."""
    if hasattr(os, "memfd_create") and os.path.isdir(_DESCRIPTORS):  # noqa: PTH112  # no Path for a name of the kernel's
        descriptor = os.memfd_create("virtrigaud-secrets", os.MFD_CLOEXEC)
        path = f"{_DESCRIPTORS}/{descriptor}"
        cleanup = ""
    else:
        descriptor, path = tempfile.mkstemp(prefix="virtrigaud-secrets-")
        cleanup = path
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            for part in parts:
                file.write(part.reveal())
        yield path
    finally:
        if cleanup:
            os.unlink(cleanup)  # noqa: PTH108  # as above
        os.close(descriptor)
