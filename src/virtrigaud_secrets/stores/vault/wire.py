"""The HTTP connections under hvac: it writes requests for a session of requests, and this answers in its place.

Straight to urllib3's pool of the one server: no environment, no cookies, no redirects, no hooks to go through for each
request. Whom to trust is the matter of `trust`, what an answer means that of `transport` and `errors`.
"""

from __future__ import annotations

import json as json_text
import ssl
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    import urllib3
    from urllib3.response import BaseHTTPResponse

CONNECTIONS: Final = 10
"""Connections kept for one server: more than requests are sent at the same time."""
MAX_SERVERS: Final = 4
"""Servers that connections are kept for: the store's own, and the few that may become its active node."""
_AGENT: Final = "virtrigaud-secrets"


@dataclass(frozen=True, slots=True)
class WireResponse:
    """An answer whose body was not read yet, with the names that hvac and requests have for its parts."""

    raw: BaseHTTPResponse
    """urllib3's own."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        return self.raw.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, whatever their case."""
        return self.raw.headers

    @property
    def ok(self) -> bool:
        """What hvac asks before it would raise an error of its own."""
        return self.raw.status < HTTPStatus.BAD_REQUEST

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the connection back; where the body was not read to its end, close it."""
        if kind is not None or not self.raw.closed:
            self.raw.close()
        self.raw.release_conn()


class WireSession:
    """What hvac takes for a session of requests. Safe to use from several threads."""

    verify = None
    """hvac asks for it; trust is the context's."""
    cert = None
    """As above."""
    proxies = None
    """As above: none are used."""

    def __init__(self, tls: ssl.SSLContext, headers: Mapping[str, str]) -> None:
        """Nothing is opened yet.

        Args:
            tls: for `https` addresses.
            headers: sent with every request.
        """
        self._tls: Final = tls
        self._headers: Final = {
            "User-Agent": _AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            **headers,
        }
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, str], urllib3.HTTPConnectionPool] = {}

    def request(  # hvac calls it with the arguments of requests
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout: urllib3.Timeout,
        params: Iterable[tuple[str, str]] = (),
        json: object = None,
        **_others: object,
    ) -> WireResponse:
        """Send one request, and return as soon as status and headers of the answer are there.

        `json` is a value, or bytes that are JSON already.

        Raises:
            urllib3.exceptions.HTTPError: as urllib3 has it, never inside a MaxRetryError.
        """
        parts = urlsplit(url)
        query = urlencode(tuple(params))
        body = None
        sent = {**self._headers, **headers}
        if json is not None:
            body = json if isinstance(json, bytes) else json_text.dumps(json).encode()
            sent["Content-Type"] = "application/json"
        answer = self.pool(parts.scheme, parts.netloc).urlopen(
            method.upper(),
            f"{parts.path}?{query}" if query else parts.path,
            body=body,
            headers=sent,
            retries=False,
            redirect=False,
            timeout=timeout,
            preload_content=False,
            decode_content=False,
        )
        return WireResponse(answer)

    def pool(self, scheme: str, host: str) -> urllib3.HTTPConnectionPool:
        """The connections to one server."""
        pool = self._pools.get((scheme, host))
        if pool is not None:
            return pool
        with self._lock:
            pool = self._pools.get((scheme, host)) or self._new_pool(scheme, host)
            self._pools[scheme, host] = pool
            while len(self._pools) > MAX_SERVERS:
                self._pools.pop(next(iter(self._pools))).close()
        return pool

    def close(self) -> None:
        """Close the connections. Those in use are closed when they are given back."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def _new_pool(self, scheme: str, host: str) -> urllib3.HTTPConnectionPool:
        import urllib3

        parts = urlsplit(f"{scheme}://{host}")
        name = parts.hostname or ""
        if ":" in name:
            name = f"[{name}]"
        if scheme == "https":
            return urllib3.HTTPSConnectionPool(name, parts.port, maxsize=CONNECTIONS, ssl_context=self._tls)
        return urllib3.HTTPConnectionPool(name, parts.port, maxsize=CONNECTIONS)
