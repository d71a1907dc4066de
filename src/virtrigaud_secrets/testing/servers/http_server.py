"""An HTTP server on loopback, from `with` to the end of the block: sockets, TLS, threads.

What is answered is the business of the servers that are made of it.
"""

from __future__ import annotations

import socket
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import ClassVar, Final, Self, cast

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers.certificates import LOOPBACK_NAMES, Authority, IssuedCertificate, server_context

IDLE_TIMEOUT: Final = 60
"""Seconds that a connection may be silent."""
LONGEST_BODY: Final = 64 * 1024
"""No request of a client of ours is longer, unless its server says so."""
MOST_DISCARDED: Final = 1024 * 1024
"""Bytes of a body that is too long that are read and thrown away; whoever sends more is cut off."""

_Connection = socket.socket | tuple[bytes, socket.socket]
"""What the base class takes for one; here it is always the first."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request that was received."""

    method: str
    """The verb."""
    target: str
    """Path and query, as they were sent."""
    headers: Mapping[str, str] = field(repr=False)
    """The headers, each word of a name beginning with a capital."""
    body: bytes = field(default=b"", repr=False)
    """The body."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What it is answered."""

    status: int
    """The status."""
    body: bytes = field(default=b"", repr=False)
    """The body."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers besides the length; JSON is what the body is taken for unless they say otherwise."""


class LoopbackServer(ABC):
    """Listens on a port of 127.0.0.1 that the system chooses; each connection has a thread."""

    title: ClassVar[str]
    """What it is, for errors: `the Key Vault stand-in`."""

    def __init__(self, authority: Authority | None, *, names: tuple[str, ...] = LOOPBACK_NAMES) -> None:
        """Nothing is opened yet.

        Args:
            authority: who issues its certificate; None for plain HTTP.
            names: names and addresses in the certificate.
        """
        self._authority: Final = authority
        self._names: Final = names
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None
        self._connections = 0

    @property
    def address(self) -> str:
        """Where it listens.

        Raises:
            LocalServerError: it was not started.
        """
        if self._listener is None:
            raise LocalServerError(f"{self.title} is not running: use it in a with block")
        return f"{'http' if self._authority is None else 'https'}://127.0.0.1:{self._listener.server_address[1]}"

    @property
    def ca_pem(self) -> bytes:
        """The authority to trust for it, empty without TLS."""
        return b"" if self._authority is None else self._authority.pem

    @property
    def connections(self) -> int:
        """Connections that were taken."""
        return self._connections

    def issue(self) -> IssuedCertificate:
        """A certificate of its authority for another server on loopback.

        Raises:
            LocalServerError: it has none.
        """
        if self._authority is None:
            raise LocalServerError(f"{self.title} speaks plain HTTP and has no authority")
        return self._authority.issue(self._names)

    def start(self) -> Self:
        """Listen."""
        context = None
        if self._authority is not None:
            issued = self.issue()
            context = server_context(issued.certificate, issued.key)
        self._listener = Listener(self, self.handler(), context)
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, name=type(self).__name__, daemon=True
        )
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop listening, and end what clients keep open. The second call does nothing."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown()
            listener.server_close()
            listener.drop_connections()
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    @abstractmethod
    def handler(self) -> type[Handler]:
        """Who reads requests off a connection."""

    def count_connection(self) -> None:
        """Count one that was taken."""
        self._connections += 1


class AnsweringServer(LoopbackServer):
    """Answers each request as a whole, as most servers do."""

    longest_body: ClassVar[int] = LONGEST_BODY
    """The most bytes that a request may have."""

    @abstractmethod
    def respond(self, question: Question) -> Reply:
        """What a request is answered. Called from the threads of connections."""

    def refuse_length(self) -> Reply:
        """What a body that is too long is answered. It was not looked at."""
        return Reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"{}")

    def handler(self) -> type[Handler]:
        """One that asks `respond`."""
        return AnsweringHandler


class Listener(ThreadingHTTPServer):
    """The listening socket of one server."""

    daemon_threads = True

    def __init__(self, owner: LoopbackServer, handler: type[Handler], context: ssl.SSLContext | None) -> None:
        """Bind to a free port."""
        super().__init__(("127.0.0.1", 0), handler)
        self.owner: Final = owner
        self._open: set[socket.socket] = set()
        if context is not None:
            # The handshake waits for the thread of its connection, so that a silent client holds up nobody else.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def process_request(self, request: _Connection, client_address: tuple[str, int]) -> None:
        """Remember the connection: clients keep theirs open."""
        self.owner.count_connection()
        self._open.add(cast("socket.socket", request))
        super().process_request(request, client_address)

    def shutdown_request(self, request: _Connection) -> None:
        """Forget it."""
        self._open.discard(cast("socket.socket", request))
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        """End connections that clients keep: whoever no longer listens does not answer on them either."""
        for taken in tuple(self._open):
            with suppress(OSError):
                taken.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing is printed: a client that goes away or distrusts the certificate is the client's business."""


class Handler(BaseHTTPRequestHandler, ABC):
    """Reads requests off one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Otherwise the answer's second segment waits 40 ms for the client's delayed acknowledgement."""
    wbufsize = -1
    timeout: ClassVar[float | None] = IDLE_TIMEOUT

    @abstractmethod
    def serve(self) -> None:
        """Answer one request, whatever its verb."""

    def _any(self) -> None:
        self.serve()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_LIST = _any  # noqa: N815  # the base's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
        """Nothing is logged."""


class AnsweringHandler(Handler):
    """Asks an `AnsweringServer`."""

    def serve(self) -> None:
        """Answer one request."""
        owner = cast("AnsweringServer", cast("Listener", self.server).owner)
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= owner.longest_body:
            self.close_connection = True
            # Closing with unread bytes would be a reset, which may reach the client before the answer does.
            self.rfile.read(min(max(length, 0), MOST_DISCARDED))
            self.write(owner.refuse_length())
            return
        headers = {name.title(): value for name, value in self.headers.items()}
        self.write(owner.respond(Question(self.command, self.path, headers, self.rfile.read(length))))

    def write(self, reply: Reply) -> None:
        """Send an answer."""
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
