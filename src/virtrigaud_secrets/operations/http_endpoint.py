"""A small HTTP server for Prometheus and for probes: `/metrics`, `/healthz`, `/readyz`. Others decide what they say.

Whoever reaches the address can ask, so nothing here tells why something is not ready, and no request is logged. The
peer may be anybody: requests are bounded in size, time and number.
"""

from __future__ import annotations

import http.client
import importlib.util
import io
import logging
import socket
import socketserver
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, cast

from virtrigaud_secrets.clock import Clock, SystemClock, reader
from virtrigaud_secrets.errors import ClosedError, ConfigurationError, MissingDependencyError

if TYPE_CHECKING:
    from prometheus_client.registry import CollectorRegistry

MAX_CONNECTIONS: Final = 16
"""Requests under way at a time. One Prometheus and one kubelet need two."""

MAX_REQUEST_BYTES: Final = 16 << 10
"""Request line and headers together; a scrape has less than one KiB. A body is not read."""

REQUEST_TIME: Final = timedelta(seconds=5)
"""For a peer to send its request, and as long again to take the answer."""

CLOSE_TIME: Final = timedelta(seconds=5)
"""How long `close` waits for answers that are under way."""

_POLL_SECONDS: Final = 0.05  # the server's thread looks this often whether it is to end
_MAX_PORT: Final = 65535
_TEXT: Final = "text/plain; charset=utf-8"

_log: Final = logging.getLogger("virtrigaud_secrets.operations")


class HttpEndpoint:
    """Serves metrics and probes from `with`, or `start()`, until it is closed.

    ```python
    with HttpEndpoint(":8080", registry=registry, live=lambda: True, ready=lambda: resolver.health().ready):
        ...
    ```

    `/healthz` and `/readyz` answer 200 where `live` or `ready` says True, 503 where it says False and 500 where it
    raises. Both are called on threads of the server, several at a time.
    """

    def __init__(
        self,
        address: str,
        *,
        registry: CollectorRegistry,
        live: Callable[[], bool],
        ready: Callable[[], bool],
        request_time: timedelta = REQUEST_TIME,
        clock: Clock | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            address: `HOST:PORT`, `[IPv6]:PORT`, or `:PORT` for every address of the machine; port 0 takes a free one.
            registry: what `/metrics` shows.
            live: whether the process does its work.
            ready: whether it can do it now.
            request_time: the time a peer has to send a request, and again to take the answer.
            clock: time; by default the system's.

        Raises:
            ConfigurationError: `address` is none.
            MissingDependencyError: prometheus-client is not installed.
        """
        if importlib.util.find_spec("prometheus_client") is None:
            raise MissingDependencyError("serving metrics", extra="metrics")
        self._wanted: Final = parse_address(address)
        self._site: Final = Site(registry, live, ready)
        self._limit: Final = request_time.total_seconds()
        self._elapsed: Final = reader(clock or SystemClock())
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Where it listens, as `HOST:PORT`.

        Raises:
            ClosedError: it does not.
        """
        if self._server is None:
            raise ClosedError("the HTTP endpoint is not open")
        host, port = self._server.socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def start(self) -> Self:
        """Listen.

        Raises:
            ConfigurationError: the address cannot be had.
        """
        if self._server is not None:
            return self
        self._server = _Server(_listen(*self._wanted), self._site, self._limit, self._elapsed)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="virtrigaud-secrets-http", daemon=True
        )
        self._thread.start()
        return self

    def close(self) -> None:
        """Take no new request and give those under way five seconds. The second call does nothing."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is None or thread is None:
            return
        server.shutdown()
        thread.join()
        server.server_close()
        server.drain(CLOSE_TIME.total_seconds())

    def __enter__(self) -> Self:
        """Listen."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


class Site:
    """What is at which path."""

    def __init__(self, registry: CollectorRegistry, live: Callable[[], bool], ready: Callable[[], bool]) -> None:
        self._registry: Final = registry
        self._probes: Final = {"/healthz": live, "/readyz": ready}

    def answer(self, path: str, accepted: str) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body for a path; `accepted` is the header `Accept`."""
        try:
            if path == "/metrics":
                from prometheus_client.exposition import choose_encoder

                encode, content_type = choose_encoder(accepted)
                return HTTPStatus.OK, content_type, encode(self._registry)
            if path in self._probes:
                good = self._probes[path]()
                status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
                return status, _TEXT, b"ok\n" if good else b"not ok\n"
        except Exception as error:  # noqa: BLE001  # a collector's or probe's own fault must not end the server
            # The text of a foreign error and its traceback may hold anything, so only its type is told.
            _log.error("answering %s failed: %s", path, type(error).__name__)
            return HTTPStatus.INTERNAL_SERVER_ERROR, _TEXT, b"failed\n"
        return HTTPStatus.NOT_FOUND, _TEXT, b"not found\n"


class _Server(socketserver.TCPServer):
    """Accepts on one thread, answers on one thread a connection, on so many at a time."""

    def __init__(self, listening: socket.socket, site: Site, limit: float, elapsed: Callable[[], float]) -> None:
        super().__init__(("", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.site: Final = site
        self.limit: Final = limit
        self.elapsed: Final = elapsed
        self._slots: Final = threading.Semaphore(MAX_CONNECTIONS)

    def process_request(self, request: object, client_address: object) -> None:
        """Answer on a thread. Where all are taken for as long as a request may take, the connection is dropped."""
        del client_address
        connection = cast("socket.socket", request)
        if not self._slots.acquire(timeout=self.limit):
            self.shutdown_request(connection)
            return
        thread = threading.Thread(
            target=self._answer, args=(connection,), name="virtrigaud-secrets-request", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # the machine has no thread left: this one goes unanswered, the server goes on
            self._slots.release()
            self.shutdown_request(connection)

    def _answer(self, connection: socket.socket) -> None:
        try:
            with suppress(OSError):  # the peer went, or was too slow
                _Handler(connection, "", self)
        finally:
            self.shutdown_request(connection)
            self._slots.release()

    def drain(self, seconds: float) -> None:
        """Wait until no request is under way, at most so long."""
        until = self.elapsed() + seconds
        free = [self._slots.acquire(timeout=max(0.0, until - self.elapsed())) for _ in range(MAX_CONNECTIONS)]
        for _ in filter(None, free):
            self._slots.release()


class _Handler(BaseHTTPRequestHandler):
    """One request on one connection: keeping it open would let idle peers hold all slots."""

    default_request_version = "HTTP/1.0"
    """What a request without a version is taken for: HTTP/0.9 has no status to answer with."""

    def setup(self) -> None:
        """Read within bounds, and collect the answer: it leaves in one piece, within one time limit."""
        self._server = cast("_Server", self.server)
        self.connection = cast("socket.socket", self.request)
        self.rfile = io.BufferedReader(_BoundedReader(self.connection, self._server.limit, self._server.elapsed))
        self._collected = io.BytesIO()
        self.wfile = self._collected

    def finish(self) -> None:
        """Send the answer."""
        self.connection.settimeout(self._server.limit)
        self.connection.sendall(self._collected.getvalue())

    def handle(self) -> None:
        """Read and answer one request. A request that is too large before its headers begin is refused here."""
        try:
            self.handle_one_request()
        except http.client.HTTPException:
            self.requestline, self.request_version, self.command = "", "HTTP/1.0", ""
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def do_GET(self) -> None:
        """Answer a GET."""
        status, content_type, body = self._server.site.answer(
            self.path.partition("?")[0], self.headers.get("Accept") or ""
        )
        self._respond(status, content_type, body)

    do_HEAD = do_GET  # noqa: N815  # as above

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer an error. The base class would show the peer what it sent, in HTML."""
        del message, explain
        self._respond(HTTPStatus(code), _TEXT, f"{HTTPStatus(code).phrase.lower()}\n".encode())

    def _respond(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """The header `Server`, without versions."""
        return "virtrigaud-secrets"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
        """Nothing: a request line may hold whatever somebody put into a URL."""


class _BoundedReader(io.RawIOBase):
    """What a peer sends, until the time or the bytes of one request are used up."""

    def __init__(self, connection: socket.socket, seconds: float, elapsed: Callable[[], float]) -> None:
        super().__init__()
        self._connection: Final = connection
        self._elapsed: Final = elapsed
        self._until: Final = elapsed() + seconds
        self._left = MAX_REQUEST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer has no length
        remaining = self._until - self._elapsed()
        if remaining <= 0:
            raise TimeoutError
        if self._left <= 0:
            # What the base class takes for headers that are too large.
            raise http.client.HTTPException
        # The socket's own limit is for each byte that comes; this one is for all of them.
        self._connection.settimeout(remaining)
        count = self._connection.recv_into(buffer, min(len(buffer), self._left))
        self._left -= count
        return count


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`, `[IPv6]:PORT` or `:PORT`; the host is empty for every address.

    Raises:
        ConfigurationError: it is none.
    """
    host, separator, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    good_port = port.isascii() and port.isdigit() and len(port) <= len(str(_MAX_PORT)) and int(port) <= _MAX_PORT
    if not separator or not good_port or (":" in bare) != (bare != host):
        raise ConfigurationError(f"{text!r} is no address to listen at: give HOST:PORT, [IPv6]:PORT or :PORT")
    return bare, int(port)


def _listen(host: str, port: int) -> socket.socket:
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigurationError(f"cannot listen at {host}:{port}: {error.strerror}") from None
