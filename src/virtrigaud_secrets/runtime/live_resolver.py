"""`LiveResolver`: a resolver whose manifests change while it runs. For controllers; providers use `Resolver`."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import SecretsError, forget_locals
from virtrigaud_secrets.runtime.resolver import Resolver

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle
    from virtrigaud_secrets.stores.base import Fetch

RETIRED_FOR: Final = timedelta(minutes=15)
"""How long the old client of a store whose manifest changed stays logged in: until then all is read by the new one."""


class LiveResolver(Resolver):
    """A resolver over a `LiveCatalog`.

    It gives nothing out by itself that is older than it was asked for: whoever calls decides when what is read. Leases
    are kept alive as by `Resolver`, whatever happens to other manifests. The catalog is told of changes first, then
    this: `changed` after an ExternalSecret or one of its stores, `removed` after an ExternalSecret went.
    """

    def _begin(self) -> None:
        super()._begin()
        # What was read last is in a cluster's Secret and stays there: its leases must not end for a fault.
        self._keeper.bites = False

    def count(self, asked: Callable[[Fetch, bool], None]) -> None:
        """Have somebody told of every fetch that is sent to a store, and whether it was answered."""
        self._keeper.answers.asked = asked

    def read(self, name: str, *, namespace: str, since: float = -math.inf, rotate: bool = False) -> Bundle:
        """The bundle of one ExternalSecret, from answers of requests that were sent after `since`.

        Answers of that age are shared with other ExternalSecrets: many that are read for one moment read each path
        once. A failure is an error, however good what was read before is; that stays in force.

        Args:
            name: name of the ExternalSecret.
            namespace: its namespace.
            since: on the clock that never steps.
            rotate: whether credentials that hang on a lease are read anew as well. Otherwise those in force are used as
                long as they may be given out.

        Raises:
            SecretsError: as `Resolver.resolve`.
        """
        from virtrigaud_secrets.runtime.wishes import Wish

        try:
            entry = self._entry(name, namespace)
            entry.asked_for, entry.used = True, self._elapsed()
            return self._keeper.obtain(entry, Wish(newer_than=since, spare_leases=not rotate)).bundle
        except BaseException as error:
            forget_locals(error)
            raise

    def held(self, name: str, *, namespace: str) -> Bundle | None:
        """The bundle in force, if it may be given out. Asks nobody."""
        entry = self._by_name.get((namespace, name))
        snapshot = None if entry is None else entry.snapshot
        return snapshot.bundle if snapshot is not None and self._elapsed() < snapshot.ends else None

    def makes_something(self, name: str, *, namespace: str) -> bool:
        """Whether a read has effects at a store, such as a new credential. False where it cannot be planned."""
        try:
            return any(request.side_effect for request in self.plan(name, namespace=namespace).requests)
        except SecretsError as error:
            forget_locals(error)
            return False

    def unanswered(self, name: str, *, namespace: str, since: float) -> tuple[str, ...]:
        """The fields that the stores had nothing for when an ExternalSecret was read after `since` without a fault.

        That is possible where its deletionPolicy has what is missing left out (ESO §2.6).
        """
        plan = self.plan(name, namespace=namespace)
        missing: list[str] = []
        for request in plan.requests:
            kept = self._keeper.answers.get(request.fetch)
            if kept is None or (kept.sent <= since and not kept.serial):
                missing += plan.fields_of(request.fetch)
        return tuple(missing)

    def changed(self, name: str, *, namespace: str) -> None:
        """An ExternalSecret, or a store of it, is another than before. What is in force stays until the next `read`.

        Raises:
            SecretsError: it cannot be planned any more.
        """
        self._keeper.replan(self._entry(name, namespace).name)

    def removed(self, name: str, *, namespace: str) -> None:
        """An ExternalSecret is gone: what only it used is let go of, and its leases end."""
        entry = self._by_name.get((namespace, name))
        if entry is not None:
            self._keeper.forget(entry.name)
            self._keeper.maker.forget(entry.name)

    def tidy(self) -> None:
        """Close what was kept for a while only. To be called every few minutes."""
        self._connections.close_retired(older_than=RETIRED_FOR)
