"""Stands in for the one endpoint of a cluster that a Vault server asks when a pod logs in: TokenReview, over TLS.

It is not a cluster, and no cluster runs behind it. What it answers is real: a token counts only if it was signed by
this stand-in's own key, has not expired and is meant for the audience asked about, and only a reviewer may ask. Who
has a cluster points the server's Kubernetes login at it instead.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self, cast

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers.certificates import Authority, server_context
from virtrigaud_secrets.testing.servers.service_account_tokens import (
    ISSUER,
    TOKEN_LIFE,
    InvalidTokenError,
    ServiceAccount,
    TokenSigner,
)

PATH: Final = "/apis/authentication.k8s.io/v1/tokenreviews"
"""The one path it answers."""
REVIEWER: Final = ServiceAccount("token-reviewer", "virtrigaud-system")
"""The one account that may ask, as the role `system:auth-delegator` would allow it."""
LONGEST_BODY: Final = 64 * 1024
"""A review holds one token of a kilobyte or two."""
IDLE_TIMEOUT: Final = 60
"""Seconds that a connection may be silent."""


class TokenReviewServer:
    """The endpoint, from `with` to the end of the block, and the accounts' tokens that it knows."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._signer: Final = TokenSigner(clock=clock)
        self._authority: Final = Authority.create("virtrigaud-secrets cluster stand-in CA")
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Where it listens, as `kubernetes_host` of a login method wants it.

        Raises:
            LocalServerError: it was not started.
        """
        if self._server is None:
            raise LocalServerError("the TokenReview stand-in is not running: use it in a with block")
        return f"https://127.0.0.1:{self._server.server_address[1]}"

    @property
    def ca_pem(self) -> bytes:
        """The authority to trust for it."""
        return self._authority.pem

    @property
    def reviewer_token(self) -> Sensitive:
        """A token that allows to ask."""
        return self._signer.sign(REVIEWER, life=timedelta(days=1))

    def token(
        self, name: str, namespace: str, *, audiences: Sequence[str] = (ISSUER,), life: timedelta = TOKEN_LIFE
    ) -> Sensitive:
        """A token of a service account, as the kubelet would project it into a pod."""
        return self._signer.sign(ServiceAccount(name, namespace), audiences=audiences, life=life)

    def fail_with(self, status: HTTPStatus | None) -> None:
        """Answer everything with this status, as a cluster in trouble does; None ends the trouble."""
        if self._server is not None:
            self._server.trouble = status

    def start(self) -> Self:
        """Listen."""
        issued = self._authority.issue()
        self._server = _Server(self._signer, server_context(issued.certificate, issued.key))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="token-review", daemon=True
        )
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop listening. The second call does nothing."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, signer: TokenSigner, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.signer = signer
        self.trouble: HTTPStatus | None = None
        # The handshake waits for the thread of its connection, so that a silent client holds up nobody else.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing is printed: a client that goes away or distrusts the certificate is the client's business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Otherwise the answer's second segment waits 40 ms for the client's delayed acknowledgement."""
    wbufsize = -1
    timeout = IDLE_TIMEOUT

    def do_POST(self) -> None:  # the base class finds it by this name
        """Answer a review."""
        server = cast("_Server", self.server)
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 < length <= LONGEST_BODY:
            self.close_connection = True
            self._answer(HTTPStatus.BAD_REQUEST, _status("body missing or too long"))
            return
        body = self.rfile.read(length)
        if server.trouble is not None:
            self._answer(server.trouble, _status("in trouble"))
        elif self.path != PATH:
            self._answer(HTTPStatus.NOT_FOUND, _status("only TokenReview is answered here"))
        else:
            self._answer(*_review(server.signer, self.headers.get("Authorization") or "", body))

    def _answer(self, status: HTTPStatus, content: Mapping[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
        """Nothing is logged."""


def _review(signer: TokenSigner, authorization: str, body: bytes) -> tuple[HTTPStatus, Mapping[str, object]]:
    scheme, _, credential = authorization.partition(" ")
    try:
        caller, _ = signer.check(Sensitive(credential))
    except InvalidTokenError:
        return HTTPStatus.UNAUTHORIZED, _status("Unauthorized")
    if scheme != "Bearer" or caller != REVIEWER:
        return HTTPStatus.FORBIDDEN, _status(f"{caller.username} may not create tokenreviews")
    try:
        spec = cast("dict[str, dict[str, object]]", json.loads(body)).get("spec") or {}
        audiences = [str(name) for name in cast("list[object]", spec.get("audiences") or [])]
        token = Sensitive(str(spec["token"]))
    except (ValueError, KeyError, AttributeError, TypeError):
        return HTTPStatus.BAD_REQUEST, _status("not a TokenReview")
    return HTTPStatus.CREATED, {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "metadata": {},
        "status": _verdict(signer, token, audiences),
    }


def _verdict(signer: TokenSigner, token: Sensitive, audiences: Sequence[str]) -> Mapping[str, object]:
    try:
        account, shared = signer.check(token, audiences=audiences)
    except InvalidTokenError as error:
        return {"authenticated": False, "error": str(error), "user": {}}
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{account.namespace}", "system:authenticated"]
    return {
        "authenticated": True,
        "user": {"username": account.username, "uid": account.uid, "groups": groups},
        "audiences": list(shared),
    }


def _status(message: str) -> Mapping[str, object]:
    return {"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "message": message}
