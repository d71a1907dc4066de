"""The `fake` backend: secrets written into the store's manifest, as ESO's provider of that name (ESO §3.7)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from virtrigaud_secrets.errors import (
    ClosedError,
    ConfigurationError,
    InvalidRequestError,
    SecretNotFoundError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.golang import regexp
from virtrigaud_secrets.models.backends.fake import FakeProvider
from virtrigaud_secrets.models.push_metadata import FakePushMetadata
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.assignment import Refusal
from virtrigaud_secrets.stores.base import (
    Answer,
    Fetch,
    Preview,
    Push,
    PushOutcome,
    PushTarget,
    Query,
    StoreClient,
    StoreContext,
    StoreKey,
)
from virtrigaud_secrets.stores.merging import has_property, is_empty, with_property, without_property
from virtrigaud_secrets.stores.payload import Lookup, TextPayload
from virtrigaud_secrets.stores.push_metadata import not_owned, read_metadata


class FakeClient(StoreClient):
    """Answers from memory."""

    def __init__(self, store: StoreKey, data: Mapping[str, tuple[str, Sensitive]]) -> None:
        self._store = str(store)
        self._data = dict(data)
        self._pushed: set[str] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def get(self, fetch: Fetch) -> Answer:
        """The secret under key and version. Metadata is not told apart from the value, as in ESO."""
        self._refuse_if_closed()
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
        self._refuse_if_closed()
        if not query.name:
            raise UnsupportedFeatureError(f"{self._store}: a fake store is searched by name only")
        try:
            wanted = regexp.compile_pattern(query.name)
        except regexp.RegexpError as error:
            raise ConfigurationError(f"{self._store}: find.name.regexp: {error}") from None
        newest: dict[str, str] = {}
        for place, (version, _) in list(self._data.items()):
            key = place.removesuffix(version)
            if wanted.match(key):
                newest[key] = max(newest.get(key, ""), version)
        return {key: self.get(Fetch(store=query.store, key=key, version=newest[key])) for key in sorted(newest)}

    def push(self, push: Push) -> PushOutcome:
        """Keep the value in memory as long as the client. What the manifest writes itself is not ours (ESO §3.7)."""
        self._refuse_if_closed()
        read_metadata(push, FakePushMetadata)
        target, value = push.target, push.value
        with self._lock:
            _, current = self._data.get(target.key, ("", None))
            if current is not None and target.key not in self._pushed:
                raise not_owned(push.target, target.key)
            wanted: Sensitive | Refusal = value
            # Differs from ESO: its provider takes no notice of a property, and writes the value alone.
            if target.property:
                wanted = with_property(current, target.property, value)
            if not isinstance(wanted, Refusal):
                return self._kept(push, current, wanted)
        raise InvalidRequestError(wanted.reason, store=self._store, path=target.key)

    def exists(self, target: PushTarget) -> bool:
        """Whether there is such a secret, and the property in it."""
        self._refuse_if_closed()
        _, current = self._data.get(target.key, ("", None))
        return current is not None and (not target.property or has_property(current, target.property))

    def delete(self, target: PushTarget, *, dry_run: bool = False) -> PushOutcome:
        """Forget what was pushed."""
        self._refuse_if_closed()
        with self._lock:
            _, current = self._data.get(target.key, ("", None))
            if current is None:
                return PushOutcome.ABSENT
            if target.key not in self._pushed:
                return PushOutcome.NOT_OWNED
            left = without_property(current, target.property) if target.property else None
            if target.property and left is None:
                return PushOutcome.ABSENT
            if dry_run:
                return PushOutcome.DELETED
            if left is not None and not is_empty(left):
                self._data[target.key] = ("", left)
            else:
                del self._data[target.key]
                self._pushed.discard(target.key)
            return PushOutcome.DELETED

    def close(self, *, revoke: bool = True) -> None:  # noqa: ARG002  # nothing was taken
        """Answer nothing from now on."""
        self._closed.set()

    def _kept(self, push: Push, current: Sensitive | None, wanted: Sensitive) -> PushOutcome:
        if current == wanted:
            return PushOutcome.UNCHANGED
        if not push.dry_run:
            self._data[push.target.key] = ("", wanted)
            self._pushed.add(push.target.key)
        return PushOutcome.CREATED if current is None else PushOutcome.UPDATED

    def _refuse_if_closed(self) -> None:
        if self._closed.is_set():
            raise ClosedError(f"{self._store} was closed")


class FakeFactory:
    """`spec.provider.fake`."""

    converts_found_names = True  # ESO §2.2

    @property
    def spec_model(self) -> type[BaseModel]:
        """The model of `spec.provider.fake`."""
        return FakeProvider

    def same_in_all_namespaces(self, spec: BaseModel) -> bool:  # noqa: ARG002  # interface
        """Whether a ClusterSecretStore is one identity for all: it refers to nothing."""
        return True

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
