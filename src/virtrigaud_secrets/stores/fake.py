"""The `fake` backend: secrets written into the store's manifest, as ESO's provider of that name (ESO §3.7)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from virtrigaud_secrets.errors import ClosedError, ConfigurationError, SecretNotFoundError
from virtrigaud_secrets.models.backends.fake import FakeProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Answer, Fetch, Preview, StoreClient, StoreContext, StoreKey
from virtrigaud_secrets.stores.payload import Lookup, TextPayload


class FakeClient(StoreClient):
    """Answers from memory."""

    def __init__(self, store: StoreKey, data: Mapping[str, tuple[str, Sensitive]]) -> None:
        self._store = str(store)
        self._data = data
        self._closed = threading.Event()

    def get(self, fetch: Fetch) -> Answer:
        """The secret under key and version. Metadata is not told apart from the value, as in ESO."""
        if self._closed.is_set():
            raise ClosedError(f"{self._store} was closed")
        # Key and version are joined without a separator, so that ("a1", "") and ("a", "1") are one place: ESO §3.7.
        version, value = self._data.get(fetch.key + fetch.version, (None, Sensitive(b"")))
        if version != fetch.version:
            wanted = f' in version "{fetch.version}"' if fetch.version else ""
            raise SecretNotFoundError(f"there is no such secret{wanted}", store=self._store, path=fetch.key)
        payload = TextPayload(value.reveal(), lookup=Lookup.PATH, store=self._store, path=fetch.key)
        return Answer(payload=payload, path=fetch.key, version=fetch.version)

    def close(self, *, revoke: bool = True) -> None:  # noqa: ARG002  # nothing was taken
        """Answer nothing from now on."""
        self._closed.set()


class FakeFactory:
    """`spec.provider.fake`."""

    @property
    def spec_model(self) -> type[BaseModel]:
        """The model of `spec.provider.fake`."""
        return FakeProvider

    def preview(self, spec: BaseModel, fetch: Fetch, context: StoreContext) -> Preview:  # noqa: ARG002  # interface
        """The look-up; nothing is ever sent."""
        return Preview(fetch=fetch, method="GET", path=fetch.key)

    def connect(self, spec: BaseModel, context: StoreContext) -> StoreClient:
        """A client that holds the manifest's data."""
        if not isinstance(spec, FakeProvider):
            raise ConfigurationError(f"{context.store}: the fake store was given another backend's spec")
        data = {entry.key + entry.version: (entry.version, Sensitive(entry.value)) for entry in spec.data}
        return FakeClient(context.store, data)


FACTORY: Final = FakeFactory()
"""The backend, as the registry finds it."""
