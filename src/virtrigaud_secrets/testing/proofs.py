"""Proofs that resolved values are good for what they are for: a login, a handshake, a count. Nothing is printed."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import ProofFailedError
from virtrigaud_secrets.sensitive import Sensitive

if TYPE_CHECKING:
    from virtrigaud_secrets.testing.servers import PostgreSQL

NETWORK_TIMEOUT: Final = 15
"""Seconds that a handshake on loopback may take."""
END_WITHIN: Final = timedelta(seconds=10)
"""For a login to end after its lease was given back. Where a policy does not allow to revoke, the lease is cut to one
second instead, and the server ends it then."""
PAUSE: Final = timedelta(milliseconds=100)
"""Between two tries to log in."""
GREETING: Final = b"virtrigaud"
"""What travels through the proven connection."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Something that was shown to be true."""

    claim: str
    """What."""
    detail: str = ""
    """How; no value in it."""


def prove_login(postgres: PostgreSQL, user: str, password: Sensitive) -> Proof:
    """The database lets `user` in with this password, and with no other.

    Raises:
        ProofFailedError: it does not, or it lets anybody in.
        LocalServerError: the database does not answer.
    """
    if not postgres.accepts(user, password):
        raise ProofFailedError("PostgreSQL refuses the dynamic credential")
    if postgres.accepts(user, Sensitive(password.reveal()[::-1] + b"x")):
        raise ProofFailedError("PostgreSQL accepts a wrong password: its answer proves nothing")
    return Proof("the dynamic credential logs in to PostgreSQL", "and a wrong password is refused")


def prove_login_ended(
    postgres: PostgreSQL, user: str, password: Sensitive, *, within: timedelta = END_WITHIN, clock: Clock | None = None
) -> Proof:
    """The database does not let `user` in any more, at the latest after the time `within`.

    Raises:
        ProofFailedError: it still does.
        LocalServerError: the database does not answer.
    """
    clock = clock or SystemClock()
    deadline = clock.elapsed() + within.total_seconds()
    while postgres.accepts(user, password):
        if clock.elapsed() >= deadline:
            seconds = f"{within.total_seconds():.0f} s"
            raise ProofFailedError(f"the dynamic credential still works {seconds} after the resolver was closed")
        clock.sleep(PAUSE.total_seconds())
    return Proof("closing the resolver ended the dynamic credential", "PostgreSQL refuses the same login now")


def prove_handshake(certificate: bytes, key: Sensitive, authority: bytes, *, name: str) -> Proof:
    """A client that trusts `authority` alone accepts a server with this certificate and key as `name` and nothing else.

    Raises:
        ProofFailedError: it does not, or it accepts another name too.
    """
    from virtrigaud_secrets.testing.servers.certificates import server_context

    try:
        serving = server_context(certificate, key)
        version = _greeted(serving, authority, name)
    except (OSError, ValueError) as error:
        raise ProofFailedError(f"no TLS connection with the issued certificate: {_reason(error)}") from None
    try:
        _greeted(serving, authority, f"not-{name}")
    except ssl.SSLCertVerificationError:
        return Proof(f"a {version} handshake with the issued certificate", f"chain and host name {name} verified")
    raise ProofFailedError("a client accepts the issued certificate under another name: its answer proves nothing")


def prove_counts(counts: Mapping[tuple[str, str], int], expected: Mapping[tuple[str, str], int]) -> Proof:
    """The server's audit log counted each expected (operation, path) as often as expected.

    Raises:
        ProofFailedError: it did not; names each difference.
    """
    wrong = [
        f"{operation} {path}: {counts.get((operation, path), 0)} instead of {times}"
        for (operation, path), times in expected.items()
        if counts.get((operation, path), 0) != times
    ]
    if wrong:
        raise ProofFailedError(f"the audit log counts other requests than expected: {'; '.join(wrong)}")
    return Proof("each path was asked for once", "the server's own audit log counts it")


def _greeted(serving: ssl.SSLContext, authority: bytes, name: str) -> str:
    """Connect to a server in a thread, read its greeting and return the protocol's version."""
    trusting = ssl.create_default_context(cadata=authority.decode())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(NETWORK_TIMEOUT)
        server = threading.Thread(target=_greet, args=(listener, serving), name="proof-server", daemon=True)
        server.start()
        try:
            with (
                socket.create_connection(listener.getsockname(), timeout=NETWORK_TIMEOUT) as connection,
                trusting.wrap_socket(connection, server_hostname=name) as secured,
            ):
                if secured.recv(len(GREETING)) != GREETING:
                    raise ssl.SSLError("the server said something else")
                return secured.version() or "TLS"
        finally:
            server.join(NETWORK_TIMEOUT)


def _greet(listener: socket.socket, serving: ssl.SSLContext) -> None:
    try:
        connection, _ = listener.accept()
        with connection, serving.wrap_socket(connection, server_side=True) as secured:
            secured.sendall(GREETING)
    except OSError:
        return  # the client says what went wrong


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return error.reason or "TLS failed"
    if isinstance(error, ValueError):
        return str(error)
    return type(error).__name__
