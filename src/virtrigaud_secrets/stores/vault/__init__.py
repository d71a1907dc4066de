"""The `vault` backend: HashiCorp Vault and OpenBao, on hvac (ESO §3.1, §5.1).

`FACTORY` is what the registry finds. hvac and what it needs are imported when a store is connected.
"""

from __future__ import annotations

import importlib.util
from typing import Final

from pydantic import BaseModel

from virtrigaud_secrets.errors import ConfigurationError, MissingDependencyError
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.repairs import LEASE_PROPERTIES
from virtrigaud_secrets.stores.base import Fetch, Preview, StoreClient, StoreContext
from virtrigaud_secrets.stores.selectors import names_namespaces

__all__ = ["FACTORY", "VaultFactory"]


class VaultFactory:
    """`spec.provider.vault`."""

    @property
    def spec_model(self) -> type[BaseModel]:
        """The model of `spec.provider.vault`."""
        return VaultProvider

    def same_in_all_namespaces(self, spec: BaseModel) -> bool:
        """Whether a ClusterSecretStore is one identity for all: its references name their namespaces."""
        return names_namespaces(spec)

    def preview(self, spec: BaseModel, fetch: Fetch, context: StoreContext) -> Preview:
        """The request for `fetch`, as far as it can be told without asking the server which engine owns its key."""
        from virtrigaud_secrets.stores.vault.routes import Router

        return Router(_checked(spec, context), context).preview(fetch)

    def property_repairs(self, spec: BaseModel, fetch: Fetch, context: StoreContext) -> tuple[str, ...]:
        """Ids of the differences from ESO that the property of `fetch` needs; of the request itself, see `preview`."""
        from virtrigaud_secrets.stores.vault.payload import LEASE_PROPERTIES as NAMES

        if fetch.property not in NAMES or context.settings.strict or not self.preview(spec, fetch, context).side_effect:
            return ()
        return (LEASE_PROPERTIES,)

    def connect(self, spec: BaseModel, context: StoreContext) -> StoreClient:
        """A client for the store; it logs in with its first fetch."""
        if importlib.util.find_spec("hvac") is None:
            raise MissingDependencyError("a Vault or OpenBao store", extra="vault")
        from virtrigaud_secrets.stores.vault.client import VaultClient

        return VaultClient(_checked(spec, context), context)


def _checked(spec: BaseModel, context: StoreContext) -> VaultProvider:
    if not isinstance(spec, VaultProvider):
        raise ConfigurationError(f"{context.store}: the vault store was given another backend's spec")
    return spec


FACTORY: Final = VaultFactory()
"""The backend, as the registry finds it."""
