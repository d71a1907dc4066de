"""Google Secret Manager over HTTPS on loopback, with the login endpoints that Google's libraries ask on the way.

It follows the REST API: names, `latest`, states of versions, filters, pages, checksums, errors. What is kept is in
`secret_manager_store`, who may ask in `google_identity`; here is the server, and the trouble it can be in.

```python
with SecretManager() as google:
    google.secrets.add("my-project", "database", '{"password": "…"}')
    settings = Settings(endpoints=google.endpoints(), ca_file=google.write_ca(tmp_path))
```
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Final, Self, cast
from urllib.parse import parse_qs, unquote, urlsplit

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers.certificates import Authority, IssuedCertificate, server_context
from virtrigaud_secrets.testing.servers.google_identity import Answer, GoogleIdentity, Verifier, error
from virtrigaud_secrets.testing.servers.secret_manager_store import SecretManagerStore

LONGEST_BODY: Final = 256 * 1024
"""No request of a login is longer."""
IDLE_TIMEOUT: Final = 60
"""Seconds that a connection may be silent."""

_HOSTS: Final = (
    "https://secretmanager.googleapis.com",
    "https://oauth2.googleapis.com",
    "https://sts.googleapis.com",
    "https://iamcredentials.googleapis.com",
    "http://metadata.google.internal",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was received."""

    method: str
    """`GET` or `POST`."""
    path: str
    """Its path, without the query."""
    caller: str
    """Whose access token it carried, empty where none."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is answered instead."""

    status: HTTPStatus
    """The status."""
    retry_after: str = ""
    """The header `Retry-After`, empty for none."""
    body: bytes | None = None
    """The body; None for an error as Google writes it."""


class SecretManager:
    """The server, from `with` to the end of the block."""

    def __init__(self, *, clock: Clock | None = None, verify: Verifier | None = None) -> None:
        """A Google without secrets.

        Args:
            clock: time; by default the system's.
            verify: tells whose a Kubernetes token is, where it is not one of `identity.kubernetes_token`.
        """
        self.secrets: Final = SecretManagerStore(clock=clock)
        """What it keeps."""
        self.identity: Final = GoogleIdentity(clock=clock, verify=verify)
        """Whom it knows."""
        self._authority: Final = Authority.create("virtrigaud-secrets Google stand-in CA")
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._lock: Final = threading.Lock()
        self._asked: list[Asked] = []
        self._troubles: list[Trouble] = []

    @property
    def address(self) -> str:
        """Where it listens.

        Raises:
            LocalServerError: it was not started.
        """
        if self._server is None:
            raise LocalServerError("the Secret Manager stand-in is not running: use it in a with block")
        return f"https://127.0.0.1:{self._server.server_address[1]}"

    @property
    def ca_pem(self) -> bytes:
        """The authority to trust for it."""
        return self._authority.pem

    @property
    def asked(self) -> tuple[Asked, ...]:
        """Every request since the start, those in trouble included."""
        with self._lock:
            return tuple(self._asked)

    def asked_for_secrets(self) -> list[str]:
        """Paths of the requests that went to Secret Manager itself, in order."""
        return [one.path for one in self.asked if one.path.startswith("/v1/projects/") and one.method == "GET"]

    def endpoints(self, *locations: str) -> dict[str, str]:
        """`Settings.endpoints` that lead here what would go to Google, regional endpoints of `locations` included."""
        regional = [f"https://secretmanager.{location}.rep.googleapis.com" for location in locations]
        return dict.fromkeys([*_HOSTS, *regional], self.address)

    def write_ca(self, directory: Path) -> Path:
        """`Settings.ca_file` for it."""
        file = directory / "google-ca.pem"
        file.write_bytes(self.ca_pem)
        return file

    def fail_next(
        self, status: HTTPStatus, *, times: int = 1, retry_after: str = "", body: bytes | None = None
    ) -> None:
        """Answer the next requests to Secret Manager itself with this status."""
        with self._lock:
            self._troubles += [Trouble(status, retry_after, body)] * times

    def issue(self) -> IssuedCertificate:
        """A certificate of its authority for another server on loopback."""
        return self._authority.issue()

    def start(self) -> Self:
        """Listen."""
        issued = self.issue()
        self._server = _Server(self, server_context(issued.certificate, issued.key))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="secret-manager", daemon=True
        )
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop listening. The second call does nothing."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.hang_up()
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

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Answer, Trouble | None]:
        """The answer to a request, and the trouble it stands for."""
        parts = urlsplit(target)
        path, query = unquote(parts.path), {name: values[0] for name, values in parse_qs(parts.query).items()}
        caller = self.identity.caller(headers.get("Authorization") or "")
        with self._lock:
            self._asked.append(Asked(method, path, caller or ""))
        login = self.identity.answer(method, path, headers, body)
        if login is not None:
            return login, None
        with self._lock:
            trouble = self._troubles.pop(0) if self._troubles else None
        if trouble is not None:
            return error(trouble.status, "UNAVAILABLE", "in trouble"), trouble
        if caller is None:
            message = "Request had invalid authentication credentials."
            return error(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED", message), None
        return self.secrets.answer(method, path.removeprefix("/v1/"), query), None


Connection = socket.socket | tuple[bytes, socket.socket]
"""What the base class takes for one; here it is always the first."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: SecretManager, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner = owner
        self._open: set[socket.socket] = set()
        # The handshake waits for the thread of its connection, so that a silent client holds up nobody else.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def process_request(self, request: Connection, client_address: tuple[str, int]) -> None:
        """Remember the connection: clients keep theirs open."""
        self._open.add(cast("socket.socket", request))
        super().process_request(request, client_address)

    def shutdown_request(self, request: Connection) -> None:
        """Forget it."""
        self._open.discard(cast("socket.socket", request))
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End what clients keep open."""
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing is printed: a client that goes away or distrusts the certificate is the client's business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Otherwise the answer's second segment waits 40 ms for the client's delayed acknowledgement."""
    wbufsize = -1
    timeout = IDLE_TIMEOUT

    def do_GET(self) -> None:  # the base class finds it by this name
        """Answer a question."""
        self._respond(b"")

    def do_POST(self) -> None:  # the base class finds it by this name
        """Answer a login."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > LONGEST_BODY:
            self.close_connection = True
            length = 0
        self._respond(self.rfile.read(length))

    def _respond(self, body: bytes) -> None:
        owner = cast("_Server", self.server).owner
        headers = {name.title(): value for name, value in self.headers.items()}
        (status, content), trouble = owner.answer(self.command, self.path, headers, body)
        text = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        if trouble is not None and trouble.body is not None:
            text = trouble.body
        self.send_response(status)
        self.send_header("Content-Type", "application/text" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(text)))
        if trouble is not None and trouble.retry_after:
            self.send_header("Retry-After", trouble.retry_after)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
        """Nothing is logged."""
