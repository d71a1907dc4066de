"""The `aws` backend: Secrets Manager, Parameter Store and Certificate Manager, on boto3 (ESO §3.3).

`FACTORY` is what the registry finds. boto3 is imported when a store is connected.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from virtrigaud_secrets.errors import (
    ConfigurationError,
    InvalidRequestError,
    MissingDependencyError,
)
from virtrigaud_secrets.models.backends.aws import AWSProvider
from virtrigaud_secrets.stores.base import Fetch, Preview, StoreClient, StoreContext
from virtrigaud_secrets.stores.selectors import names_namespaces

__all__ = ["FACTORY"]


_CLIENTS: Final[Mapping[str, tuple[str, str]]] = {
    "SecretsManager": ("secrets_manager", "SecretsManagerClient"),
    "ParameterStore": ("parameter_store", "ParameterStoreClient"),
    "CertificateManager": ("certificate_manager", "CertificateManagerClient"),
}
"""Service → module here and client in it."""


class AWSFactory:
    """`spec.provider.aws`."""

    @property
    def spec_model(self) -> type[BaseModel]:
        """The model of `spec.provider.aws`."""
        return AWSProvider

    def same_in_all_namespaces(self, spec: BaseModel) -> bool:
        """Whether a ClusterSecretStore is one identity for all: its references name theirs, and no session tag does."""
        return getattr(spec, "session_tags_policy", "") == "None" and names_namespaces(spec)

    def preview(self, spec: BaseModel, fetch: Fetch, context: StoreContext) -> Preview:
        """The request for `fetch`. What shares a request with others is shown as if it were alone."""
        from virtrigaud_secrets.stores.aws import names

        provider = _checked(spec, context)
        if fetch.parameters:
            raise InvalidRequestError("an AWS store takes no parameters", store=str(context.store), path=fetch.key)
        fetch = names.canonical(fetch, provider)
        return Preview(fetch=fetch, method=names.operation(fetch, provider), path=names.path(fetch, provider))

    def connect(self, spec: BaseModel, context: StoreContext) -> StoreClient:
        """A client for the store; it looks for credentials with its first fetch."""
        provider = _checked(spec, context)
        if importlib.util.find_spec("boto3") is None:
            raise MissingDependencyError("an AWS store", extra="aws")
        module, client = _CLIENTS[provider.service]
        made: StoreClient = getattr(importlib.import_module(f"{__name__}.{module}"), client)(provider, context)
        return made


def _checked(spec: BaseModel, context: StoreContext) -> AWSProvider:
    if not isinstance(spec, AWSProvider):
        raise ConfigurationError(f"{context.store}: the aws store was given another backend's spec")
    return spec


FACTORY: Final = AWSFactory()
"""The backend, as the registry finds it."""
