"""Sends requests to one server: headers, time limits, the one place for retries. Knows no engine and no login.

hvac writes the request; the session below it is ours (`wire`), so that nothing is taken from the environment and trust
is exactly what `trust` says. Outcomes are returned, not raised: a traceback from here could show a value.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

from virtrigaud_secrets.errors import ConfigurationError, InvalidRequestError, StoreError, StoreUnavailableError
from virtrigaud_secrets.golang import encoding_json
from virtrigaud_secrets.golang.encoding_json import Decoded
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import StoreContext, at_store
from virtrigaud_secrets.stores.retrying import repeat_faults
from virtrigaud_secrets.stores.vault import errors, trust
from virtrigaud_secrets.stores.vault.errors import Fault
from virtrigaud_secrets.stores.vault.paths import url_path
from virtrigaud_secrets.stores.vault.wire import WireResponse, WireSession

if TYPE_CHECKING:
    import requests

    from virtrigaud_secrets.models.backends.vault import VaultProvider

RETRY_WAIT: Final = (1.0, 1.5)
"""Seconds before a repetition, at least and at most: the default of Vault's own client, and so of ESO (ESO §2.10)."""
MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""The most an answer may hold: the server's own default limit for what can be written."""
MAX_REDIRECTS: Final = 1
"""A standby server sends to the active one; nobody has a reason to send further."""
MAX_AGE: Final = 10 * 365 * 24 * 3600
"""Seconds that are believed of a cache: ten years."""
_CHUNK: Final = 65536
_REDIRECTS: Final = frozenset({HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to the server."""

    method: str
    """`GET`, `LIST`, `POST`, `PUT` or `DELETE`."""
    path: str
    """Path below `/v1/`, not yet quoted."""
    query: tuple[tuple[str, str], ...] = ()
    """Query parameters."""
    body: Mapping[str, object] | None = field(default=None, repr=False)
    """JSON object to send. A `Sensitive` in it is revealed on the way out."""
    text: Sensitive | None = None
    """JSON text to send as it is, in place of `body`."""
    repeatable: bool = False
    """Whether it does no harm to send it twice."""
    namespace: str | None = None
    """Vault namespace, None for the store's own."""
    fresh: bool = False
    """Whether an answer from a cache on the way, such as that of a proxy, would be of no use."""

    @property
    def capability(self) -> str:
        """What a policy has to grant for it."""
        return {"GET": "read", "LIST": "list", "DELETE": "delete"}.get(self.method, "update")


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer."""

    body: Mapping[str, Decoded] = field(repr=False)
    """Its JSON, numbers as they were written; empty where there was none."""
    sent_at: datetime
    """Wall time before the request was sent, or of an answer from a cache, before it was made."""
    sent: float
    """The same on the clock that never steps."""
    cached: bool = False
    """Whether it came from a cache on the way: others have it too."""

    @property
    def request_id(self) -> str:
        """The server's identifier of the request."""
        return errors.text_of(self.body, "request_id")


class Transport:
    """The way to one server. Safe to use from several threads."""

    def __init__(self, spec: VaultProvider, context: StoreContext) -> None:
        """Nothing is sent and nothing is read yet.

        Raises:
            ConfigurationError: the server's address is none, or `caBundle` holds no certificate.
        """
        self._spec = spec
        self._context = context
        self._clock = context.clock
        self._limit = context.settings.request_timeout.total_seconds()
        self._address = context.settings.address(spec.server)
        if urlsplit(self._address).scheme not in {"http", "https"} or not urlsplit(self._address).netloc:
            raise ConfigurationError(
                f"{context.store}: server must be an address such as https://vault.example.com:8200"
            )
        trust.check_bundle(spec, context)
        self._lock = threading.Lock()
        self._open_session: WireSession | None = None
        self._index = ""

    def send(self, request: Request, token: Sensitive | None, *, limit: float | None = None) -> Reply | Fault:
        """Send a request; a failed one again where that does no harm and the time allows it.

        Args:
            request: what to send.
            token: the token to send it with.
            limit: seconds it may take; it is then sent once only. By default the setting's.

        Raises:
            ConfigurationError: an authority or client certificate cannot be found or used.
        """
        session = self._session()
        seconds = self._limit if limit is None else min(limit, self._limit)

        def ask() -> Reply | Fault:
            return self._exchange(session, request, token, seconds)

        def passing(outcome: Reply | Fault) -> StoreError | None:
            if isinstance(outcome, Fault) and outcome.transient and (request.repeatable or not outcome.acted):
                return outcome.error
            return None

        outcome = repeat_faults(ask, self._context, fault_of=passing, pause=RETRY_WAIT) if limit is None else ask()
        if isinstance(outcome, Fault):
            at_store(outcome.error, self._context.store)
        return outcome

    def reconnect(self) -> None:
        """Let the next request read authorities and client certificate anew, on a new connection."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            session, self._open_session = self._open_session, None
        if session is not None:
            session.close()

    def _session(self) -> WireSession:
        # Held over the reading of caProvider and client certificate: nobody can go on without them.
        with self._lock:
            if self._open_session is None:
                self._open_session = _session(self._spec, self._context)
            return self._open_session

    def _exchange(
        self, session: WireSession, request: Request, token: Sensitive | None, seconds: float
    ) -> Reply | Fault:
        address = self._address
        for _ in range(1 + MAX_REDIRECTS):
            outcome = self._ask(session, address, request, token, seconds)
            if not isinstance(outcome, str):
                return outcome
            address = outcome
        return Fault(StoreUnavailableError("the server sends from one place to another", path=request.path))

    def _ask(
        self, session: WireSession, address: str, request: Request, token: Sensitive | None, seconds: float
    ) -> Reply | Fault | str:
        """One request; the address to go to instead where the server says so."""
        sent, sent_at = self._clock.elapsed(), self._clock.now()
        received = self._received(session, address, request, token, seconds)
        if isinstance(received, Fault):
            return received
        response, text = received
        if response.status_code in _REDIRECTS:
            elsewhere = self._elsewhere(address, response.headers.get("Location", ""))
            if elsewhere:
                return elsewhere
        self._index = response.headers.get("X-Vault-Index", self._index)
        body = _parsed(text)
        if response.status_code == HTTPStatus.NOT_FOUND and (body is None or not text):
            # A server says that there is nothing in JSON. From anybody else it must not let go of what there was.
            reason = "something in front of the server knows no such address: its 404 is not the server's"
            return Fault(StoreUnavailableError(reason, path=request.path, status=response.status_code), acted=True)
        if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            wait = errors.retry_after(response.headers.get("Retry-After"), self._clock.now)
            return errors.of_answer(
                response.status_code, body or {}, path=request.path, capability=request.capability, retry_after=wait
            )
        if body is None:
            reason = "the answer is no JSON object: is the address that of a Vault or OpenBao server?"
            return Fault(StoreUnavailableError(reason, path=request.path, status=response.status_code), acted=True)
        cached = response.headers.get("X-Cache", "").upper() == "HIT"
        age = min(_age(response.headers.get("Age", "")), MAX_AGE) if cached else 0
        return Reply(body, sent_at - timedelta(seconds=age), sent - age, cached)

    def _received(
        self, session: WireSession, address: str, request: Request, token: Sensitive | None, seconds: float
    ) -> tuple[WireResponse, bytes] | Fault:
        """An answer with its whole text."""
        import urllib3.exceptions

        until = self._clock.elapsed() + seconds
        try:
            response = self._send_with_hvac(session, address, request, token, seconds)
            with response:
                text = self._text(response, until=until)
        except (urllib3.exceptions.HTTPError, OSError) as failure:
            return errors.of_exception(
                failure, path=request.path, timeout=seconds, trust=trust.source(self._spec, self._context)
            )
        except ValueError:
            # The library's words would repeat the header, which may be the token.
            reason = "it cannot be sent: a token, header or path holds a line break or another sign that none may have"
            return Fault(InvalidRequestError(reason, path=request.path))
        if text is None:
            return Fault(StoreUnavailableError("the answer is too long for a secret", path=request.path), acted=True)
        return response, text

    def _send_with_hvac(
        self, session: WireSession, address: str, request: Request, token: Sensitive | None, seconds: float
    ) -> WireResponse:
        import urllib3
        from hvac.adapters import RawAdapter

        # An adapter costs nothing and holds token and namespace, which differ between requests of several threads.
        adapter = RawAdapter(
            base_uri=address,
            token=None if token is None else token.reveal_text(),
            session=cast("requests.Session", session),  # the part of one that is asked for
            allow_redirects=False,
            namespace=self._spec.namespace if request.namespace is None else request.namespace,
            ignore_exceptions=True,
        )
        body = None
        if request.body is not None:
            body = {
                name: value.reveal_text() if isinstance(value, Sensitive) else value
                for name, value in request.body.items()
            }
        answer: object = adapter.request(
            request.method.lower(),
            f"/v1/{url_path(request.path)}",
            headers=self._consistency_headers() | (_fresh_headers() if request.fresh else {}),
            params=request.query,
            json=body if request.text is None else request.text.reveal(),
            timeout=urllib3.Timeout(total=seconds),
        )
        return cast("WireResponse", answer)

    def _consistency_headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        if self._index and (self._spec.read_your_writes or self._spec.forward_inconsistent):
            headers["X-Vault-Index"] = self._index
        if self._spec.read_your_writes and self._spec.forward_inconsistent:
            headers["X-Vault-Inconsistent"] = "forward-active-node"
        return headers

    def _text(self, response: WireResponse, *, until: float) -> bytes | None:
        """The whole answer, None if it is too long. The library's time limit is for each read, not for all of them."""
        chunks: list[bytes] = []
        size = 0
        # Not `iter_content`: it waits for a full chunk, however slowly the bytes come.
        while chunk := response.raw.read1(_CHUNK):
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                return None
            if self._clock.elapsed() > until:
                raise TimeoutError
            chunks.append(chunk)
        return b"".join(chunks)

    def _elsewhere(self, address: str, location: str) -> str:
        """The server to ask instead; empty if the redirect leads nowhere, or out of TLS."""
        target = urlsplit(location)
        if not target.netloc or (target.scheme != "https" and urlsplit(address).scheme == "https"):
            return ""
        return self._context.settings.address(f"{target.scheme}://{target.netloc}")


def _session(spec: VaultProvider, context: StoreContext) -> WireSession:
    return WireSession(trust.tls_context(spec, context), spec.headers)


def _fresh_headers() -> dict[str, str]:
    # A caching proxy tells requests apart by all their headers.
    return {"X-Virtrigaud-Request": str(uuid.uuid4())}


def _age(header: str) -> int:
    """Seconds by which a cache on the way is behind, 0 where it does not say."""
    return int(header[:12]) if header.isascii() and header.isdigit() else 0


def _parsed(text: bytes) -> Mapping[str, Decoded] | None:
    if not text.strip():
        return {}
    try:
        body = encoding_json.unmarshal(text, use_number=True)
    except encoding_json.JSONError:
        return None
    return body if isinstance(body, dict) else None
