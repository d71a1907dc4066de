"""What is in the cluster, which ExternalSecrets are ours, and which of them a change concerns. Asks nobody."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from virtrigaud_secrets.operations.sync.reading import CLUSTER_STORE, StoreName

if TYPE_CHECKING:
    from virtrigaud_secrets.delivery.secret_target import SecretTarget
    from virtrigaud_secrets.manifests.live_catalog import LiveCatalog
    from virtrigaud_secrets.operations.sync.reading import SeenManifest, SeenStore

ESO_CLASS: Final = "default"
"""The controller class of ESO, unless it was told another: it also takes stores that name no class."""

_NameT = TypeVar("_NameT")

Key = tuple[str, str]
"""Namespace and name of an ExternalSecret."""


class Inventory:
    """The manifests of a cluster, as its API tells of them; keeps a catalog up to date. Safe from several threads."""

    def __init__(self, catalog: LiveCatalog, *, controller_class: str, store_namespaces: Sequence[str] = ()) -> None:
        """Empty.

        Args:
            catalog: is given every manifest that can be read.
            controller_class: whose stores are ours.
            store_namespaces: where else the catalog seeks SecretStores.
        """
        self._store_namespaces = tuple(dict.fromkeys(store_namespaces))
        self._catalog = catalog
        self._class = controller_class
        self._lock = threading.Lock()
        self._manifests: dict[Key, SeenManifest] = {}
        self._stores: dict[StoreName, SeenStore] = {}
        self._by_store: dict[StoreName, set[Key]] = {}
        self._by_target: dict[Key, set[Key]] = {}
        self._creators: dict[Key, str] = {}
        self._created: dict[Key, set[Key]] = {}

    def manifest(self, key: Key) -> SeenManifest | None:
        """An ExternalSecret, whoever's it is; None where there is none."""
        with self._lock:
            return self._manifests.get(key)

    def is_ours(self, manifest: SeenManifest) -> bool:
        """Whether the ExternalSecret is ours to sync: all stores of it that are there are of our class.

        One without any store that is there is ours only in ESO's place: who else would say what is wrong with it?
        """
        with self._lock:
            found = [store for name in manifest.stores if (store := self._find(name)) is not None]
        if not found:
            return self._class == ESO_CLASS
        return all(self._takes(store.controller) for store in found)

    def lacks_stores(self, manifest: SeenManifest) -> bool:
        """Whether an ExternalSecret names stores and none of them is there, so that nobody can tell whose it is."""
        with self._lock:
            return bool(manifest.stores) and all(self._find(name) is None for name in manifest.stores)

    def ours(self) -> list[Key]:
        """All ExternalSecrets that are ours."""
        with self._lock:
            manifests = list(self._manifests.values())
        return [manifest.key for manifest in manifests if self.is_ours(manifest)]

    def put_manifest(self, seen: SeenManifest) -> bool:
        """Add or replace an ExternalSecret. False if nothing changed but its status."""
        with self._lock:
            before = self._manifests.get(seen.key)
            self._manifests[seen.key] = seen
            if before is not None and before.says_the_same_as(seen):
                return False
            self._unlink(before)
            for store in seen.stores:
                self._by_store.setdefault(store, set()).add(seen.key)
            self._by_target.setdefault(_target(seen), set()).add(seen.key)
        if seen.document is not None:
            self._catalog.put_external_secret(seen.document)
        else:
            self._catalog.remove_external_secret(seen.name, namespace=seen.namespace)
        return True

    def remove_manifest(self, key: Key) -> bool:
        """Take an ExternalSecret out. False if there was none."""
        with self._lock:
            before = self._manifests.pop(key, None)
            self._unlink(before)
        self._catalog.remove_external_secret(key[1], namespace=key[0])
        return before is not None

    def knows_store(self, store: StoreName) -> bool:
        """Whether there is such a store."""
        with self._lock:
            return store in self._stores

    def put_store(self, seen: SeenStore) -> list[Key]:
        """Add or replace a store. Gives the ExternalSecrets that have to be planned anew."""
        with self._lock:
            before = self._stores.get(seen.store)
            self._stores[seen.store] = seen
        if seen.document is not None:
            changed = self._catalog.put_store(seen.document)
        else:
            changed = self._catalog.remove_store(seen.store.kind, seen.store.name, namespace=seen.store.namespace)
        if before is not None and not changed and before.controller == seen.controller:
            return []
        return self._users(seen.store)

    def remove_store(self, store: StoreName) -> list[Key]:
        """Take a store out. Gives the ExternalSecrets that have to be planned anew."""
        with self._lock:
            if self._stores.pop(store, None) is None:
                return []
        self._catalog.remove_store(store.kind, store.name, namespace=store.namespace)
        return self._users(store)

    def writers_of(self, secret: str, *, namespace: str) -> list[Key]:
        """The ExternalSecrets whose target is that Secret."""
        with self._lock:
            return sorted(self._by_target.get((namespace, secret), ()))

    def put_secret(self, name: str, *, namespace: str, created_by: str) -> None:
        """Note a Secret, and whose it is by its label `created-by`; empty for nobody's."""
        key = (namespace, name)
        with self._lock:
            self._forget_secret(key)
            if created_by:
                self._creators[key] = created_by
                self._created.setdefault((namespace, created_by), set()).add(key)

    def remove_secret(self, name: str, *, namespace: str) -> None:
        """A Secret is gone."""
        with self._lock:
            self._forget_secret((namespace, name))

    def secrets_of(self, namespace: str) -> set[Key]:
        """All Secrets of a namespace that somebody's label is on; of all with an empty one."""
        with self._lock:
            return {key for key in self._creators if not namespace or key[0] == namespace}

    def may_own_others(self, target: SecretTarget) -> bool:
        """Whether there are Secrets with an ExternalSecret's label beside its target."""
        with self._lock:
            return bool(
                self._created.get((target.namespace, target.created_by), set()) - {(target.namespace, target.name)}
            )

    def manifests_of(self, namespace: str) -> set[Key]:
        """All ExternalSecrets of a namespace; of all with an empty one."""
        with self._lock:
            return {key for key in self._manifests if not namespace or key[0] == namespace}

    def stores_of(self, kind: str, namespace: str) -> set[StoreName]:
        """All stores of a kind in a namespace; in all with an empty one."""
        with self._lock:
            return {
                name for name in self._stores if name.kind == kind and (not namespace or name.namespace == namespace)
            }

    def _forget_secret(self, key: Key) -> None:
        creator = self._creators.pop(key, None)
        if creator is not None:
            _discard(self._created, (key[0], creator), key)

    def _find(self, name: StoreName) -> SeenStore | None:
        own = self._stores.get(name)
        if own is not None or name.kind == CLUSTER_STORE:
            return own
        places = (name._replace(namespace=place) for place in self._store_namespaces)
        found = [self._stores[place] for place in places if place in self._stores]
        return found[0] if len(found) == 1 else None

    def _users(self, store: StoreName) -> list[Key]:
        with self._lock:
            users = set(self._by_store.get(store, ()))
            if store.kind != CLUSTER_STORE and store.namespace in self._store_namespaces:
                # It may also be, or cease to be, the one that others have no store of their own for.
                alike = (name for name in self._by_store if (name.kind, name.name) == (store.kind, store.name))
                users.update(*(self._by_store[name] for name in alike))
        return sorted(users)

    def _takes(self, controller: str) -> bool:
        return controller == self._class or (not controller and self._class == ESO_CLASS)

    def _unlink(self, seen: SeenManifest | None) -> None:
        if seen is None:
            return
        for store in seen.stores:
            _discard(self._by_store, store, seen.key)
        _discard(self._by_target, _target(seen), seen.key)


def _target(seen: SeenManifest) -> Key:
    name = None if seen.document is None else seen.document.spec.target.name
    return seen.namespace, name or seen.name


def _discard(index: dict[_NameT, set[Key]], name: _NameT, key: Key) -> None:
    keys = index.get(name)
    if keys is not None:
        keys.discard(key)
        if not keys:
            del index[name]
