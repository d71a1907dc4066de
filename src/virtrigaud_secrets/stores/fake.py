"""The `fake` backend: secrets written into the store's manifest, as ESO's provider of that name (ESO §3.7)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from virtrigaud_secrets.errors import ClosedError, ConfigurationError, SecretNotFoundError, UnsupportedFeatureError
from virtrigaud_secrets.golang import regexp
from virtrigaud_secrets.models.backends.fake import FakeProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Answer, Fetch, Preview, Query, StoreClient, StoreContext, StoreKey
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

    def find(self, query: Query) -> Mapping[str, Answer]:
        """The secrets whose key the name matches, each in its version that sorts last: ESO §3.7.

        Raises:
            UnsupportedFeatureError: the search is by tags or path, or by nothing.
            ConfigurationError: the name is no regular expression.
        """
        if self._closed.is_set():
            raise ClosedError(f"{self._store} was closed")
        if not query.name:
            raise UnsupportedFeatureError(f"{self._store}: a fake store is searched by name only")
        try:
            wanted = regexp.compile_pattern(query.name)
        except regexp.RegexpError as error:
            raise ConfigurationError(f"{self._store}: find.name.regexp: {error}") from None
        newest: dict[str, str] = {}
        for place, (version, _) in self._data.items():
            key = place.removesuffix(version)
            if wanted.match(key):
                newest[key] = max(newest.get(key, ""), version)
        return {key: self.get(Fetch(store=query.store, key=key, version=newest[key])) for key in sorted(newest)}

    def close(self, *, revoke: bool = True) -> None:  # noqa: ARG002  # nothing was taken
        """Answer nothing from now on."""
        self._closed.set()


class FakeFactory:
    """`spec.provider.fake`."""

    converts_found_names = True  # ESO §2.2

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
