"""Carries requests to Google: connections, trust, time and size limits, addresses of `Settings.endpoints`.

The official client and google-auth send through it, so that nothing is taken from the environment. Knows no secret, no
login and no retry.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from virtrigaud_secrets.errors import ClosedError, ConfigurationError
from virtrigaud_secrets.stores.base import StoreContext
from virtrigaud_secrets.stores.gcp import errors
from virtrigaud_secrets.stores.gcp.errors import Fault, Refusal

if TYPE_CHECKING:
    import requests

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""The most an answer may hold. A value has at most 64 KiB, a page of a listing a few MiB."""
CONNECTIONS: Final = 10
"""Connections kept for each server: more than requests are sent at the same time."""
_CHUNK: Final = 65536
_AGENT: Final = "virtrigaud-secrets"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status."""

    status: int
    """The HTTP status."""
    headers: Mapping[str, str] = field(repr=False)
    """Its headers."""
    body: bytes = field(repr=False)
    """Its body."""


class Wire:
    """The way to Google's servers for one store. Safe to use from several threads, and after a fork."""

    def __init__(self, context: StoreContext) -> None:
        """Nothing is opened yet."""
        self._context = context
        self._limit = context.settings.request_timeout.total_seconds()
        self._lock = threading.Lock()
        self._session: requests.Session | None = None
        self._process = os.getpid()
        self._closed = False

    @property
    def limit(self) -> float:
        """Seconds that one request may take."""
        return self._limit

    @property
    def trust(self) -> str:
        """Which setting says whom to trust, for people."""
        file = self._context.settings.ca_file
        return "the system, as Settings.ca_file names none" if file is None else f"Settings.ca_file ({file})"

    def address(self, url: str) -> str:
        """The address to talk to for `url`: its server may be another by `Settings.endpoints`.

        Raises:
            ConfigurationError: that is no address.
        """
        parts = urlsplit(url)
        server = self._context.settings.address(f"{parts.scheme}://{parts.netloc}")
        found = urlsplit(server)
        if found.scheme not in {"http", "https"} or not found.netloc:
            raise ConfigurationError(f"{self._context.store}: an address must look like https://host:port")
        return server + url[len(f"{parts.scheme}://{parts.netloc}") :]

    def session(self) -> requests.Session:
        """The session that everything goes through.

        Raises:
            ClosedError: `close` was called.
            ConfigurationError: `Settings.ca_file` cannot be used.
        """
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self._context.store} was closed")
            if self._session is None or self._process != os.getpid():
                # After a fork the connections are the parent's: two processes cannot speak on one.
                self._process = os.getpid()
                self._session = _session(self._context)
            return self._session

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        limit: float | None = None,
    ) -> Reply | Fault:
        """One request, without repetition. Only what is no answer at all is a fault.

        Raises:
            ClosedError: `close` was called.
            ConfigurationError: an address or `Settings.ca_file` cannot be used.
        """
        seconds = self._limit if limit is None else min(limit, self._limit)
        address, session = self.address(url), self.session()
        try:
            response = session.request(method, address, headers=dict(headers or {}), data=body, timeout=seconds)
        except Exception as failure:
            fault = errors.of_exception(failure, path=url, timeout=seconds, trust=self.trust)
            if fault is None:
                raise
            return fault
        return Reply(response.status_code, response.headers, response.content)

    def trouble(self, reply: Reply, url: str) -> Fault | None:
        """The fault of an answer that is about the server rather than the request."""
        wait = errors.retry_after(reply.headers.get("Retry-After"), self._context.clock.now)
        return errors.of_trouble(reply.status, path=url, retry_after=wait)

    @staticmethod
    def refusal(reply: Reply) -> Refusal:
        """What an answer with an error says."""
        return Refusal.read(reply.status, reply.body)

    def close(self) -> None:
        """Close the connections. The second call does nothing."""
        with self._lock:
            self._closed = True
            session, self._session = self._session, None
        if session is not None and self._process == os.getpid():
            session.close()


def _session(context: StoreContext) -> requests.Session:
    import requests
    import urllib3
    from requests.adapters import HTTPAdapter

    tls, clock = tls_context(context), context.clock

    class PinnedAdapter(HTTPAdapter):
        """Connects with our TLS context. The library's own would add its list of authorities."""

        def init_poolmanager(self, *args: object, **options: object) -> None:
            super().init_poolmanager(*args, ssl_context=tls, **options)  # type: ignore[arg-type]  # passed through

        def cert_verify(self, conn: object, url: object, verify: object, cert: object) -> None:
            pass

    class BoundedSession(requests.Session):
        """Ends a request when its time is up: the library's limit is for each read, not for all of them."""

        def request(self, method: str, url: str, **options: object) -> requests.Response:  # type: ignore[override]  # by name
            seconds = options.pop("timeout", None)
            limit = float(seconds) if isinstance(seconds, (int, float)) else context.settings.request_timeout.seconds
            until = clock.elapsed() + limit
            bounds = {"timeout": urllib3.Timeout(total=limit), "stream": True, "allow_redirects": False}
            response = super().request(method, url, **(options | bounds))  # type: ignore[arg-type]  # passed through
            with response:
                response._content = _read(response, until)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # its own place for it
            return response

    def _read(response: requests.Response, until: float) -> bytes:
        chunks: list[bytes] = []
        size = 0
        # Not `iter_content`: it waits for a full chunk, however slowly the bytes come.
        while chunk := response.raw.read1(_CHUNK):
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise requests.exceptions.ContentDecodingError
            if clock.elapsed() > until:
                raise requests.exceptions.ReadTimeout
            chunks.append(chunk)
        return b"".join(chunks)

    session = BoundedSession()
    session.trust_env = False
    session.headers.clear()
    session.headers.update({"User-Agent": _AGENT, "Accept": "application/json", "Accept-Encoding": "identity"})
    session.mount("https://", PinnedAdapter(pool_connections=4, pool_maxsize=CONNECTIONS))
    session.mount("http://", HTTPAdapter(pool_connections=2, pool_maxsize=CONNECTIONS))
    return session


def tls_context(context: StoreContext) -> ssl.SSLContext:
    """Trust exactly `Settings.ca_file`, or the system where it is not set; TLS 1.2 or newer.

    Raises:
        ConfigurationError: the file cannot be read, or holds no certificate.
    """
    # Not ssl.create_default_context: that one writes session keys to a file if the environment says so.
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    file = context.settings.ca_file
    if file is None:
        _load_system(made)
        return made
    try:
        made.load_verify_locations(cadata=file.read_bytes().decode("ascii"))
    except OSError as error:
        why = error.strerror or "no PEM certificate in it"
    except ValueError:
        why = "no PEM certificate in it"
    else:
        return made
    raise ConfigurationError(f"Settings.ca_file ({file}) cannot be used: {why}")


def _load_system(made: ssl.SSLContext) -> None:
    places = ssl.get_default_verify_paths()
    if places.cafile or places.capath:
        made.load_default_certs()
        return
    import certifi

    made.load_verify_locations(cafile=certifi.where())
