"""Sends one request to a webhook: trust, time, size, redirects, and what a status means. Knows no templates.

Nothing is taken from the environment. Outcomes are returned and raised at the very end: urllib3's own errors show the
URL, which may hold a secret.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    SecretNotFoundError,
    StoreError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores import selectors
from virtrigaud_secrets.stores.base import StoreContext
from virtrigaud_secrets.stores.webhook.ntlm import Handshake, Login
from virtrigaud_secrets.stores.webhook.request import Request

if TYPE_CHECKING:
    import urllib3

    from virtrigaud_secrets.models.backends.webhook import WebhookProvider

MAX_ANSWER_BYTES: Final = 4 << 20
"""The most an answer may hold: a Kubernetes Secret takes a quarter of it."""
MAX_REDIRECTS: Final = 3
"""A server has its own paths in order after as many."""
CONNECTIONS: Final = 8
"""Connections kept for one server: more than requests are sent at the same time."""

_CHUNK: Final = 65536
_FAULTS: Final = HTTPStatus.BAD_REQUEST
"""Statuses from here on are faults."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_AGENT: Final = "virtrigaud-secrets"


class Transport:
    """The way to the servers of one store. Safe to use from several threads."""

    def __init__(self, spec: WebhookProvider, context: StoreContext) -> None:
        """Nothing is sent and nothing is read yet."""
        self._spec = spec
        self._context = context
        self._clock = context.clock
        limit = context.settings.request_timeout
        if spec.timeout is not None and spec.timeout.nanoseconds > 0:
            limit = min(limit, spec.timeout.timedelta)
        self._limit = limit.total_seconds()
        self._lock = threading.Lock()
        self._pools: urllib3.PoolManager | None = None
        self._tls: ssl.SSLContext | None = None

    def send(self, request: Request, login: Login | None = None) -> Reply:
        """The answer. With a `login`, on a connection of its own that was logged in by NTLM.

        Raises:
            StoreError: no answer, or none of success.
            ConfigurationError: the URL is none, or an authority cannot be found or used.
        """
        pools = self._opened()
        url = _overridden(request.url, self._context)
        if url is None:
            raise ConfigurationError(
                f"{self._context.store}: url is no http:// or https:// address once it is rendered"
            )
        outcome = self._exchange(pools, request, url) if login is None else self._logged_in(login, request, url)
        if isinstance(outcome, StoreError):
            outcome.path = request.shown
            if outcome.acted:
                outcome.acted = not request.repeatable
                outcome.reason += "" if request.repeatable else "; the server may have acted all the same"
            raise outcome
        return outcome

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            pools, self._pools = self._pools, None
        if pools is not None:
            pools.clear()

    def _opened(self) -> urllib3.PoolManager:
        import urllib3

        # Held over the reading of caProvider: nobody can go on without it.
        with self._lock:
            if self._pools is None:
                self._tls = _tls_context(self._spec, self._context)
                self._pools = urllib3.PoolManager(ssl_context=self._tls, retries=False, maxsize=CONNECTIONS)
            return self._pools

    def _logged_in(self, login: Login, request: Request, url: Sensitive) -> Reply | StoreError:
        """The same after a login. NTLM logs a connection in, so nobody else may have it: one, for this request only."""
        import urllib3

        until = self._clock.elapsed() + self._limit
        handshake = Handshake(login)
        with urllib3.PoolManager(ssl_context=self._tls, retries=False, maxsize=1, block=True) as pools:
            # Without the body, as the server acts on nothing before the login: what is not asked for is not sent.
            asking = replace(request, body=Sensitive(b""), headers=_with(request, handshake.first()))
            first = self._asked(pools, asking, url, until)
            if isinstance(first, StoreError):
                return first
            if first.status != HTTPStatus.UNAUTHORIZED:
                return _refusal(first.status, first.headers, request) if first.status >= _FAULTS else _not_asked_for()
            answer = handshake.second(first.headers.getlist("WWW-Authenticate"))
            if answer is None:
                return _not_asked_for()
            outcome = self._ask(pools, replace(request, headers=_with(request, answer)), url, until)
        if isinstance(outcome, _Elsewhere):
            return InvalidRequestError("the server sends the request elsewhere, and a login by NTLM does not go along")
        return outcome

    def _exchange(self, pools: urllib3.PoolManager, request: Request, url: Sensitive) -> Reply | StoreError:
        until = self._clock.elapsed() + self._limit
        for _ in range(MAX_REDIRECTS + 1):
            outcome = self._ask(pools, request, url, until)
            if not isinstance(outcome, _Elsewhere):
                return outcome
            if not request.repeatable or not _same_origin(url, outcome.url):
                return InvalidRequestError("the server sends the request elsewhere, and secrets do not go along")
            url = outcome.url
        return InvalidRequestError(f"the server redirects more than {MAX_REDIRECTS} times")

    def _ask(
        self, pools: urllib3.PoolManager, request: Request, url: Sensitive, until: float
    ) -> Reply | StoreError | _Elsewhere:
        import urllib3

        response = self._sent(pools, request, url, until)
        if isinstance(response, StoreError):
            return response
        try:
            return self._answer(response, request, url, until)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return _unusable(error)

    def _asked(
        self, pools: urllib3.PoolManager, request: Request, url: Sensitive, until: float
    ) -> urllib3.BaseHTTPResponse | StoreError:
        """An answer that is read and thrown away, so that its connection takes the next request."""
        import urllib3

        response = self._sent(pools, request, url, until)
        if isinstance(response, StoreError):
            return response
        try:
            body = self._body(response, until)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return _unusable(error)
        response.release_conn()
        return StoreUnavailableError(body) if isinstance(body, str) else response

    def _sent(
        self, pools: urllib3.PoolManager, request: Request, url: Sensitive, until: float
    ) -> urllib3.BaseHTTPResponse | StoreError:
        """An answer whose body was not read yet."""
        import urllib3

        left = until - self._clock.elapsed()
        if left <= 0:
            return StoreUnavailableError("it took too long")
        try:
            return pools.request(
                request.method,
                url.reveal_text(),
                body=request.body.reveal() or None,
                # http.client writes Latin-1, so that these are the bytes that were rendered.
                headers={"User-Agent": _AGENT}
                | {name: value.reveal().decode("latin-1") for name, value in request.headers.items()},
                timeout=urllib3.Timeout(total=left),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return _unusable(error)

    def _answer(
        self, response: urllib3.BaseHTTPResponse, request: Request, url: Sensitive, until: float
    ) -> Reply | StoreError | _Elsewhere:
        status = response.status
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            body = self._body(response, until)
            if isinstance(body, Sensitive):
                response.release_conn()
                return Reply(status, body)
            response.close()
            return _left_open(StoreUnavailableError(body))
        response.close()
        location = response.headers.get("Location")
        if status in _REDIRECTS and location:
            return _Elsewhere(Sensitive(urljoin(url.reveal_text(), location)))
        return _refusal(status, response.headers, request)

    def _body(self, response: urllib3.BaseHTTPResponse, until: float) -> Sensitive | str:
        """All of the body; text for why it is not to be had."""
        parts: list[bytes] = []
        size = 0
        # Not `stream`: it waits for a full chunk, however slowly the bytes come.
        while part := response.read1(_CHUNK, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                return f"the answer is larger than {MAX_ANSWER_BYTES} bytes"
            if self._clock.elapsed() > until:
                return "it took too long"
        return Sensitive(b"".join(parts))


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of success."""

    status: int
    """Its status."""
    body: Sensitive
    """All of its body."""


class _Elsewhere:
    """Where a redirect leads."""

    def __init__(self, url: Sensitive) -> None:
        self.url = url


def _with(request: Request, authorization: Sensitive) -> dict[str, Sensitive]:
    kept = {name: value for name, value in request.headers.items() if name.lower() != "authorization"}
    return kept | {"Authorization": authorization}


def _not_asked_for() -> AuthenticationError:
    return AuthenticationError("the server does not ask for a login by NTLM, which auth.ntlm says it does")


def _overridden(url: Sensitive, context: StoreContext) -> Sensitive | None:
    """The URL, at the address that the settings have instead; None where it is none."""
    origin = _origin(url)
    if not origin:
        return None
    text = url.reveal_text()
    start = text.partition("://")[2]
    end = next((index for index, character in enumerate(start) if character in "/?#"), len(start))
    instead = context.settings.address(origin)
    return url if instead == origin else Sensitive(instead + start[end:])


def _origin(url: Sensitive) -> str:
    """Scheme, host and port of a URL; empty where it is none. Credentials are left out."""
    try:
        text = url.reveal_text()
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not host or any(ord(character) < ord(" ") for character in text):
        return ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}"


def _same_origin(one: Sensitive, other: Sensitive) -> bool:
    return bool(_origin(one)) and _origin(one) == _origin(other)


def _refusal(status: int, headers: Mapping[str, str], request: Request) -> StoreError:  # noqa: PLR0911  # a table of statuses
    match status:
        case HTTPStatus.NOT_FOUND:
            return SecretNotFoundError("the server has no such secret", status=status)
        case HTTPStatus.UNAUTHORIZED:
            return AuthenticationError("the server does not accept our credentials", status=status)
        case HTTPStatus.FORBIDDEN:
            return AccessDeniedError("the server refuses it to us", capability=request.capability, status=status)
        case HTTPStatus.TOO_MANY_REQUESTS:
            text = headers.get("Retry-After", "")
            wait = float(text) if text.isascii() and text.isdigit() else None
            return ThrottledError("the server asks to slow down", status=status, retry_after=wait)
        case HTTPStatus.NOT_MODIFIED:
            return InvalidRequestError("the server says that nothing was modified, and sends nothing", status=status)
        case HTTPStatus.CONFLICT | HTTPStatus.PRECONDITION_FAILED if not request.repeatable:
            return ConflictError("the server says that somebody else changed it meanwhile", status=status)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return _left_open(StoreUnavailableError("the server failed", status=status))
        case _:
            return InvalidRequestError("the server calls it a wrong request", status=status)


def _unusable(error: Exception) -> StoreUnavailableError:
    failure = StoreUnavailableError(f"no usable answer: {_reason(error)}")
    # Waiting does not mend trust.
    failure.retryable = not _distrusted(error)
    return failure if _unsent(error) else _left_open(failure)


def _unsent(error: Exception) -> bool:
    """Whether the connection failed before the request could be sent."""
    import urllib3.exceptions as faults

    kinds = (faults.NewConnectionError, faults.ConnectTimeoutError, faults.LocationParseError)
    return isinstance(error, kinds) or _distrusted(error)


def _left_open(error: StoreUnavailableError) -> StoreUnavailableError:
    """`error`, of a request that may have been carried out."""
    error.acted = True
    return error


def _distrusted(error: BaseException) -> bool:
    """Whether the server's certificate is the fault: urllib3 keeps what OpenSSL said among its arguments."""
    parts = (*error.args, error.__cause__, error.__context__)
    return isinstance(error, ssl.SSLCertVerificationError) or any(
        isinstance(part, ssl.SSLCertVerificationError) for part in parts
    )


def _reason(error: Exception) -> str:
    """What went wrong on the way, without the error's text."""
    import urllib3.exceptions as faults

    # The special before the general: they inherit from each other.
    reasons: tuple[tuple[type[Exception], str], ...] = (
        (faults.SSLError, "its certificate is not trusted, or TLS failed"),
        (faults.NameResolutionError, "its name cannot be resolved"),
        (faults.NewConnectionError, "it cannot be reached"),
        (faults.ConnectTimeoutError, "connecting took too long"),
        (faults.TimeoutError, "it took too long"),
        (faults.LocationParseError, "the address cannot be used"),
        (faults.DecodeError, "its compression is broken"),
    )
    return next((text for kind, text in reasons if isinstance(error, kind)), "the connection broke")


def _tls_context(spec: WebhookProvider, context: StoreContext) -> ssl.SSLContext:
    # Not ssl.create_default_context: that one writes session keys to a file if the environment says so.
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    # As Go has it: an intermediate authority in the bundle is trusted by itself.
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    authorities = selectors.authorities(spec.ca_bundle, spec.ca_provider, context)
    if not authorities:
        made.load_default_certs()
        return made
    try:
        made.load_verify_locations(cadata=authorities)
    except (ssl.SSLError, ValueError):
        raise ConfigurationError(f"{context.store}: the certificate authority cannot be read") from None
    return made
