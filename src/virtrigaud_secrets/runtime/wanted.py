"""Which ExternalSecrets want which answers of stores: what nobody wants any more need not be kept."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from virtrigaud_secrets.cache.entries import SecretName
    from virtrigaud_secrets.stores.base import Fetch


class Wanted:
    """Who wants what. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[Fetch, set[SecretName]] = {}

    def add(self, name: SecretName, fetches: Collection[Fetch]) -> None:
        """An ExternalSecret wants these."""
        with self._lock:
            self._add(name, fetches)

    def drop(self, name: SecretName, fetches: Collection[Fetch]) -> list[Fetch]:
        """It wants these no longer. Gives those of them that nobody wants."""
        with self._lock:
            return self._drop(name, fetches)

    def replace(self, name: SecretName, fetches: Collection[Fetch]) -> list[Fetch]:
        """It wants these and no others. Gives those that nobody wants any more."""
        with self._lock:
            before = {fetch for fetch, names in self._names.items() if name in names}
            self._add(name, fetches)
            return self._drop(name, before.difference(fetches))

    def _add(self, name: SecretName, fetches: Collection[Fetch]) -> None:
        for fetch in fetches:
            self._names.setdefault(fetch, set()).add(name)

    def _drop(self, name: SecretName, fetches: Collection[Fetch]) -> list[Fetch]:
        for fetch in fetches:
            self._names.get(fetch, set()).discard(name)
        unwanted = [fetch for fetch in fetches if not self._names.get(fetch)]
        for fetch in unwanted:
            self._names.pop(fetch, None)
        return unwanted
