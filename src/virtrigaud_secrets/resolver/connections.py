"""From a store reference in a manifest to the one client of that store in this process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import ClosedError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores import registry
from virtrigaud_secrets.stores.base import (
    Fetch,
    Preview,
    References,
    RetryPolicy,
    StoreClient,
    StoreContext,
    StoreFactory,
    StoreKey,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

    from virtrigaud_secrets.manifests import Catalog
    from virtrigaud_secrets.models.external_secret import GeneratorRef, SecretStoreRef
    from virtrigaud_secrets.models.retries import RetrySettings


NAMESPACE_LABELS_AGE: Final = timedelta(minutes=1)
"""How long the labels of a namespace are believed: many manifests of one namespace ask for them at once."""


@runtime_checkable
class KnowsNamespaces(Protocol):
    """References that can also tell the labels of a namespace."""

    def namespace_labels(self, name: str) -> Mapping[str, str] | None:
        """The labels of a namespace, None where nobody knows it."""
        ...


MAX_CLOSERS: Final = 8
"""Threads that help to close: as many stores may hang and closing still takes no longer than one of them."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A store reference that was looked up: which store, of which backend, read as whom."""

    key: StoreKey
    """The store's identity."""
    factory: StoreFactory
    """Its backend."""
    spec: BaseModel
    """Its spec."""
    context: StoreContext
    """What its client is given."""
    repairs: tuple[str, ...]
    """Ids of the differences from ESO that the lookup used."""
    manifest: object
    """The spec of the manifest it was made of."""

    @property
    def converts_found_names(self) -> bool:
        """Whether names that a search finds are converted before a rewrite sees them (ESO §2.2)."""
        return bool(getattr(self.factory, "converts_found_names", False))

    def preview(self, fetch: Fetch) -> Preview:
        """What `fetch` would send; no I/O."""
        # Most backends look the property up in the answer: references to several of one secret are one request.
        if not fetch.property or getattr(self.factory, "sends_property", False):
            return self.factory.preview(self.spec, fetch, self.context)
        preview = self.factory.preview(self.spec, replace(fetch, property=""), self.context)
        repairs_of = getattr(self.factory, "property_repairs", None)
        repairs: tuple[str, ...] = () if repairs_of is None else repairs_of(self.spec, fetch, self.context)
        return replace(preview, repairs=(*preview.repairs, *repairs)) if repairs else preview


class Connections:
    """The stores of one catalog: looked up for manifests, connected on first use, closed together."""

    def __init__(self, catalog: Catalog, *, settings: Settings, clock: Clock, references: References) -> None:
        self._catalog = catalog
        self._settings = settings
        self._clock = clock
        self._references = references
        self._lock = threading.Lock()
        self._bindings: dict[StoreKey, Binding] = {}
        self._clients: dict[StoreKey, StoreClient] = {}
        self._retired: list[tuple[float, StoreClient]] = []
        self._labels: dict[str, tuple[float, Mapping[str, str] | None]] = {}
        self._closed = False

    def bind(self, reference: SecretStoreRef | GeneratorRef, *, namespace: str) -> Binding:
        """The store or generator that `reference` names, seen from an ExternalSecret in `namespace`.

        Raises:
            ManifestNotFoundError: there is no such generator.
            StoreNotFoundError: there is none, or it may not be used from there.
            StoreError: a condition asks for the labels of a namespace, and the cluster's API does not tell.
            MissingDependencyError: its backend is not installed.
        """
        from virtrigaud_secrets.models.external_secret import GeneratorRef

        if isinstance(reference, GeneratorRef):
            return self._bind_generator(reference, namespace)
        found = self._catalog.store_for(
            reference, namespace=namespace, settings=self._settings, namespace_labels=self._namespace_labels
        )
        spec = found.document.spec
        factory = registry.factory(spec.provider.name)
        read_in = found.namespace
        if found.kind == "ClusterSecretStore":
            read_in = _read_in(namespace, factory, spec.provider.spec)
        key = StoreKey(found.kind, read_in, found.name)
        with self._lock:
            binding = self._bindings.get(key)
        if binding is not None and binding.repairs == found.repairs and binding.manifest == spec:
            return binding
        context = self._context(key, spec.retry_settings)
        return self._keep(Binding(key, factory, spec.provider.spec, context, found.repairs, spec))

    def _bind_generator(self, reference: GeneratorRef, namespace: str) -> Binding:
        """A generator works in the namespace of who refers to it, one of the whole cluster too (ESO §1.7)."""
        key = StoreKey(reference.kind, namespace, reference.name)
        document = self._catalog.generator(reference, namespace=namespace)
        with self._lock:
            binding = self._bindings.get(key)
        if binding is not None and binding.manifest == document.spec:
            return binding
        from virtrigaud_secrets.generators.registry import source

        found = source(document.kind, document.spec)
        context = self._context(key, getattr(found.spec, "retry_settings", None))
        return self._keep(Binding(key, found.factory, found.spec, context, (), document.spec))

    def _keep(self, binding: Binding) -> Binding:
        """Remember a binding. The client of one that took another's place is used up to its end, and no further."""
        with self._lock:
            before = self._bindings.get(binding.key)
            self._bindings[binding.key] = binding
            if before is not None and before.manifest != binding.manifest:
                client = self._clients.pop(binding.key, None)
                self._retired += [] if client is None else [(self._clock.elapsed(), client)]
        return binding

    def close_retired(self, *, older_than: timedelta) -> None:
        """Close the clients of stores whose manifest changed that long ago: what hung on their logins is replaced."""
        until = self._clock.elapsed() - older_than.total_seconds()
        with self._lock:
            ended = [client for since, client in self._retired if since <= until]
            self._retired = [(since, client) for since, client in self._retired if since > until]
        for client in ended:
            # As in `close`.
            with suppress(Exception):
                client.close()

    def _context(self, key: StoreKey, retry: RetrySettings | None) -> StoreContext:
        return StoreContext(
            store=key,
            namespace=key.namespace,
            settings=self._settings,
            clock=self._clock,
            references=self._references,
            retry=_retry_policy(retry),
        )

    def _namespace_labels(self, namespace: str) -> Mapping[str, str] | None:
        references = self._references
        if not isinstance(references, KnowsNamespaces):
            return None
        now = self._clock.elapsed()
        with self._lock:
            known = self._labels.get(namespace)
        if known is None or now - known[0] > NAMESPACE_LABELS_AGE.total_seconds():
            known = now, references.namespace_labels(namespace)
            with self._lock:
                self._labels[namespace] = known
        return known[1]

    def client(self, key: StoreKey) -> StoreClient:
        """The client of a store that was bound before; connected once.

        Raises:
            ClosedError: `close` was called.
            ConfigurationError: its spec cannot be used.
        """
        with self._lock:
            if self._closed:
                raise ClosedError("the resolver was closed")
            if key not in self._clients:
                binding = self._bindings[key]
                # Connecting does no I/O, so the lock may be held.
                self._clients[key] = binding.factory.connect(binding.spec, binding.context)
            return self._clients[key]

    def close(self, *, revoke: bool = True) -> None:
        """Close every client, all at the same time: each has its own time limit, and one may be used up to the end.

        The second call does what the first was kept from by an interruption, else nothing.
        """
        with self._lock:
            self._closed = True
        helpers = [
            threading.Thread(target=self._close_some, args=(revoke,), name="virtrigaud-secrets-close", daemon=True)
            for _ in range(min(len(self._clients) - 1, MAX_CLOSERS))
        ]
        started: list[threading.Thread] = []
        # Where the interpreter ends, no thread can be started: then one after the other.
        with suppress(RuntimeError):
            for helper in helpers:
                helper.start()
                started.append(helper)
        self._close_some(revoke)
        for helper in started:
            helper.join()

    def _close_some(self, revoke: bool) -> None:  # noqa: FBT001  # what a thread is given
        while self._clients:
            # Taken out one by one, and whatever a plug-in's client raises: none may keep the others' leases alive.
            with suppress(Exception):
                _, client = self._clients.popitem()
                client.close(revoke=revoke)
        while self._retired:
            with suppress(Exception):
                _, client = self._retired.pop()
                client.close(revoke=revoke)


def _read_in(namespace: str, factory: StoreFactory, spec: BaseModel) -> str:
    """Where a ClusterSecretStore's references are read for an ExternalSecret in `namespace`; empty if it matters not.

    ESO reads them in the ExternalSecret's namespace unless they name one: as many identities as namespaces.
    """
    same = getattr(factory, "same_in_all_namespaces", None)
    return "" if same is not None and same(spec) else namespace


def _retry_policy(settings: RetrySettings | None) -> RetryPolicy | None:
    if settings is None:
        return None
    interval = settings.retry_interval
    return RetryPolicy(
        retries=max(settings.max_retries or 0, 0),
        interval=timedelta(0) if interval is None else max(interval.timedelta, timedelta(0)),
    )
