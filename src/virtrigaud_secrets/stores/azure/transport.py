"""The way to a vault and its login servers: whom to trust, where an address really is, how long an answer may take.

The SDK writes the requests; sessions from here carry them, so that nothing is taken from the environment. Knows no
vault, no login and no retries.
"""

from __future__ import annotations

import io
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.stores.azure.errors import AnswerTooLongError
from virtrigaud_secrets.stores.base import StoreContext
from virtrigaud_secrets.stores.selectors import authorities

if TYPE_CHECKING:
    import requests
    from requests.adapters import HTTPAdapter

MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024
"""The most an answer may hold. A secret has at most 25 KB and a page of a list 25 names."""
CONNECTIONS: Final = 10
"""Connections kept for one store: more than requests are sent at the same time."""
_CHUNK: Final = 65536
_AGENT: Final = "virtrigaud-secrets"

_Timeout = float | tuple[float | None, float | None] | None

ResponseHook = Callable[["requests.Response"], None]
"""Sees each answer of a session."""


class Transport:
    """Sessions that share one pool of connections. Safe to use from several threads."""

    def __init__(self, context: StoreContext) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._adapter: HTTPAdapter | None = None

    def session(self, hook: ResponseHook | None = None) -> requests.Session:
        """A session of its own, over the shared connections.

        Raises:
            ConfigurationError: `Settings.ca_file` cannot be used.
        """
        import requests

        adapter = self._shared_adapter()
        session = requests.Session()
        session.trust_env = False
        session.headers.clear()
        session.headers.update({"User-Agent": _AGENT, "Accept": "application/json", "Accept-Encoding": "identity"})
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        if hook is not None:

            def see(response: requests.Response, **_options: object) -> None:
                hook(response)

            session.hooks["response"].append(see)
        return session

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            adapter, self._adapter = self._adapter, None
        if adapter is not None:
            adapter.close()

    def _shared_adapter(self) -> HTTPAdapter:
        with self._lock:
            if self._adapter is None:
                self._adapter = _adapter(self._context)
            return self._adapter


def _adapter(context: StoreContext) -> HTTPAdapter:
    import urllib3
    from requests.adapters import HTTPAdapter

    tls = _tls_context(context)
    clock = context.clock
    longest = context.settings.request_timeout.total_seconds()

    class BoundedAdapter(HTTPAdapter):
        """Connects with our TLS context, and reads the whole answer within the time that is left for it."""

        def init_poolmanager(self, *args: object, **options: object) -> None:
            super().init_poolmanager(*args, ssl_context=tls, **options)  # type: ignore[arg-type]  # passed through

        def cert_verify(self, conn: object, url: object, verify: object, cert: object) -> None:
            """Nothing: the context verifies, and the base class would add its own list of authorities."""

        def send(
            self,
            request: requests.PreparedRequest,
            stream: bool = False,  # noqa: FBT001, FBT002, ARG002  # as the base class has it
            timeout: _Timeout = None,
            verify: bool | str = True,  # noqa: FBT001, FBT002, ARG002  # as above
            cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,  # noqa: ARG002  # as above
            proxies: Mapping[str, str] | None = None,  # noqa: ARG002  # as above
        ) -> requests.Response:
            connect = min(_first(timeout) or longest, longest)
            until = clock.elapsed() + longest
            response = super().send(
                _redirected(request, context),
                stream=True,
                timeout=urllib3.Timeout(connect=connect, total=longest),  # type: ignore[arg-type]  # as documented
            )
            body = _whole(response, until=until, now=clock.elapsed)
            # In the place of the connection, so that whoever reads the answer reads from memory.
            response.raw = urllib3.HTTPResponse(
                body=io.BytesIO(body),
                headers=response.raw.headers,
                status=response.raw.status,
                preload_content=False,
            )
            return response

    return BoundedAdapter(pool_connections=4, pool_maxsize=CONNECTIONS)


def _redirected(request: requests.PreparedRequest, context: StoreContext) -> requests.PreparedRequest:
    """`request`, on its way to the address that the settings put in the place of its own.

    It keeps its `Host`: pages and login servers name their own addresses by it.
    """
    url = request.url or ""
    parts = urlsplit(url)
    # The next page of a list is named with the port, even the usual one.
    host = parts.netloc.removesuffix(":443") if parts.scheme == "https" else parts.netloc
    written = f"{parts.scheme}://{host}"
    instead = context.settings.address(written)
    if instead == written:
        return request
    moved = request.copy()
    moved.url = instead + url[len(f"{parts.scheme}://{parts.netloc}") :]
    moved.headers["Host"] = host
    return moved


def _whole(response: requests.Response, *, until: float, now: Callable[[], float]) -> bytes:
    """The whole answer. The library's own time limit is for each read, not for all of them."""
    chunks: list[bytes] = []
    size = 0
    # Not `iter_content`: it waits for a full chunk, however slowly the bytes come.
    while chunk := response.raw.read1(_CHUNK):
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise AnswerTooLongError
        if now() > until:
            raise TimeoutError
        chunks.append(chunk)
    return b"".join(chunks)


def _first(timeout: _Timeout) -> float | None:
    return timeout[0] if isinstance(timeout, tuple) else timeout


def _tls_context(context: StoreContext) -> ssl.SSLContext:
    # Not ssl.create_default_context: that one writes session keys to a file if the environment says so.
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if trusted := authorities(None, None, context):
        try:
            made.load_verify_locations(cadata=trusted)
        except ssl.SSLError:
            place = f"Settings.ca_file ({context.settings.ca_file})"
            raise ConfigurationError(f"{place} holds no PEM certificate that can be read") from None
        return made
    places = ssl.get_default_verify_paths()
    if places.cafile or places.capath:
        made.load_default_certs()
        return made
    import certifi

    made.load_verify_locations(cafile=certifi.where())
    return made
