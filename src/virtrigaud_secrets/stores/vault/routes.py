"""Decides what a manifest's key names: the KV engine of the store, or another engine of the server (ESO §5.1).

What can be told without asking is told here; the client asks the server for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import InvalidRequestError
from virtrigaud_secrets.repairs import MOUNT_LOOKUP
from virtrigaud_secrets.stores.base import Fetch, Preview, StoreContext, at_store
from virtrigaud_secrets.stores.vault.engines import KV, Endpoint, Mount, check_parameters, guess
from virtrigaud_secrets.stores.vault.paths import is_below, kv_metadata_path, kv_path, plain

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.vault import VaultProvider


@dataclass(frozen=True, slots=True)
class Route:
    """How a fetch is sent."""

    endpoint: Endpoint
    """The request."""
    kv_version: int = 0
    """Version of the KV engine that is asked, 0 for another engine."""
    repairs: tuple[str, ...] = ()
    """Ids of the differences from ESO that led there."""
    unseen: bool = False
    """Whether the server showed no engine for the key, so that it was taken for one of the store's KV engine."""


class Router:
    """The static part of the decision, for one store."""

    def __init__(self, spec: VaultProvider, context: StoreContext) -> None:
        self._context = context
        self.mount: Final = (spec.path or "").strip("/")
        """Path of the store's KV engine, empty where the spec names none."""
        self.version: Final = 1 if spec.version == "v1" else 2
        """Version of that engine."""
        store = context.store
        name = f"{store.namespace}/{store.name}" if store.kind == "SecretStore" else store.name
        self._kv_only = context.settings.strict or name in context.settings.vault_kv_only

    def canonical(self, fetch: Fetch) -> Fetch:
        """`fetch` with its key in the one form that equal requests share.

        Raises:
            InvalidRequestError: the key is no path.
        """
        key = plain(fetch.key)
        if self._is_kv(key) and not fetch.metadata:
            key = kv_path(key, mount=self.mount, version=self.version)
        return replace(fetch, key=key)

    def known(self, fetch: Fetch) -> Route | None:
        """The route of a canonical fetch, None if the server has to be asked.

        Raises:
            InvalidRequestError: such a request cannot work.
        """
        if fetch.metadata:
            return self._metadata(fetch)
        if not self._is_kv(fetch.key):
            return None
        if fetch.parameters:
            if self.version == 1 and not self._kv_only:
                # ESO reads any engine through a v1 store at its mount; parameters tell that it is no KV engine.
                return None
            raise _needless_parameters(fetch)
        return self.kv(fetch)

    def kv(self, fetch: Fetch, *, unseen: bool = False) -> Route:
        """The route to the store's KV engine: ESO's meaning of every key."""
        path = kv_path(fetch.key, mount=self.mount, version=self.version)
        # What ESO reads as KV v1 may be any engine.
        side_effect = self.version == 1 and guess(path) is not None
        return Route(Endpoint("GET", path, side_effect=side_effect, engine=KV), self.version, unseen=unseen)

    def mounted(self, fetch: Fetch, mount: Mount) -> Route:
        """The route to the engine that owns the key.

        Raises:
            InvalidRequestError: the request needs a parameter that was not given.
        """
        if mount.engine == KV:
            if fetch.parameters:
                raise _needless_parameters(fetch)
            path = kv_path(fetch.key, mount=mount.path, version=mount.kv_version)
            endpoint = Endpoint("GET", path, side_effect=False, engine=KV)
            return Route(endpoint, mount.kv_version, repairs=(MOUNT_LOOKUP,))
        endpoint = Endpoint.of(fetch.key, mount)
        check_parameters(endpoint, fetch.parameters)
        return Route(endpoint, repairs=(MOUNT_LOOKUP,))

    def preview(self, fetch: Fetch) -> Preview:
        """What a fetch would send, as far as that can be told without asking.

        Raises:
            InvalidRequestError: such a request cannot work.
        """
        try:
            return self._preview(self.canonical(fetch))
        except InvalidRequestError as error:
            at_store(error, self._context.store, fetch.key)
            raise

    def _preview(self, fetch: Fetch) -> Preview:
        route = self.known(fetch)
        if route is not None:
            end = route.endpoint
            return Preview(fetch=fetch, method=end.method, path=end.path, side_effect=end.side_effect)
        endpoint = guess(fetch.key)
        kv = kv_path(fetch.key, mount=self.mount, version=self.version)
        if endpoint is None:
            note = "the server is asked once which engine owns the path" + (
                f"; if it shows another one than the store's, {fetch.key} is read there" if self.mount else ""
            )
            return Preview(fetch=fetch, method="GET", path=kv, note=note)
        check_parameters(endpoint, fetch.parameters)
        note = f"the server is asked once which engine owns the path; if it shows none, {kv} is read"
        return Preview(
            fetch=fetch,
            method=endpoint.method,
            path=endpoint.path,
            side_effect=endpoint.side_effect,
            note=note,
            repairs=(MOUNT_LOOKUP,),
        )

    def _metadata(self, fetch: Fetch) -> Route:
        if self.version == 1:
            raise InvalidRequestError("a KV engine of version 1 has no metadata: metadataPolicy Fetch needs version v2")
        path = kv_metadata_path(fetch.key, mount=self.mount)
        return Route(Endpoint("GET", path, side_effect=False, engine=KV), self.version)

    def _is_kv(self, key: str) -> bool:
        # What has no slash is below no mount, so there is nothing to ask.
        return self._kv_only or is_below(key, self.mount) or "/" not in key


def _needless_parameters(fetch: Fetch) -> InvalidRequestError:
    return InvalidRequestError(
        "parameters are for endpoints that issue something, and this is a secret of the KV engine", path=fetch.key
    )
