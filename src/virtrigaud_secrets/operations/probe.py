"""One look at a server: can it be reached, is its certificate trusted and until when, what time has it.

Sends at most one GET of a path that changes nothing, without a credential. Shows no answer.
"""

from __future__ import annotations

import email.utils
import http.client
import socket
import ssl
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from virtrigaud_secrets.clock import Clock

GRANULARITY: Final = timedelta(seconds=1)
"""A `Date` header has whole seconds, so it is behind by up to one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server to look at."""

    address: str
    """`https://host:port`, or `http://…`, and the path that the server is below, if any."""
    tls: ssl.SSLContext | None
    """Whom to trust, and who we are; None for the system's authorities."""
    trust: str
    """Where that comes from, for advice."""
    path: str = ""
    """Path to ask for the time; empty where no request is harmless, so that none is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen."""

    fault: str = ""
    """Why it cannot be talked to; empty where it can."""
    distrusted: bool = False
    """Whether that is because of its certificate."""
    status: int = 0
    """HTTP status; 0 where nothing was asked, or the answer was none."""
    skew: timedelta | None = None
    """Its clock less ours, as far as that is certain; None where it did not tell."""
    certificate: bytes = b""
    """Its certificate, DER; empty without TLS."""
    encrypted: bool = False
    """Whether TLS was spoken."""


def look(target: Target, *, clock: Clock, timeout: timedelta) -> Seen:
    """Look at a server. Raises nothing."""
    seconds = timeout.total_seconds()
    try:
        with closing(_connection(target, seconds)) as connection:
            connection.connect()
            return _asked(connection, target, clock)
    except ssl.SSLCertVerificationError as error:
        # OpenSSL's own phrase: it names the fault and the host.
        return Seen(fault=f"its certificate is not trusted ({error.verify_message})", distrusted=True)
    except TimeoutError:
        return Seen(fault=f"no connection within {seconds:g} s")
    except (OSError, ValueError) as error:
        return Seen(fault=next((said for kind, said in _FAULTS if isinstance(error, kind)), "it cannot be reached"))


_FAULTS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ssl.SSLError, "the TLS handshake failed"),
    (socket.gaierror, "its name cannot be resolved"),
    (ConnectionRefusedError, "it refuses connections"),
)


def _connection(target: Target, seconds: float) -> http.client.HTTPConnection:
    parts = urlsplit(target.address)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, parts.port, timeout=seconds)
    context = target.tls or ssl.create_default_context()
    return http.client.HTTPSConnection(host, parts.port, context=context, timeout=seconds)


def _asked(connection: http.client.HTTPConnection, target: Target, clock: Clock) -> Seen:
    wire = connection.sock
    certificate = (wire.getpeercert(binary_form=True) or b"") if isinstance(wire, ssl.SSLSocket) else b""
    encrypted = isinstance(wire, ssl.SSLSocket)
    if not target.path:
        return Seen(certificate=certificate, encrypted=encrypted)
    before = clock.now()
    try:
        # A server may be below a path of its address, behind a gateway.
        path = urlsplit(target.address).path.rstrip("/") + target.path
        connection.request("GET", path, headers={"User-Agent": "virtrigaud-secrets"})
        answer = connection.getresponse()
        status, date = answer.status, answer.getheader("Date", "")
    except (OSError, http.client.HTTPException):
        return Seen(fault="the connection broke before the answer", certificate=certificate, encrypted=encrypted)
    skew = _skew(date, before, clock.now())
    return Seen(status=status, skew=skew, certificate=certificate, encrypted=encrypted)


def _skew(header: str, before: datetime, after: datetime) -> timedelta | None:
    """By how much the time lies outside of when the answer can have been made."""
    try:
        told = email.utils.parsedate_to_datetime(header)
    except (TypeError, ValueError):
        return None
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    if told > after:
        return told - after
    if told + GRANULARITY < before:
        return told + GRANULARITY - before
    return timedelta(0)
