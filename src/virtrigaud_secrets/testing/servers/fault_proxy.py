"""Stands between a client and a server that speaks HTTP, and does what a healthy server never does when told to.

It knows no store: requests pass unchanged, but for those that a trouble was ordered for. Whoever needs a name that does
not resolve asks for `UNRESOLVABLE`; a certificate that nobody trusts is that of another proxy or `Authority`.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import struct
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from email.message import Message
from enum import StrEnum
from http import HTTPStatus
from typing import ClassVar, Final, Self, cast
from urllib.parse import urlsplit

from virtrigaud_secrets.testing.servers.certificates import LOOPBACK_NAMES, Authority
from virtrigaud_secrets.testing.servers.http_server import Handler, Listener, LoopbackServer

UNRESOLVABLE: Final = "https://server.invalid"
"""An address whose name resolves nowhere: the domain is reserved for that (RFC 2606)."""
LONGEST_TROUBLE: Final = 30.0
"""Seconds after which a hanging request is let go even if nobody ends the trouble: longer than any client waits."""
UPSTREAM_TIMEOUT: Final = 30
"""Seconds that the real server may take."""
_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "content-length"})
"""Headers that are about one connection; the length is written anew."""
_RESET: Final = struct.pack("ii", 1, 0)
"""The socket option by which closing is a reset."""


class Trouble(StrEnum):
    """What goes wrong with a request."""

    STATUS = "status"
    """An answer with a status, instead of the server's."""
    RESET = "reset"
    """The connection is reset before the answer."""
    HALF = "half"
    """The real answer is announced, half of it is sent, and the connection closed."""
    SLOW = "slow"
    """The real answer comes byte by byte, for as long as the client listens."""
    HANG = "hang"
    """Nothing comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A trouble, and the requests it is for."""

    trouble: Trouble
    """What goes wrong."""
    path: re.Pattern[str] = field(default_factory=lambda: re.compile(""))
    """Found in `METHOD /path` of the requests it is for."""
    delivered: bool = False
    """Whether the real server gets the request first, as where an answer is lost on the way back."""
    status: int = HTTPStatus.SERVICE_UNAVAILABLE
    """For `STATUS`."""
    headers: tuple[tuple[str, str], ...] = ()
    """For `STATUS`: headers such as `Retry-After`."""
    body: bytes = b"{}"
    """For `STATUS`: what is said, as JSON."""
    pause: float = 0.05
    """For `SLOW`: seconds between two bytes."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class FaultProxy(LoopbackServer):
    """A proxy for one server, from `with` to the end of the block. Safe to give orders to from the test's thread."""

    title: ClassVar[str] = "the fault proxy"

    def __init__(
        self,
        upstream: str,
        *,
        upstream_ca: bytes | None = None,
        tls: bool = True,
        names: tuple[str, ...] = LOOPBACK_NAMES,
        authority: Authority | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            upstream: address of the real server, `http://…` or `https://…`.
            upstream_ca: whom to trust for it, PEM; None for what the system trusts.
            tls: whether the proxy itself speaks TLS.
            names: names and addresses in its certificate.
            authority: who issues that; by default one of its own.
        """
        super().__init__(
            (authority or Authority.create("virtrigaud-secrets fault proxy CA")) if tls else None, names=names
        )
        self._upstream: Final = urlsplit(upstream)
        self._upstream_context = ssl.create_default_context(
            cadata=None if upstream_ca is None else upstream_ca.decode()
        )
        self._lock = threading.Lock()
        self._orders: list[tuple[Order, int | None]] = []
        self._seen: list[str] = []
        self._healed = threading.Event()
        self._address = ""

    @property
    def address(self) -> str:
        """Where clients reach it; kept after it stopped listening.

        Raises:
            LocalServerError: it was not started.
        """
        return self._address or super().address

    @property
    def requests(self) -> list[str]:
        """`METHOD /path?query` of every request that came in, whatever became of it."""
        with self._lock:
            return list(self._seen)

    def asked(self, path: str = "") -> int:
        """How many requests came in whose `METHOD /path` the regular expression is found in."""
        return sum(re.search(path, seen) is not None for seen in self.requests)

    def order(
        self,
        trouble: Trouble,
        *,
        path: str = "",
        times: int | None = None,
        delivered: bool = False,
        status: int = HTTPStatus.SERVICE_UNAVAILABLE,
        retry_after: str | None = None,
        body: bytes = b"{}",
    ) -> None:
        """Let something go wrong from the next request on.

        Args:
            trouble: what.
            path: regular expression found in `METHOD /path?query` of the requests it is for.
            times: for how many requests; None for all until `heal`.
            delivered: whether the real server gets the request first. `HALF` and `SLOW` always deliver.
            status: for `STATUS`.
            retry_after: for `STATUS`, the header of that name.
            body: for `STATUS`.
        """
        headers = () if retry_after is None else (("Retry-After", retry_after),)
        order = Order(
            trouble=trouble, path=re.compile(path), delivered=delivered, status=status, headers=headers, body=body
        )
        with self._lock:
            self._healed.clear()
            self._orders.append((order, times))

    def heal(self) -> None:
        """End all troubles, those under way as well."""
        with self._lock:
            self._orders.clear()
            self._healed.set()

    def refuse(self) -> None:
        """Stop listening: connections are refused from now on. There is no way back."""
        self.close()

    def start(self) -> Self:
        """Listen."""
        super().start()
        self._address = super().address
        return self

    def close(self) -> None:
        """Let go whoever waits, and stop listening. The second call does nothing."""
        self.heal()
        super().close()

    def handler(self) -> type[Handler]:
        """One that does what no healthy server does."""
        return _TroublesomeHandler

    def next_order(self, request: str) -> Order | None:
        """Note a request; what is ordered for it. The first order that is for it counts."""
        with self._lock:
            self._seen.append(request)
            for index, (order, left) in enumerate(self._orders):
                if order.path.search(request) is None:
                    continue
                if left is not None:
                    self._orders[index : index + 1] = [(order, left - 1)] if left > 1 else []
                return order
        return None

    def wait(self, seconds: float) -> bool:
        """Wait; whether the trouble is over."""
        return self._healed.wait(seconds)

    def forward(self, method: str, path: str, headers: Message[str, str], body: bytes) -> _Answer:
        """Ask the real server.

        Raises:
            OSError: it cannot be reached.
            http.client.HTTPException: it does not speak HTTP.
        """
        host, port = self._upstream.hostname or "", self._upstream.port
        connection: http.client.HTTPConnection
        if self._upstream.scheme == "https":
            connection = http.client.HTTPSConnection(
                host, port, timeout=UPSTREAM_TIMEOUT, context=self._upstream_context
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=UPSTREAM_TIMEOUT)
        with closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            text = response.read()
        kept = tuple((name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP)
        return _Answer(response.status, kept, text)


class _TroublesomeHandler(Handler):
    timeout: ClassVar[float | None] = None
    """Ends no silent connection: that would be a trouble nobody ordered."""

    def serve(self) -> None:
        proxy = self._proxy()
        # Read even where nobody gets it: closing with unread bytes would be a reset.
        body = self._body()
        order = proxy.next_order(f"{self.command} {self.path}")
        if order is None:
            self._send(self._real(body))
            return
        delivers = order.delivered or order.trouble in {Trouble.HALF, Trouble.SLOW}
        real = self._real(body) if delivers else None
        self._go_wrong(order, real, proxy)

    def _proxy(self) -> FaultProxy:
        return cast("FaultProxy", cast("Listener", self.server).owner)

    def _go_wrong(self, order: Order, real: _Answer | None, proxy: FaultProxy) -> None:
        if order.trouble is Trouble.STATUS:
            headers = (("Content-Type", "application/json"), *order.headers)
            self._send(_Answer(order.status, headers, order.body))
            return
        self.close_connection = True
        if order.trouble is Trouble.RESET:
            self._reset()
        elif order.trouble is Trouble.HANG:
            proxy.wait(LONGEST_TROUBLE)
        elif real is not None:
            self._head(real)
            self.wfile.flush()
            if order.trouble is Trouble.HALF:
                self.wfile.write(real.body[: len(real.body) // 2])
                self.wfile.flush()
            else:
                self._dribble(real.body, order.pause, proxy)

    def _dribble(self, body: bytes, pause: float, proxy: FaultProxy) -> None:
        with suppress(OSError):
            for index in range(len(body)):
                if proxy.wait(pause):
                    return
                self.wfile.write(body[index : index + 1])
                self.wfile.flush()

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        # Below TLS: no goodbye is sent.
        socket.socket(fileno=self.connection.detach()).close()

    def _body(self) -> bytes:
        if (self.headers.get("Transfer-Encoding") or "").lower() == "chunked":
            return self._chunks()
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunks(self) -> bytes:
        parts: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _real(self, body: bytes) -> _Answer:
        try:
            return self._proxy().forward(self.command, self.path, self.headers, body)
        except (OSError, http.client.HTTPException) as error:
            said = f'{{"errors": ["the server behind the proxy: {type(error).__name__}"]}}'
            return _Answer(HTTPStatus.BAD_GATEWAY, (("Content-Type", "application/json"),), said.encode())

    def _send(self, answer: _Answer) -> None:
        self._head(answer)
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _head(self, answer: _Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
