"""The `gcpsm` backend: Google Secret Manager, on the official client's REST transport (ESO §3.5).

`FACTORY` is what the registry finds. Google's packages are imported when a store is first asked.
"""

from __future__ import annotations

import importlib.util
from typing import Final

from pydantic import BaseModel

from virtrigaud_secrets.errors import ConfigurationError, MissingDependencyError
from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider
from virtrigaud_secrets.stores.base import Fetch, Preview, StoreClient, StoreContext
from virtrigaud_secrets.stores.selectors import names_namespaces

__all__ = ["FACTORY", "GcpFactory"]

_NEEDED: Final = ("google.cloud.secretmanager_v1", "requests")


class GcpFactory:
    """`spec.provider.gcpsm`."""

    converts_found_names = True  # ESO §2.2

    @property
    def spec_model(self) -> type[BaseModel]:
        """The model of `spec.provider.gcpsm`."""
        return GCPSMProvider

    def same_in_all_namespaces(self, spec: BaseModel) -> bool:
        """Whether a ClusterSecretStore is one identity for all: its references name their namespaces."""
        return names_namespaces(spec)

    def preview(self, spec: BaseModel, fetch: Fetch, context: StoreContext) -> Preview:
        """The request for `fetch`, as far as it can be told without asking for the project."""
        from virtrigaud_secrets.stores.gcp.names import preview

        return preview(_checked(spec, context), fetch, context)

    def connect(self, spec: BaseModel, context: StoreContext) -> StoreClient:
        """A client for the store; it logs in with its first fetch."""
        if not all(map(_installed, _NEEDED)):
            raise MissingDependencyError("a Google Secret Manager store", extra="gcp")
        from virtrigaud_secrets.stores.gcp.client import GcpClient

        return GcpClient(_checked(spec, context), context)


def _installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # one of its parents is missing
        return False


def _checked(spec: BaseModel, context: StoreContext) -> GCPSMProvider:
    if not isinstance(spec, GCPSMProvider):
        raise ConfigurationError(f"{context.store}: the gcpsm store was given another backend's spec")
    return spec


FACTORY: Final = GcpFactory()
"""The backend, as the registry finds it."""
