"""The lease side of a Vault store: one request for each call. When to send it is not decided here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from virtrigaud_secrets.errors import LeaseNotFoundError, StoreError, StoreUnavailableError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Extension, LeaseOperations, LoginState, StoreKey, at_store
from virtrigaud_secrets.stores.vault.auth_methods import GivenToken, Login
from virtrigaud_secrets.stores.vault.errors import Fault
from virtrigaud_secrets.stores.vault.leases import TakenLeases, is_capped, seconds
from virtrigaud_secrets.stores.vault.login import Token, Tokens
from virtrigaud_secrets.stores.vault.transport import Reply, Request

RENEW_LEASE: Final = "sys/leases/renew"
"""Extends a lease: the only spelling that a token's default policy grants on every server."""
LOOK_UP_LEASE: Final = "sys/leases/lookup"
"""Tells how long a lease lives; in the default policy too."""


class VaultLeases(LeaseOperations):
    """Leases and logins of one Vault or OpenBao server."""

    def __init__(self, tokens: Tokens, taken: TakenLeases, login: Login, *, store: StoreKey) -> None:
        self._tokens = tokens
        self._taken = taken
        self._login = login
        self._store = store

    def renew(self, lease_id: str, *, increment: float) -> Extension:
        """`PUT sys/leases/renew`. A reply has no data: what was read stays."""
        body = {"lease_id": Sensitive(lease_id), "increment": max(math.ceil(increment), 1)}
        reply = self._sent(RENEW_LEASE, lease_id, body)
        duration = seconds(reply.body.get("lease_duration"))
        self._taken.extend(lease_id, ends=reply.sent + duration)
        return Extension(duration=duration, sent=reply.sent, capped=is_capped(reply.body), shared=reply.cached)

    def remaining(self, lease_id: str) -> float:
        """`PUT sys/leases/lookup`. The server rounds down; a lease without an end says 0 and has no expire_time."""
        reply = self._sent(LOOK_UP_LEASE, lease_id, {"lease_id": Sensitive(lease_id)})
        data = reply.body.get("data")
        if not isinstance(data, Mapping):
            raise StoreUnavailableError("the answer says nothing of the lease", store=str(self._store))
        remaining = math.inf if data.get("expire_time") is None else float(seconds(data.get("ttl")))
        self._taken.extend(lease_id, ends=reply.sent + remaining)
        return remaining

    def login(self) -> LoginState | None:
        """The token in force."""
        token = self._tokens.known()
        return None if token is None else self._state(token)

    def inspect_login(self, generation: int) -> LoginState:
        """`GET auth/token/lookup-self`."""
        return self._about_login(lambda: self._tokens.inspect(generation))

    def renew_login(self, generation: int) -> LoginState:
        """`POST auth/token/renew-self`, for as long as the token was granted last."""
        known = self._tokens.known()
        increment = known.life if known is not None and known.life else 1
        return self._about_login(lambda: self._tokens.renew(generation, increment=increment))

    def log_in_anew(self, generation: int) -> LoginState:
        """The store's login once more; of a token that was given, its source once more."""
        return self._about_login(lambda: self._tokens.anew(generation))

    def end_login(self, generation: int) -> None:
        """`POST auth/token/revoke-self` with the token of that generation."""
        self._tokens.end(generation)

    def _sent(self, path: str, lease_id: str, body: Mapping[str, object]) -> Reply:
        outcome, _ = self._tokens.send(Request(method="PUT", path=path, body=body, fresh=True))
        if isinstance(outcome, Fault):
            if isinstance(outcome.error, LeaseNotFoundError):
                self._taken.drop(lease_id)
            raise at_store(outcome.error, self._store)
        return outcome

    def _about_login(self, ask: Callable[[], Token]) -> LoginState:
        try:
            return self._state(ask())
        except StoreError as error:
            at_store(error, self._store)
            raise

    def _state(self, token: Token) -> LoginState:
        login = self._login
        return LoginState(
            generation=token.generation,
            own=token.own,
            renewable=token.renewable,
            # A file may hold another token by then.
            replaceable=not isinstance(login, GivenToken) or login.file is not None,
            duration=token.life,
            sent=token.sent,
            replaced_dead=token.after_dead,
            capped=token.capped,
        )
