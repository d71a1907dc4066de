"""Logging in, and the token in force: one login for all threads, one more when a token is dead or near its end.

Sends login requests, and requests with the token in force. Which fault means that a token is dead is told by `errors`.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ClosedError,
    SecretsError,
    StoreError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import StoreContext
from virtrigaud_secrets.stores.vault.auth_methods import GivenToken, Login, LoginRequest
from virtrigaud_secrets.stores.vault.errors import Fault, of_login, text_of
from virtrigaud_secrets.stores.vault.leases import seconds
from virtrigaud_secrets.stores.vault.transport import Reply, Request, Transport

RENEW_LOGIN_AT: Final = 0.65
"""Part of a token's life after which the next request logs in anew. Leases die with the token they were read with, so
a token near its end is of no use for new ones; a third of its life is what an outage may last."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token in force."""

    value: Sensitive
    """The token."""
    generation: int
    """Counts the logins of one client."""
    own: bool
    """Whether it was made for us, so that we end it."""
    renew_at: float | None = None
    """When to log in anew, on the clock that never steps; None where its end is not known."""
    ends_at: datetime | None = None
    """Its end in wall time."""


REVOKE_SELF: Final = Request(method="POST", path="auth/token/revoke-self")
"""Ends the token that it is sent with, and all its leases."""


class Tokens:
    """The token in force. Safe to use from several threads: whoever needs a login that is under way waits for it."""

    def __init__(self, login: Login, transport: Transport, context: StoreContext, *, namespace: str | None) -> None:
        """No login is made yet.

        Args:
            login: how.
            transport: the way to the server.
            context: the store's.
            namespace: Vault namespace to log in at, None for the store's own.
        """
        self._login = login
        self._transport = transport
        self._context = context
        self._namespace = namespace
        self._lock = threading.Lock()
        self._current: Token | None = None
        self._flight: Future[Token] | None = None
        self._retired: list[Token] = []
        self._doubted: set[int] = set()
        self._closed = False

    def current(self) -> Token:
        """A token to send requests with.

        Raises:
            StoreError: the login failed.
            ConfigurationError: there is nothing to log in with.
            ClosedError: `close` was called.
        """
        clock = self._context.clock
        with self._lock:
            token = None if self._closed else self._current
        if token is None:
            return self._join(None)
        if token.renew_at is None or clock.elapsed() < token.renew_at:
            return token
        try:
            return self._join(token)
        except StoreError:
            # An early login may fail: the old token is good until its end.
            if token.ends_at is None or clock.now() >= token.ends_at:
                raise
        return token

    def send(self, request: Request) -> tuple[Reply | Fault, Token]:
        """Send a request, and the token it went with. Once more with a new one if the old is dead: that did nothing.

        Raises:
            StoreError: the login failed.
            ConfigurationError: there is nothing to log in with.
            ClosedError: `close` was called.
        """
        token = self.current()
        outcome = self._transport.send(request, token.value)
        if isinstance(outcome, Fault) and outcome.token_refused:
            fresh = self.replacement(token)
            if fresh is not None:
                token = fresh
                outcome = self._transport.send(request, token.value)
                if isinstance(outcome, Fault) and outcome.token_refused:
                    self.doubt(token)
        return outcome, token

    def replacement(self, dead: Token) -> Token | None:
        """Another token for one that the server refused; None if it was not the token's fault.

        One login for each dead token, however many threads come with it.

        Raises:
            StoreError: the login failed.
            ConfigurationError: there is nothing to log in with.
            ClosedError: `close` was called.
        """
        with self._lock:
            doubted = dead.generation in self._doubted
        if doubted and self._is_alive(dead):
            return None
        return self._join(dead)

    def doubt(self, token: Token) -> None:
        """A token fresh from login was refused too: before the next login, ask whether it is really dead."""
        with self._lock:
            self._doubted = {token.generation}

    def close(self) -> list[Token]:
        """All own tokens that may be alive, youngest first; no login is made from now on."""
        with self._lock:
            self._closed = True
            tokens = [*self._retired, *([] if self._current is None else [self._current])]
            self._current, self._retired = None, []
        return [token for token in reversed(tokens) if token.own]

    def _join(self, old: Token | None) -> Token:
        """The token after `old`: by a login of our own, or by the one of another thread."""
        flight: Future[Token] = Future()
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self._context.store} was closed")
            if self._current is not None and (old is None or self._current.generation > old.generation):
                return self._current
            leads = self._flight is None
            flight = self._flight = self._flight or flight
        return self._fly(old, flight) if leads else _landed(flight)

    def _fly(self, old: Token | None, flight: Future[Token]) -> Token:
        fault: SecretsError = AuthenticationError("the login was interrupted", store=str(self._context.store))
        try:
            token = self._new_token(old)
            self._take(token)
        except SecretsError as error:
            fault = error
            raise
        else:
            flight.set_result(token)
            return token
        finally:
            with self._lock:
                self._flight = None
            if not flight.done():
                flight.set_exception(copy.copy(fault))

    def _take(self, token: Token) -> None:
        now = self._context.clock.now()
        with self._lock:
            closed = self._closed
            if not closed:
                if self._current is not None:
                    self._retired.append(self._current)
                # Leases of a former token live on with it, so it is ended when they are handed back.
                self._retired = [old for old in self._retired if old.ends_at is None or old.ends_at > now]
                self._current = token
        if closed:
            if token.own:
                self._transport.send(REVOKE_SELF, token.value)
            self._transport.close()
            raise ClosedError(f"{self._context.store} was closed")

    def _new_token(self, old: Token | None) -> Token:
        generation = 1 if old is None else old.generation + 1
        if isinstance(self._login, GivenToken):
            value = self._login.read()
            if not value:
                raise AuthenticationError(f"{self._login.place} holds no token", store=str(self._context.store))
            if old is not None and value == old.value:
                raise AuthenticationError(
                    f"the token from {self._login.place} is refused: it expired, was revoked or is not one of this "
                    "server",
                    store=str(self._context.store),
                )
            return Token(value, generation, own=False)
        return self._log_in(self._login, generation)

    def _log_in(self, login: LoginRequest, generation: int) -> Token:
        if login.by_connection:
            self._transport.reconnect()
        request = Request(
            method="POST",
            path=login.path,
            body=login.credentials(),
            namespace=self._namespace,
        )
        outcome = self._transport.send(request, None)
        if isinstance(outcome, Fault):
            raise of_login(outcome, method=login.method).error
        token = _token_in(outcome, generation)
        if token is None:
            raise AuthenticationError(
                f"the answer to the {login.method} login holds no token",
                store=str(self._context.store),
                path=request.path,
                request_id=outcome.request_id,
            )
        return token

    def _is_alive(self, token: Token) -> bool:
        request = Request(method="GET", path="auth/token/lookup-self", repeatable=True)
        outcome = self._transport.send(request, token.value)
        return not (isinstance(outcome, Fault) and outcome.token_refused)


def _token_in(reply: Reply, generation: int) -> Token | None:
    auth = reply.body.get("auth")
    if not isinstance(auth, Mapping):
        return None
    value = text_of(auth, "client_token")
    life = seconds(auth.get("lease_duration"))
    if not value:
        return None
    return Token(
        Sensitive(value),
        generation,
        own=True,
        renew_at=reply.sent + life * RENEW_LOGIN_AT if life else None,
        ends_at=reply.sent_at + timedelta(seconds=life) if life else None,
    )


def _landed(flight: Future[Token]) -> Token:
    """The result of another thread's login; its error as an object of our own, since callers add to it."""
    error = flight.exception()
    if error is not None:
        raise copy.copy(error)
    return flight.result()
