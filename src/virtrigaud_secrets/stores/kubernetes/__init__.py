"""The `kubernetes` backend: Secrets of this or another cluster, on the official client (ESO §3.6).

`FACTORY` is what the registry finds. The client is imported with the first request.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from typing import Final

from pydantic import BaseModel

from virtrigaud_secrets.errors import ConfigurationError, InvalidRequestError, MissingDependencyError
from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider
from virtrigaud_secrets.models.patterns import NAME_PATTERN
from virtrigaud_secrets.repairs import OWN_IDENTITY
from virtrigaud_secrets.stores.base import Fetch, Preview, StoreClient, StoreContext, at_store
from virtrigaud_secrets.stores.selectors import names_namespaces

__all__ = ["FACTORY", "KubernetesFactory"]

MAX_NAME_LENGTH: Final = 253
"""Characters in the name of a Kubernetes object."""


class KubernetesFactory:
    """`spec.provider.kubernetes`."""

    converts_found_names = True  # ESO §2.2

    @property
    def spec_model(self) -> type[BaseModel]:
        """The model of `spec.provider.kubernetes`."""
        return KubernetesProvider

    def same_in_all_namespaces(self, spec: BaseModel) -> bool:
        """Whether a ClusterSecretStore is one identity for all: its references name their namespaces."""
        return names_namespaces(spec)

    def preview(self, spec: BaseModel, fetch: Fetch, context: StoreContext) -> Preview:
        """The request for `fetch`. Its version is dropped: a cluster keeps none, and ESO ignores it."""
        provider = _checked(spec, context)
        if len(fetch.key) > MAX_NAME_LENGTH or re.search(NAME_PATTERN, fetch.key) is None or fetch.key.endswith("\n"):
            raise at_store(InvalidRequestError("the key is no name of a Secret", path=fetch.key), context.store)
        path = f"namespaces/{provider.remote_namespace}/secrets/{fetch.key}"
        own = provider.auth is None and provider.auth_ref is None and not context.settings.strict
        repairs = (OWN_IDENTITY,) if own else ()
        return Preview(fetch=replace(fetch, version="", parameters=()), method="GET", path=path, repairs=repairs)

    def connect(self, spec: BaseModel, context: StoreContext) -> StoreClient:
        """A client for the store; it logs in with its first fetch."""
        if importlib.util.find_spec("kubernetes") is None:
            raise MissingDependencyError("a store of Kubernetes Secrets", extra="kubernetes")
        from virtrigaud_secrets.stores.kubernetes.client import KubernetesClient

        return KubernetesClient(_checked(spec, context), context)


def _checked(spec: BaseModel, context: StoreContext) -> KubernetesProvider:
    if not isinstance(spec, KubernetesProvider):
        raise ConfigurationError(f"{context.store}: the kubernetes store was given another backend's spec")
    return spec


FACTORY: Final = KubernetesFactory()
"""The backend, as the registry finds it."""
