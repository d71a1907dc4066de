"""From what cluster and resolver tell to work: keeps the inventory, and has looked at whom a change concerns."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, cast

from virtrigaud_secrets.delivery.secret_target import CREATED_BY
from virtrigaud_secrets.events import Event, EventKind
from virtrigaud_secrets.operations.sync.reading import (
    SeenManifest,
    SeenStore,
    read_external_secret,
    read_store,
    texts,
)
from virtrigaud_secrets.stores.cluster_objects import EXTERNAL_SECRETS, SECRETS, Resource

if TYPE_CHECKING:
    from virtrigaud_secrets.operations.sync.inventory import Inventory, Key

_log: Final = logging.getLogger("virtrigaud_secrets.sync")


class Notes(Protocol):
    """Takes notes for the next look: a `Reconciler`."""

    def note_change(self, key: Key, *, of_store: bool = False) -> None:
        """A manifest or a store of it is another than before."""
        ...

    def note_rotation(self, key: Key) -> None:
        """Its credentials were replaced."""
        ...


class Feed:
    """Listens to reflectors and to the resolver. Safe to use from several threads."""

    def __init__(self, inventory: Inventory, notes: Notes, enqueue: Callable[[Iterable[Key]], None]) -> None:
        """Nothing was told yet.

        Args:
            inventory: is kept up to date.
            notes: is told what a change means for the next look.
            enqueue: has ExternalSecrets looked at.
        """
        self._inventory = inventory
        self._notes = notes
        self._enqueue = enqueue

    def replaced(self, resource: Resource, namespace: str, items: Sequence[Mapping[str, object]]) -> None:
        """These are all there are now."""
        if resource == SECRETS:
            secrets = {self._put_secret(body) for body in items}
            for where, name in self._inventory.secrets_of(namespace) - secrets:
                self._inventory.remove_secret(name, namespace=where)
            # Those that went meanwhile are not among them: everybody may miss one.
            self._enqueue(sorted(self._inventory.manifests_of(namespace)))
        elif resource == EXTERNAL_SECRETS:
            manifests = {self._put_manifest(body).key for body in items}
            for key in sorted(self._inventory.manifests_of(namespace) - manifests):
                self._remove_manifest(key)
        else:
            stores = {self._put_store(body, resource).store for body in items}
            for store in sorted(self._inventory.stores_of(resource.kind, namespace) - stores):
                self._replan(self._inventory.remove_store(store))

    def changed(self, resource: Resource, body: Mapping[str, object], *, deleted: bool) -> None:
        """One came, changed or went."""
        if resource == SECRETS:
            namespace, name = self._put_secret(body)
            if deleted:
                self._inventory.remove_secret(name, namespace=namespace)
            self._enqueue(self._inventory.writers_of(name, namespace=namespace))
        elif resource == EXTERNAL_SECRETS:
            if deleted:
                self._remove_manifest(read_external_secret(body, resource).key)
            else:
                self._put_manifest(body)
        elif deleted:
            self._replan(self._inventory.remove_store(read_store(body, resource).store))
        else:
            self._put_store(body, resource)

    def on_event(self, event: Event) -> None:
        """The resolver tells what happened to credentials."""
        if event.kind is EventKind.ROTATED and event.name:
            key = (event.namespace, event.name)
            self._notes.note_rotation(key)
            self._enqueue([key])

    def _put_manifest(self, body: Mapping[str, object]) -> SeenManifest:
        seen = read_external_secret(body, EXTERNAL_SECRETS)
        if self._inventory.put_manifest(seen):
            self._notes.note_change(seen.key)
            self._enqueue([seen.key])
        return seen

    def _remove_manifest(self, key: Key) -> None:
        if self._inventory.remove_manifest(key):
            self._enqueue([key])

    def _put_secret(self, body: Mapping[str, object]) -> Key:
        metadata = cast("Mapping[str, object]", body.get("metadata") or {})
        name, namespace = str(metadata.get("name")), str(metadata.get("namespace"))
        created_by = texts(metadata.get("labels")).get(CREATED_BY, "")
        self._inventory.put_secret(name, namespace=namespace, created_by=created_by)
        return namespace, name

    def _put_store(self, body: Mapping[str, object], resource: Resource) -> SeenStore:
        seen = read_store(body, resource)
        if seen.fault is not None:
            _log.warning("%s", seen.fault)
        # Of one that was not there nothing was read before.
        is_new = not self._inventory.knows_store(seen.store)
        self._replan(self._inventory.put_store(seen), of_store=not is_new)
        return seen

    def _replan(self, keys: Sequence[Key], *, of_store: bool = True) -> None:
        for key in keys:
            self._notes.note_change(key, of_store=of_store)
        self._enqueue(keys)
