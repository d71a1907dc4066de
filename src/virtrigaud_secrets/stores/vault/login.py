"""Logging in, and the token in force: one login for all threads, one more when a token is dead or near its end.

Sends login requests, and requests with the token in force. Which fault means that a token is dead is told by `errors`.
"""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ClosedError,
    ConfigurationError,
    SecretsError,
    StoreError,
)
from virtrigaud_secrets.golang.encoding_json import Decoded
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import StoreContext
from virtrigaud_secrets.stores.vault.auth_methods import GivenToken, Login, LoginRequest
from virtrigaud_secrets.stores.vault.errors import Fault, of_login, text_of
from virtrigaud_secrets.stores.vault.leases import is_capped, number, seconds
from virtrigaud_secrets.stores.vault.transport import Reply, Request, Transport

RENEW_LOGIN_AT: Final = 0.65
"""Part of a token's life after which the next request logs in anew. Leases die with the token they were read with, so
a token near its end is of no use for new ones; a third of its life is what an outage may last."""
RENEW_KEPT_LOGIN_AT: Final = 0.85
"""The same where somebody extends the token in time (`LeaseOperations`): only if that failed."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token in force."""

    value: Sensitive
    """The token."""
    generation: int
    """Counts the logins of one client."""
    own: bool
    """Whether it was made for us, so that we end it."""
    sent: float = 0.0
    """Before the request that granted it was sent, on the clock that never steps."""
    life: int | None = None
    """Seconds it was granted last; 0 for a token that does not end, None where that is not known."""
    ends_at: datetime | None = None
    """Its end in wall time."""
    renewable: bool = False
    """Whether it can be extended."""
    uses: int = 0
    """How often it may be used; 0 for any number."""
    capped: bool = False
    """Whether the server said that it granted less than was asked."""
    after_dead: bool = False
    """Whether the server refused the token before it."""

    def due(self, part: float) -> float:
        """When that part of its life is over; infinity where it does not end, or its end is not known."""
        return self.sent + self.life * part if self.life else math.inf


LOOKUP_SELF: Final = Request(method="GET", path="auth/token/lookup-self", repeatable=True)
"""Tells what the token is that it is sent with."""
RENEW_SELF: Final = "auth/token/renew-self"
"""Extends the token that it is sent with."""
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
        self._spent: dict[int, int] = {}
        self._file_seen: tuple[int, int] | None = None
        self._kept = False
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
            part = RENEW_KEPT_LOGIN_AT if self._kept else RENEW_LOGIN_AT
        if token is None:
            return self._join(None)
        if clock.elapsed() < token.due(part) and not self._is_worn(token) and not self._is_changed(token):
            return token
        try:
            return self._join(token)
        except (StoreError, ConfigurationError):
            # An early login may fail: the old token is good until its end.
            if token.own and (token.ends_at is None or clock.now() >= token.ends_at):
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
        self._count(token)
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
        return self._join(dead, dead=True)

    def known(self) -> Token | None:
        """The token in force, None before the first login. From now on somebody extends it in time."""
        with self._lock:
            self._kept = True
            return self._current

    def inspect(self, generation: int) -> Token:
        """The token of that generation, after asking the server about it; the one in force if it was replaced.

        Raises:
            StoreError: the server does not say.
        """
        token = self._in_force()
        if token.generation != generation:
            return token
        outcome = self._transport.send(LOOKUP_SELF, token.value)
        if isinstance(outcome, Fault):
            raise outcome.error
        data = outcome.body.get("data")
        facts: Mapping[str, Decoded] = data if isinstance(data, Mapping) else {}
        return self._update(token, outcome, life=seconds(facts.get("ttl")), renewable=facts.get("renewable") is True)

    def renew(self, generation: int, *, increment: int) -> Token:
        """Extend the token of that generation; the one in force if it was replaced.

        Raises:
            StoreError: the server does not extend it.
        """
        token = self._in_force()
        if token.generation != generation:
            return token
        body = {"increment": increment}
        outcome = self._transport.send(Request(method="POST", path=RENEW_SELF, body=body, fresh=True), token.value)
        if isinstance(outcome, Fault):
            if outcome.token_refused:
                return self._join(token, dead=True)
            raise outcome.error
        auth = outcome.body.get("auth")
        facts: Mapping[str, Decoded] = auth if isinstance(auth, Mapping) else {}
        return self._update(
            token, outcome, life=seconds(facts.get("lease_duration")), renewable=facts.get("renewable") is True
        )

    def anew(self, generation: int) -> Token:
        """Another token than that of this generation.

        Raises:
            StoreError: the login failed.
            ConfigurationError: there is nothing to log in with.
            ClosedError: `close` was called.
        """
        token = self._in_force()
        return token if token.generation != generation else self._join(token)

    def end(self, generation: int) -> None:
        """Revoke a token that was replaced, and what hangs on it. One that was given is left alone.

        Raises:
            StoreError: the server did not do it.
        """
        with self._lock:
            ended = [token for token in self._retired if token.generation == generation]
            self._retired = [token for token in self._retired if token.generation != generation]
        for token in ended:
            outcome = self._transport.send(REVOKE_SELF, token.value) if token.own else None
            # A token that is dead already is what was wanted.
            if isinstance(outcome, Fault) and not outcome.token_refused:
                raise outcome.error

    def _in_force(self) -> Token:
        """The token in force.

        Raises:
            ClosedError: `close` was called.
        """
        with self._lock:
            if self._closed or self._current is None:
                raise ClosedError(f"{self._context.store} was closed")
            return self._current

    def _update(self, token: Token, reply: Reply, *, life: int, renewable: bool) -> Token:
        known = replace(
            token,
            sent=reply.sent,
            life=life,
            ends_at=reply.sent_at + timedelta(seconds=life) if life else None,
            renewable=renewable,
            capped=is_capped(reply.body),
        )
        with self._lock:
            if self._current is not None and self._current.generation == token.generation:
                self._current = known
        return known

    def _count(self, token: Token) -> None:
        if token.uses:
            with self._lock:
                self._spent[token.generation] = self._spent.get(token.generation, 0) + 1

    def _is_worn(self, token: Token) -> bool:
        """Whether only the last use is left: with it the server ends the token and all its leases."""
        if not token.uses:
            return False
        with self._lock:
            return self._spent.get(token.generation, 0) >= token.uses - 1

    def _is_changed(self, token: Token) -> bool:
        """Whether the file that the token came from is another one now."""
        file = self._login.file if isinstance(self._login, GivenToken) else None
        if file is None or token.own:
            return False
        seen = _identity(file)
        with self._lock:
            changed = seen is not None and seen != self._file_seen
            if changed:
                self._file_seen = seen
        return changed

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

    def _join(self, old: Token | None, *, dead: bool = False) -> Token:
        """The token after `old`: by a login of our own, or by the one of another thread."""
        flight: Future[Token] = Future()
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self._context.store} was closed")
            if self._current is not None and (old is None or self._current.generation > old.generation):
                return self._current
            leads = self._flight is None
            flight = self._flight = self._flight or flight
        return self._fly(old, flight, dead=dead) if leads else _landed(flight)

    def _fly(self, old: Token | None, flight: Future[Token], *, dead: bool) -> Token:
        fault: SecretsError = AuthenticationError("the login was interrupted", store=str(self._context.store))
        try:
            token = replace(self._new_token(old), after_dead=dead)
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
            if self._login.file is not None:
                self._file_seen = _identity(self._login.file)
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
            fresh=True,
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
        outcome = self._transport.send(LOOKUP_SELF, token.value)
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
        sent=reply.sent,
        life=life,
        ends_at=reply.sent_at + timedelta(seconds=life) if life else None,
        renewable=auth.get("renewable") is True,
        uses=number(auth.get("num_uses")),
    )


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _landed(flight: Future[Token]) -> Token:
    """The result of another thread's login; its error as an object of our own, since callers add to it."""
    error = flight.exception()
    if error is not None:
        raise copy.copy(error)
    return flight.result()
