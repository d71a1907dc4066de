"""The `webhook` backend: any HTTP server, asked by templates (ESO §3.8).

`FACTORY` is what the registry finds. urllib3 and the JSONPath library are imported when a store is connected.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Final

from pydantic import BaseModel

from virtrigaud_secrets.errors import ConfigurationError, MissingDependencyError
from virtrigaud_secrets.models.backends.webhook import WebhookProvider
from virtrigaud_secrets.stores.base import Fetch, Preview, StoreClient, StoreContext
from virtrigaud_secrets.stores.selectors import names_namespaces

__all__ = ["FACTORY", "WebhookFactory"]

NEEDED_PACKAGES: Final = ("urllib3", "jsonpath")
"""What the extra `webhook` brings."""


class WebhookFactory:
    """`spec.provider.webhook`."""

    sends_property = True
    """Fetches carry the property: templates may put it anywhere into the request."""

    @property
    def spec_model(self) -> type[BaseModel]:
        """The model of `spec.provider.webhook`."""
        return WebhookProvider

    def same_in_all_namespaces(self, spec: BaseModel) -> bool:
        """Whether a ClusterSecretStore is one identity for all: nothing in it reads the namespace of who asks."""
        from virtrigaud_secrets.stores.webhook import request

        provider = spec if isinstance(spec, WebhookProvider) else None
        return provider is not None and names_namespaces(spec) and "namespace" not in request.fields_read(provider)

    def preview(self, spec: BaseModel, fetch: Fetch, context: StoreContext) -> Preview:
        """The request for `fetch`, its templates not rendered. What no template reads is dropped from the fetch."""
        from virtrigaud_secrets.stores.webhook import request

        provider = _checked(spec, context)
        read = request.fields_read(provider)
        return Preview(
            fetch=replace(
                fetch,
                version=fetch.version if "version" in read else "",
                property=fetch.property if "property" in read else "",
                metadata=False,
                parameters=(),
            ),
            method=request.method_of(provider),
            path=request.shown_path(provider, fetch.key),
            side_effect=not request.is_harmless(provider),
        )

    def connect(self, spec: BaseModel, context: StoreContext) -> StoreClient:
        """A client for the store; it reads the Secrets of its templates with its first fetch."""
        if any(importlib.util.find_spec(name) is None for name in NEEDED_PACKAGES):
            raise MissingDependencyError("a webhook store", extra="webhook")
        from virtrigaud_secrets.stores.webhook import ntlm
        from virtrigaud_secrets.stores.webhook.client import WebhookClient

        provider = _checked(spec, context)
        if provider.auth is not None:
            ntlm.check_installed()
        return WebhookClient(provider, context)


def _checked(spec: BaseModel, context: StoreContext) -> WebhookProvider:
    if not isinstance(spec, WebhookProvider):
        raise ConfigurationError(f"{context.store}: the webhook store was given another backend's spec")
    return spec


FACTORY: Final = WebhookFactory()
"""The backend, as the registry finds it."""
