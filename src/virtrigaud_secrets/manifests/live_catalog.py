"""`LiveCatalog`: a catalog whose manifests come and go while it is used, as they do in a cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from virtrigaud_secrets.errors import ManifestNotFoundError
from virtrigaud_secrets.manifests.catalog import CLUSTER_GENERATOR, Catalog, Document, StoreDocument
from virtrigaud_secrets.repairs import STORE_NAMESPACE
from virtrigaud_secrets.settings import Settings

if TYPE_CHECKING:
    from virtrigaud_secrets.models.base import Model
    from virtrigaud_secrets.models.external_secret import ExternalSecretSpec, GeneratorRef
    from virtrigaud_secrets.models.secret_store import SecretStoreSpec

FindGenerator = Callable[["GeneratorRef", str], "Document[Model] | None"]
"""Looks a generator up for an ExternalSecret of a namespace; None where there is none. May ask the cluster."""


class LiveCatalog(Catalog):
    """Manifests by name, which may change at any time. Safe to use from several threads.

    Whoever asks sees the manifests as they are then. What was planned or connected by what was there before is the
    business of whoever did so: see `LiveResolver`.
    """

    def __init__(self, *, store_namespaces: Sequence[str] = (), find_generator: FindGenerator | None = None) -> None:
        """Empty.

        Args:
            store_namespaces: where else a SecretStore is sought that is not in the ExternalSecret's own namespace, if
                exactly one of them has it. In strict settings too: whoever makes the catalog says so.
            find_generator: where generators are; by default there are none.
        """
        super().__init__()
        self._store_namespaces = tuple(dict.fromkeys(store_namespaces))
        self._find_generator = find_generator
        self._writing = threading.Lock()

    def put_external_secret(self, document: Document[ExternalSecretSpec]) -> bool:
        """Add or replace an ExternalSecret. False if it says what the one before said."""
        key = (document.namespace, document.name)
        with self._writing:
            old = self._external_secrets.get(key)
            if old == document:
                return False
            self._external_secrets = {**self._external_secrets, key: document}
        return True

    def put_store(self, document: Document[SecretStoreSpec]) -> bool:
        """Add or replace a SecretStore or ClusterSecretStore. False if its spec is that of the one before."""
        key = (document.namespace, document.name)
        with self._writing:
            stores = self._stores_of(document.kind)
            old = stores.get(key)
            self._set_stores(document.kind, {**stores, key: document})
        return old is None or old.spec != document.spec

    def remove_external_secret(self, name: str, *, namespace: str) -> bool:
        """Take an ExternalSecret out. False if there was none."""
        with self._writing:
            if (namespace, name) not in self._external_secrets:
                return False
            self._external_secrets = {
                key: document for key, document in self._external_secrets.items() if key != (namespace, name)
            }
        return True

    def remove_store(self, kind: str, name: str, *, namespace: str) -> bool:
        """Take a store out. False if there was none."""
        with self._writing:
            stores = self._stores_of(kind)
            if (namespace, name) not in stores:
                return False
            self._set_stores(kind, {key: document for key, document in stores.items() if key != (namespace, name)})
        return True

    def store(self, kind: str, name: str, *, namespace: str) -> Document[SecretStoreSpec] | None:
        """One store by its full name, whoever may use it; None where there is none."""
        return self._stores_of(kind).get((namespace, name))

    def generator(self, reference: GeneratorRef, *, namespace: str) -> Document[Model]:
        """The generator that `reference` names, seen from an ExternalSecret in `namespace`.

        Raises:
            ManifestNotFoundError: there is none.
            StoreError: the cluster was asked and does not tell.
        """
        found = None if self._find_generator is None else self._find_generator(reference, namespace)
        if found is None:
            where = "" if reference.kind == CLUSTER_GENERATOR else f' in namespace "{namespace}"'
            raise ManifestNotFoundError(f'no {reference.kind} "{reference.name}"{where}')
        return found

    def _store(self, name: str, *, namespace: str, settings: Settings) -> StoreDocument:
        if (namespace, name) not in self._stores:
            found = [self._stores[place, name] for place in self._store_namespaces if (place, name) in self._stores]
            if len(found) == 1:
                return StoreDocument(document=found[0], repairs=(STORE_NAMESPACE,))
        return super()._store(name, namespace=namespace, settings=settings)

    def _stores_of(self, kind: str) -> dict[tuple[str, str], Document[SecretStoreSpec]]:
        return self._cluster_stores if kind == "ClusterSecretStore" else self._stores

    def _set_stores(self, kind: str, stores: dict[tuple[str, str], Document[SecretStoreSpec]]) -> None:
        # In one piece: whoever reads meanwhile sees all of one or all of the other.
        if kind == "ClusterSecretStore":
            self._cluster_stores = stores
        else:
            self._stores = stores
