"""What an operator asks of a server beside secrets: leases below a path, ending them, and what the login may do.

One request for each call, two where a listing is deep. When to send which is not decided here. No call reads a secret.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import (
    ConfigurationError,
    InvalidRequestError,
    SecretNotFoundError,
    SecretsError,
    StoreError,
)
from virtrigaud_secrets.golang.encoding_json import Decoded
from virtrigaud_secrets.models.backends.openbao import OpenBaoProvider
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.stores.base import StoreContext, at_store
from virtrigaud_secrets.stores.vault.auth_methods import login_of
from virtrigaud_secrets.stores.vault.errors import Fault
from virtrigaud_secrets.stores.vault.leases import CLOSE_BUDGET, seconds
from virtrigaud_secrets.stores.vault.login import LOOKUP_SELF, REVOKE_SELF, Tokens
from virtrigaud_secrets.stores.vault.openbao import as_vault
from virtrigaud_secrets.stores.vault.paths import plain
from virtrigaud_secrets.stores.vault.transport import Reply, Request, Transport

if TYPE_CHECKING:
    from pydantic import BaseModel

MAX_LEASES: Final = 10_000
"""Leases that are listed: enough to tell what a revocation will hit, and no more than memory has room for."""
MAX_FOLDERS: Final = 1_000
"""Requests that one listing may take."""
REVOKE_LIMIT: Final = timedelta(seconds=120)
"""The most that a revocation may take, longer than any other request: the server asks its databases one lease after the
other, and ends a request of its own after 90 seconds unless told otherwise."""
TOO_WIDE: Final = frozenset({"", "sys", "auth", "identity", "cubbyhole"})
"""Prefixes under which no engine gives credentials, or all of them do: every login of the server is below `auth`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasesBelow:
    """The leases that a server holds below a prefix."""

    paths: Mapping[str, tuple[str, ...]]
    """Path that was read, such as `vsphere/creds/readonly` → a hash of each lease's id, which opens nothing."""
    more: bool = False
    """Whether there are more than were listed."""

    @property
    def hashes(self) -> frozenset[str]:
        """All hashes."""
        return frozenset(one for found in self.paths.values() for one in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFacts:
    """What a server says of the token in force."""

    policies: tuple[str, ...]
    """Its policies by name."""
    expires_at: datetime | None
    """When it ends unless renewed, aware UTC; None for a token that does not end."""
    renewable: bool
    """Whether it can be extended."""
    own: bool
    """Whether it was made for us. Another one was given, and nobody here can replace it."""
    place: str
    """Where it comes from: the method of the login, or the source of a token that was given."""


def checked_prefix(prefix: str) -> str:
    """A prefix of lease ids in the one form that means all below it: with one slash at its end.

    Raises:
        ConfigurationError: it names no engine, or all of the server.
    """
    try:
        path = plain(prefix.strip("/"))
    except InvalidRequestError:
        path = ""
    if path in TOO_WIDE or path.split("/")[0] in TOO_WIDE - {"auth"} or path != prefix.strip("/"):
        raise ConfigurationError(
            f"{prefix!r} is no prefix of leases: name an engine's path, such as vsphere/creds/. There is none that "
            "means all"
        )
    return f"{path}/"


class VaultOperator:
    """One server, as one login. Blocking; close it when done."""

    def __init__(self, spec: BaseModel, context: StoreContext, *, given_token: bool = False) -> None:
        """Nothing is sent yet.

        Args:
            spec: `spec.provider.vault` or `openBao` of a store.
            context: the store's.
            given_token: log in with the token of the settings in place of the store's own login, which may read
                secrets and nothing else.

        Raises:
            ConfigurationError: it is another backend's store, or its spec cannot be used.
        """
        wider = as_vault(spec) if isinstance(spec, OpenBaoProvider) else spec
        if not isinstance(wider, VaultProvider):
            raise ConfigurationError(f"{context.store} is no Vault or OpenBao store")
        if given_token:
            wider = wider.model_copy(update={"auth": None})
        self._context = context
        self.server: Final = context.settings.address(wider.server)
        """Address of the server."""
        self._transport = Transport(wider, context)
        patient = replace(context.settings, request_timeout=max(context.settings.request_timeout, REVOKE_LIMIT))
        self._patient = Transport(wider, replace(context, settings=patient))
        self._login = login_of(wider, context)
        namespace = None if wider.auth is None else wider.auth.namespace
        self._tokens = Tokens(self._login, self._transport, context, namespace=namespace)

    def leases(self, prefix: str) -> LeasesBelow:
        """The leases below a prefix: `LIST sys/leases/lookup/…`, which needs `list` and `sudo`.

        Raises:
            StoreError: the server refused or did not answer.
        """
        found: dict[str, tuple[str, ...]] = {}
        folders = [checked_prefix(prefix)]
        count = asked = 0
        while folders and count < MAX_LEASES and asked < MAX_FOLDERS:
            folder = folders.pop()
            asked += 1
            keys = self._listed(folder)
            folders += [folder + key for key in keys if key.endswith("/")]
            ids = [folder + key for key in keys if not key.endswith("/")]
            if ids:
                count += len(ids)
                found[folder.rstrip("/")] = tuple(_hash(one) for one in ids)
        return LeasesBelow(paths=dict(sorted(found.items())), more=bool(folders))

    def revoke(self, prefix: str) -> None:
        """End every lease below a prefix, and return when that is done: `PUT sys/leases/revoke-prefix/…`, with `sudo`.

        Sent once. Where an error's `acted` is set, the server may have done it all the same.

        Raises:
            StoreError: the server refused or did not answer.
        """
        # Without the last slash, which hvac cuts off too: the server adds it, so `creds` is not taken to mean `creds2`.
        path = f"sys/leases/revoke-prefix/{checked_prefix(prefix).rstrip('/')}"
        request = Request(method="PUT", path=path, body={"sync": True}, fresh=True)
        outcome = self._patient.send(request, self._tokens.current().value)
        if isinstance(outcome, Fault):
            raise self._told(outcome, path)

    def capabilities(self, paths: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """What the login may do on each path: `POST sys/capabilities-self`, which changes nothing and reads none.

        Raises:
            StoreError: the server refused or did not answer.
        """
        asked = list(dict.fromkeys(paths))
        if not asked:
            return {}
        body = {"paths": asked}
        reply = self._sent(Request(method="POST", path="sys/capabilities-self", body=body, repeatable=True, fresh=True))
        data = reply.body.get("data")
        told: Mapping[str, Decoded] = data if isinstance(data, Mapping) else reply.body
        return {path: _texts(told.get(path)) for path in asked}

    def login(self) -> LoginFacts:
        """The token in force: `GET auth/token/lookup-self`. Logs in first where nobody did.

        Raises:
            StoreError: the server refused or did not answer.
            ConfigurationError: there is nothing to log in with.
        """
        outcome, token = self._tokens.send(LOOKUP_SELF)
        if isinstance(outcome, Fault):
            raise at_store(outcome.error, self._context.store)
        data = outcome.body.get("data")
        facts: Mapping[str, Decoded] = data if isinstance(data, Mapping) else {}
        life = seconds(facts.get("ttl"))
        return LoginFacts(
            policies=tuple(sorted(_texts(facts.get("policies")))),
            expires_at=outcome.sent_at + timedelta(seconds=life) if life else None,
            renewable=facts.get("renewable") is True,
            own=token.own,
            place=getattr(self._login, "method", "") or getattr(self._login, "place", ""),
        )

    def close(self) -> None:
        """End the login, if it was made here, and the connections."""
        for token in self._tokens.close():
            with contextlib.suppress(SecretsError):
                self._transport.send(REVOKE_SELF, token.value, limit=CLOSE_BUDGET.total_seconds())
        self._transport.close()
        self._patient.close()

    def _listed(self, folder: str) -> list[str]:
        try:
            reply = self._sent(Request(method="LIST", path=f"sys/leases/lookup/{folder}", repeatable=True, fresh=True))
        except SecretNotFoundError:
            return []
        data = reply.body.get("data")
        keys = data.get("keys") if isinstance(data, Mapping) else None
        return [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []

    def _sent(self, request: Request) -> Reply:
        outcome, _ = self._tokens.send(request)
        if isinstance(outcome, Fault):
            raise self._told(outcome, request.path)
        return outcome

    def _told(self, fault: Fault, path: str) -> StoreError:
        fault.error.acted = fault.acted
        return at_store(fault.error, self._context.store, path)


def _hash(lease_id: str) -> str:
    return hashlib.sha256(lease_id.encode()).hexdigest()[:16]


def _texts(value: Decoded) -> frozenset[str]:
    return frozenset(item for item in value if isinstance(item, str)) if isinstance(value, list) else frozenset()
