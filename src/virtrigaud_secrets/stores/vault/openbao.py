"""The `openBao` backend: ESO's read-only provider for OpenBao, which reads keys by rules of its own (ESO §3.2).

Requests, logins and answers are those of `vault`. OpenBao's other engines are reached by a `vault` store.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NoReturn

from pydantic import BaseModel

from virtrigaud_secrets.errors import (
    ClosedError,
    ConfigurationError,
    InvalidRequestError,
    MissingDependencyError,
    SecretNotFoundError,
    StoreError,
)
from virtrigaud_secrets.models.backends.openbao import OpenBaoProvider
from virtrigaud_secrets.stores.base import Answer, Fetch, Preview, Query, StoreClient, StoreContext, at_store
from virtrigaud_secrets.stores.selectors import names_namespaces
from virtrigaud_secrets.stores.vault import kv
from virtrigaud_secrets.stores.vault.auth_methods import login_of
from virtrigaud_secrets.stores.vault.capabilities import capabilities
from virtrigaud_secrets.stores.vault.errors import Fault
from virtrigaud_secrets.stores.vault.leases import CLOSE_BUDGET
from virtrigaud_secrets.stores.vault.login import REVOKE_SELF, Tokens
from virtrigaud_secrets.stores.vault.paths import plain
from virtrigaud_secrets.stores.vault.payload import OpenBaoPayload
from virtrigaud_secrets.stores.vault.search import Search
from virtrigaud_secrets.stores.vault.transport import Request, Transport

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.vault import VaultProvider

DEFAULT_MOUNT: Final = "kv"
"""Path of the KV engine where the spec names none."""


class OpenBaoClient(StoreClient):
    """Reads one KV engine of an OpenBao server as one identity."""

    def __init__(self, spec: OpenBaoProvider, context: StoreContext) -> None:
        """Nothing is sent yet.

        Raises:
            ConfigurationError: the spec cannot be used.
        """
        wider = as_vault(spec)
        self._spec = spec
        self._context = context
        self._transport = Transport(wider, context)
        namespace = None if spec.auth is None else spec.auth.namespace
        self._tokens = Tokens(login_of(wider, context), self._transport, context, namespace=namespace)
        self._closed = threading.Event()
        self._process = os.getpid()

    def get(self, fetch: Fetch) -> Answer:
        """The secret of exactly this key below the engine's mount."""
        self._check_open()
        try:
            return self._get(fetch)
        except StoreError as error:
            self._raise(error, fetch.key)

    def find(self, query: Query) -> Mapping[str, Answer]:
        """The secrets of one folder by their names (ESO §3.2)."""
        self._check_open()
        if query.tags or not query.name:
            raise InvalidRequestError(
                "an openBao store is searched by find.name, and by nothing else", store=str(self._context.store)
            )
        search = Search(
            send=lambda request: self._tokens.send(request)[0],
            mount=_mount(self._spec),
            version=_engine_version(self._spec),
            store=str(self._context.store),
            recursive=False,
        )
        try:
            return search.find(query)
        except StoreError as error:
            self._raise(error, query.path)

    def capabilities(self, paths: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """What the login may do at each path. Changes nothing.

        Raises:
            StoreError: the server does not say.
        """
        self._check_open()
        try:
            return capabilities(lambda request: self._tokens.send(request)[0], paths)
        except StoreError as error:
            self._raise(error, "")

    def close(self, *, revoke: bool = True) -> None:
        """End the login, if it was made here, then the connections."""
        if self._closed.is_set():
            return
        self._closed.set()
        tokens = self._tokens.close()
        # After a fork the login belongs to the parent.
        if revoke and os.getpid() == self._process:
            # At interpreter exit even the standard library may fail; closing must not.
            with contextlib.suppress(Exception):
                for token in tokens:
                    self._transport.send(REVOKE_SELF, token.value, limit=CLOSE_BUDGET.total_seconds())
        self._transport.close()

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise ClosedError(f"{self._context.store} was closed")

    def _get(self, fetch: Fetch) -> Answer:
        path = _path(self._spec, fetch)
        query = (("version", fetch.version),) if fetch.version else ()
        outcome, _ = self._tokens.send(Request(method="GET", path=path, query=query, repeatable=True))
        if isinstance(outcome, Fault):
            raise outcome.error
        answer = kv.answer(
            outcome,
            version=_engine_version(self._spec),
            path=path,
            store=str(self._context.store),
            payload=OpenBaoPayload,
        )
        if isinstance(answer, StoreError):
            raise answer
        return answer

    def _raise(self, error: StoreError, path: str) -> NoReturn:
        if isinstance(error, SecretNotFoundError):
            # To ESO's provider an error like any other: deletionPolicy does not apply.
            error.missing = False
        raise at_store(error, self._context.store, path)


class OpenBaoFactory:
    """`spec.provider.openBao`."""

    @property
    def spec_model(self) -> type[BaseModel]:
        """The model of `spec.provider.openBao`."""
        return OpenBaoProvider

    def same_in_all_namespaces(self, spec: BaseModel) -> bool:
        """Whether a ClusterSecretStore is one identity for all: its references name their namespaces."""
        return names_namespaces(spec)

    def preview(self, spec: BaseModel, fetch: Fetch, context: StoreContext) -> Preview:
        """The read; everything about it is known beforehand."""
        try:
            return Preview(fetch=fetch, method="GET", path=_path(_checked(spec, context), fetch))
        except InvalidRequestError as error:
            raise at_store(error, context.store, fetch.key) from None

    def connect(self, spec: BaseModel, context: StoreContext) -> StoreClient:
        """A client for the store; it logs in with its first fetch."""
        if importlib.util.find_spec("hvac") is None:
            raise MissingDependencyError("an OpenBao store", extra="vault")
        return OpenBaoClient(_checked(spec, context), context)


def _checked(spec: BaseModel, context: StoreContext) -> OpenBaoProvider:
    if not isinstance(spec, OpenBaoProvider):
        raise ConfigurationError(f"{context.store}: the openBao store was given another backend's spec")
    return spec


def as_vault(spec: OpenBaoProvider) -> VaultProvider:
    """The same server and login in the wider spec that requests are made from."""
    from virtrigaud_secrets.models.backends.vault import VaultAuth, VaultProvider

    auth = None
    if spec.auth is not None:
        auth = VaultAuth(
            namespace=spec.auth.namespace,
            token_secret_ref=spec.auth.token_secret_ref,
            app_role=spec.auth.app_role,
            user_pass=spec.auth.user_pass,
        )
    return VaultProvider(
        server=spec.server,
        auth=auth,
        namespace=spec.namespace,
        ca_bundle=spec.ca_bundle,
        ca_provider=spec.ca_provider,
    )


def _mount(spec: OpenBaoProvider) -> str:
    return (spec.path or DEFAULT_MOUNT).strip("/")


def _engine_version(spec: OpenBaoProvider) -> int:
    return 1 if spec.version == "v1" else 2


def _path(spec: OpenBaoProvider, fetch: Fetch) -> str:
    """The path of a read: nothing is cut from the key, nothing is guessed.

    Raises:
        InvalidRequestError: such a request cannot work.
    """
    if fetch.parameters:
        raise InvalidRequestError("parameters are for endpoints that issue something; an openBao store has only KV")
    if fetch.metadata:
        raise InvalidRequestError("an openBao store reads no metadata: use a vault store for metadataPolicy Fetch")
    if fetch.version and spec.version == "v1":
        raise InvalidRequestError("a KV engine of version 1 keeps no versions: remoteRef.version needs version v2")
    if fetch.version and not (fetch.version.isascii() and fetch.version.isdigit()):
        raise InvalidRequestError("remoteRef.version must be a whole number")
    folder = f"{_mount(spec)}/" if spec.version == "v1" else f"{_mount(spec)}/data/"
    return folder + plain(fetch.key)


FACTORY: Final = OpenBaoFactory()
"""The backend, as the registry finds it."""
