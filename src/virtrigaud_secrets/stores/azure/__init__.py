"""The `azurekv` backend: Azure Key Vault, on Microsoft's SDK (ESO §3.4).

`FACTORY` is what the registry finds. The SDK is imported when a store is first asked for something.
"""

from __future__ import annotations

import importlib.util
from typing import Final

from pydantic import BaseModel

from virtrigaud_secrets.errors import ConfigurationError, MissingDependencyError
from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider
from virtrigaud_secrets.stores.base import Fetch, Preview, StoreClient, StoreContext
from virtrigaud_secrets.stores.selectors import names_namespaces

__all__ = ["FACTORY", "KeyVaultFactory"]

_NEEDED: Final = ("secrets", "keys", "certificates")


class KeyVaultFactory:
    """`spec.provider.azurekv`."""

    @property
    def spec_model(self) -> type[BaseModel]:
        """The model of `spec.provider.azurekv`."""
        return AzureKVProvider

    def same_in_all_namespaces(self, spec: BaseModel) -> bool:
        """Whether a ClusterSecretStore is one identity for all: its references name their namespaces."""
        return names_namespaces(spec)

    def preview(self, spec: BaseModel, fetch: Fetch, context: StoreContext) -> Preview:
        """The request for `fetch`."""
        from virtrigaud_secrets.stores.azure.names import ObjectName

        _checked(spec, context)
        name = ObjectName.of(fetch)
        return Preview(fetch=name.canonical(fetch), method=name.operation, path=name.path)

    def connect(self, spec: BaseModel, context: StoreContext) -> StoreClient:
        """A client for the vault; it logs in with its first fetch."""
        checked = _checked(spec, context)
        if not _installed():
            raise MissingDependencyError("an Azure Key Vault store", extra="azure")
        from virtrigaud_secrets.stores.azure.client import AzureClient

        return AzureClient(checked, context)


def _installed() -> bool:
    """Whether the SDK is there. Parents are looked for first: `find_spec` imports them."""
    if importlib.util.find_spec("azure") is None or importlib.util.find_spec("azure.identity") is None:
        return False
    return importlib.util.find_spec("azure.keyvault") is not None and all(
        importlib.util.find_spec(f"azure.keyvault.{part}") is not None for part in _NEEDED
    )


def _checked(spec: BaseModel, context: StoreContext) -> AzureKVProvider:
    if not isinstance(spec, AzureKVProvider):
        raise ConfigurationError(f"{context.store}: the azurekv store was given another backend's spec")
    return spec


FACTORY: Final = KeyVaultFactory()
"""The backend, as the registry finds it."""
