"""`VaultClient`: one store's fetches, from route to answer. Puts routes, logins, requests and leases together."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ClosedError,
    InvalidRequestError,
    MountNotFoundError,
    SecretNotFoundError,
    StoreError,
    StoreUnavailableError,
)
from virtrigaud_secrets.golang.encoding_json import Decoded
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import (
    Answer,
    AnswerKind,
    Fetch,
    Lease,
    LeaseOperations,
    Push,
    PushOutcome,
    PushTarget,
    Query,
    StoreClient,
    StoreContext,
    at_store,
)
from virtrigaud_secrets.stores.vault import kv, leases
from virtrigaud_secrets.stores.vault.auth_methods import login_of
from virtrigaud_secrets.stores.vault.capabilities import capabilities
from virtrigaud_secrets.stores.vault.engines import Endpoint, KnownMounts, Mount, request_body
from virtrigaud_secrets.stores.vault.errors import Fault
from virtrigaud_secrets.stores.vault.lease_requests import VaultLeases
from virtrigaud_secrets.stores.vault.leases import Taken, TakenLeases
from virtrigaud_secrets.stores.vault.login import REVOKE_SELF, Token, Tokens
from virtrigaud_secrets.stores.vault.payload import VaultPayload
from virtrigaud_secrets.stores.vault.push import Writer
from virtrigaud_secrets.stores.vault.routes import Route, Router
from virtrigaud_secrets.stores.vault.search import Search
from virtrigaud_secrets.stores.vault.transport import Reply, Request, Transport

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.vault import VaultProvider

_END_OF_DATES: Final = 253402300800
"""The first second that Python has no date for."""


class VaultClient(StoreClient):
    """Talks to one Vault or OpenBao server as one identity."""

    def __init__(self, spec: VaultProvider, context: StoreContext) -> None:
        """Nothing is sent yet.

        Raises:
            ConfigurationError: the spec cannot be used.
            UnsupportedFeatureError: it logs in by a method that is not supported.
        """
        self._context = context
        self._router = Router(spec, context)
        self._transport = Transport(spec, context)
        namespace = None if spec.auth is None else spec.auth.namespace
        login = login_of(spec, context)
        self._tokens = Tokens(login, self._transport, context, namespace=namespace)
        self._mounts = KnownMounts()
        self._taken = TakenLeases()
        self._leases = VaultLeases(self._tokens, self._taken, login, store=context.store)
        self._lock = threading.Lock()
        self._closed = False
        self._process = os.getpid()

    def get(self, fetch: Fetch) -> Answer:
        """Send one request, after asking once which engine owns a key outside the store's path.

        A request with side effects is repeated only where the server certainly did nothing: it could not be reached,
        asked to slow down, or refused the token.
        """
        self._check_open()
        try:
            return self._get(self._router.canonical(fetch))
        except StoreError as error:
            at_store(error, self._context.store, fetch.key)
            raise

    def find(self, query: Query) -> Mapping[str, Answer]:
        """Every secret of the store's KV engine that matches, by its path below the mount (ESO §3.1)."""
        self._check_open()
        search = Search(
            send=lambda request: self._tokens.send(request)[0],
            mount=self._router.mount,
            version=self._router.version,
            store=str(self._context.store),
        )
        try:
            return search.find(query)
        except StoreError as error:
            at_store(error, self._context.store, query.path)
            raise

    @property
    def leases(self) -> LeaseOperations:
        """Renewing and looking up leases, and the login they hang on."""
        return self._leases

    def push(self, push: Push) -> PushOutcome:
        """Write to the store's KV engine, whatever engine the key may name for a read (ESO §3.1)."""
        with self._writing(push.target) as writer:
            return writer.push(push)

    def exists(self, target: PushTarget) -> bool:
        """Whether the secret has data, and the property in it."""
        with self._writing(target) as writer:
            return writer.exists(target)

    def delete(self, target: PushTarget, *, dry_run: bool = False) -> PushOutcome:
        """Delete a secret that is ours with all its versions, or one property of it."""
        with self._writing(target) as writer:
            return writer.delete(target, dry_run=dry_run)

    def capabilities(self, paths: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """What the login may do at each path. Changes nothing.

        Raises:
            StoreError: the server does not say.
        """
        self._check_open()
        try:
            return capabilities(lambda request: self._tokens.send(request)[0], paths)
        except StoreError as error:
            at_store(error, self._context.store)
            raise

    def close(self, *, revoke: bool = True) -> None:
        """End leases and logins within five seconds, then the connections.

        A token that was given is left alone. So is a login token on which certificates hang: with it they would be
        revoked, and whoever serves them is still running.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
        taken, tokens = self._taken.close(now=self._context.clock.elapsed()), self._tokens.close()
        # After a fork both belong to the parent.
        if revoke and os.getpid() == self._process:
            # At interpreter exit even the standard library may fail; closing must not.
            with contextlib.suppress(Exception):
                self._hand_back(taken, tokens)
        self._transport.close()

    @contextlib.contextmanager
    def _writing(self, target: PushTarget) -> Generator[Writer]:
        self._check_open()
        writer = Writer(
            send=lambda request: self._tokens.send(request)[0],
            mount=self._router.mount,
            version=self._router.version,
        )
        try:
            yield writer
        except StoreError as error:
            at_store(error, self._context.store, target.key)
            raise

    def _check_open(self) -> None:
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self._context.store} was closed")

    def _get(self, fetch: Fetch) -> Answer:
        route = self._router.known(fetch) or self._asked_route(fetch)
        endpoint = route.endpoint
        request = Request(
            method=endpoint.method,
            path=endpoint.path,
            query=(("version", fetch.version),) if fetch.version and route.kv_version and not fetch.metadata else (),
            body=request_body(endpoint.engine, fetch.parameters) if endpoint.method == "POST" else None,
            repeatable=not endpoint.side_effect,
            # Somebody else's credential out of a cache could end at any time.
            fresh=endpoint.side_effect,
        )
        if endpoint.side_effect:
            self._refuse_limited_token(endpoint)
        outcome, token = self._tokens.send(request)
        if isinstance(outcome, Fault):
            outcome.error.acted = outcome.acted
            raise self._explained(outcome.error, route, fetch)
        answer = self._answer(outcome, token, route, metadata=fetch.metadata)
        if isinstance(answer, StoreError):
            raise self._explained(answer, route, fetch)
        return answer

    def _refuse_limited_token(self, endpoint: Endpoint) -> None:
        if self._tokens.current().uses and not self._context.settings.vault_leases_on_limited_tokens:
            raise InvalidRequestError(
                "the login's tokens have a limited number of uses, and the last one ends every credential that was "
                "read with them: let the role give tokens without a limit (token_num_uses = 0), or set "
                "Settings.vault_leases_on_limited_tokens",
                path=endpoint.path,
            )

    def _asked_route(self, fetch: Fetch) -> Route:
        known, mount = self._mounts.find(fetch.key)
        if not known:
            mount = self._asked_mount(fetch.key)
            self._mounts.remember(fetch.key, mount)
        if mount is not None:
            return self._router.mounted(fetch, mount)
        if fetch.parameters:
            self._mounts.forget(fetch.key)
            raise MountNotFoundError(
                "parameters were given, and the server shows no engine at this path: it does not exist, or no policy "
                "of the login grants anything there",
                path=fetch.key,
            )
        return self._router.kv(fetch, unseen=True)

    def _asked_mount(self, key: str) -> Mount | None:
        outcome, _ = self._tokens.send(Request(method="GET", path=f"sys/internal/ui/mounts/{key}", repeatable=True))
        if isinstance(outcome, Reply):
            data = outcome.body.get("data")
            return Mount.from_answer(key, data) if isinstance(data, Mapping) else None
        if isinstance(outcome.error, (AccessDeniedError, SecretNotFoundError, InvalidRequestError)):
            return None
        raise outcome.error

    def _explained(self, error: StoreError, route: Route, fetch: Fetch) -> StoreError:
        """`error`, saying what led to the path; and what led there is asked anew next time."""
        if not isinstance(error, (AccessDeniedError, SecretNotFoundError)):
            return error
        self._mounts.forget(fetch.key)
        if route.unseen:
            error.reason += f"; the server shows no engine at {fetch.key}, so it was sought below the store's path"
        return error

    def _answer(self, reply: Reply, token: Token, route: Route, *, metadata: bool) -> Answer | StoreError:
        path, store = route.endpoint.path, str(self._context.store)
        if metadata:
            return kv.metadata_answer(reply, path=path, store=store)
        lease = leases.lease_of(reply.body, sent_at=reply.sent_at, token_ends=token.ends_at)
        # A lease under "KV v1" is another engine that a v1 store is pointed at.
        if route.kv_version and lease is None:
            return kv.answer(reply, version=route.kv_version, path=path, store=store, repairs=route.repairs)
        if lease is not None and not self._remember(lease, reply, token, route.endpoint):
            return StoreUnavailableError("the store was closed while the request was under way", path=path)
        data = reply.body.get("data") or reply.body.get("auth")
        if not isinstance(data, Mapping):
            return SecretNotFoundError("the answer holds no data", path=path, request_id=reply.request_id)
        return Answer(
            payload=VaultPayload(
                data,
                envelope=None if lease is None or self._context.settings.strict else reply.body,
                store=store,
                path=path,
            ),
            path=path,
            lease=lease,
            expires_at=_end_of(data, reply.sent_at),
            request_id=reply.request_id,
            repairs=route.repairs,
            kind=_kind_of(data, lease),
            sent=reply.sent,
            login=0 if lease is None else token.generation,
            shared=reply.cached,
        )

    def _remember(self, lease: Lease, reply: Reply, token: Token, endpoint: Endpoint) -> bool:
        taken = Taken(
            lease=lease,
            token=token.value,
            generation=token.generation,
            certificate=endpoint.engine == "pki",
            ends=reply.sent + lease.duration,
        )
        if reply.cached or self._taken.add(taken, now=self._context.clock.elapsed()):
            return True
        with contextlib.suppress(Exception):
            self._hand_back([taken], [])
        self._transport.close()
        return False

    def _hand_back(self, taken: list[Taken], tokens: list[Token]) -> None:
        clock = self._context.clock
        until = clock.elapsed() + leases.CLOSE_BUDGET.total_seconds()

        def send(request: Request, token: Sensitive) -> Reply | Fault:
            left = until - clock.elapsed()
            if left <= 0:
                return Fault(StoreUnavailableError("no time left to hand it back", path=request.path))
            return self._transport.send(request, token, limit=left)

        certified = {one.generation for one in taken if one.certificate}
        # A token takes its leases with it, so for most of them nothing more needs to be sent.
        ended = {
            token.generation
            for token in tokens
            if token.generation not in certified and isinstance(send(REVOKE_SELF, token.value), Reply)
        }
        leases.hand_back((one for one in taken if one.generation not in ended and not one.certificate), send)


def _kind_of(data: Mapping[str, Decoded], lease: Lease | None) -> AnswerKind:
    """By what the data of an engine is kept fresh."""
    if "serial_number" in data and "expiration" in data:
        return AnswerKind.CERTIFICATE
    if lease is not None:
        return AnswerKind.LEASE
    if "last_vault_rotation" in data and "ttl" in data:
        return AnswerKind.STATIC_ROLE
    if "client_token" in data and leases.seconds(data.get("lease_duration")):
        return AnswerKind.EXPIRY
    return AnswerKind.INTERVAL


def _end_of(data: Mapping[str, Decoded], sent_at: datetime) -> datetime | None:
    """When data of an engine stops being good by its own account."""
    if "serial_number" in data and 0 < (expiration := leases.number(data.get("expiration"))) < _END_OF_DATES:
        return datetime.fromtimestamp(expiration, UTC)
    if "last_vault_rotation" in data and "ttl" in data:
        # A static role: its password is replaced, and the old one refused, when the time is up.
        return sent_at + timedelta(seconds=leases.seconds(data["ttl"]))
    if "client_token" in data and (duration := leases.seconds(data.get("lease_duration"))):
        return sent_at + timedelta(seconds=duration)
    return None
