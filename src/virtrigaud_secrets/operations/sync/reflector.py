"""Follows all objects of one kind: lists them, then watches what changes, and lists anew where the cluster forgot.

What to make of an object is the listener's decision. Nothing is missed: after every gap the whole list is told.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol, cast

from virtrigaud_secrets.errors import ClosedError, SecretsError, WatchExpiredError, forget_locals

if TYPE_CHECKING:
    from virtrigaud_secrets.clock import Clock
    from virtrigaud_secrets.stores.cluster_objects import Change, ClusterObjects, Listing, Resource

WATCH_TIME: Final = timedelta(minutes=4)
"""How long one watch lasts. A connection that died without a sign is noticed at its end."""

FIRST_PAUSE: Final = 0.5
"""Seconds before the first attempt after a failure; twice as long before each further one."""
BRIEF: Final = 1.0
"""Seconds; a watch that told nothing and ended sooner is followed by a pause: whoever ends one so ends the next so."""
LONGEST_PAUSE: Final = 15.0
"""Seconds between two attempts, at most: an API server that is back is to be noticed soon."""

_log: Final = logging.getLogger("virtrigaud_secrets.sync")


class Listener(Protocol):
    """Is told of objects, on the reflector's thread."""

    def replaced(self, resource: Resource, namespace: str, items: Sequence[Mapping[str, object]]) -> None:
        """These are all there are now."""
        ...

    def changed(self, resource: Resource, body: Mapping[str, object], *, deleted: bool) -> None:
        """One came, changed or went."""
        ...


class Reflector:
    """Follows one kind in one namespace or in all."""

    def __init__(
        self,
        objects: ClusterObjects,
        resource: Resource,
        listener: Listener,
        *,
        clock: Clock,
        namespace: str = "",
        labels: str = "",
        metadata_only: bool = False,
    ) -> None:
        """Sends nothing yet.

        Args:
            objects: the cluster.
            resource: the kind.
            listener: is told.
            clock: time.
            namespace: one namespace; empty for all, and for what lives in none.
            labels: a label selector.
            metadata_only: leave everything else out.
        """
        self._objects = objects
        self._resource = resource
        self._listener = listener
        self._clock = clock
        self._namespace = namespace
        self._labels = labels
        self._metadata_only = metadata_only
        self._stopping = threading.Condition()
        self._stopped = False
        self._version = ""
        self._failures = 0
        self._progressed = False
        self._watching_since = math.inf
        self.listed = threading.Event()
        """Set once the listener was told of all there are."""

    def run(self) -> None:
        """Follow until `stop`, or until the cluster's client is closed."""
        while not self._stopped:
            self._progressed, self._watching_since = False, math.inf
            try:
                self._follow()
                self._rest("the watch ended at once")
            except ClosedError:
                return
            except WatchExpiredError as error:
                self._version = ""
                self._rest(str(error))
            except SecretsError as error:
                self._pause(str(error))
            except Exception as error:  # noqa: BLE001  # one object that nobody can read must not blind for all others
                forget_locals(error)
                # The text of a foreign error may hold anything, so only its type is told.
                self._version = ""
                self._pause(f"defect: {type(error).__name__}")

    def stop(self) -> None:
        """Pause no longer. A watch that is under way ends when the client is closed."""
        with self._stopping:
            self._stopped = True
            self._stopping.notify_all()

    def _follow(self) -> None:
        """List if need be, and watch once."""
        if not self._version:
            listing = self._list()
            self._listener.replaced(self._resource, self._namespace, listing.items)
            self._version = listing.resource_version
            self.listed.set()
        self._watching_since = self._clock.elapsed()
        for change in self._watch():
            version = _version(change.object)
            if change.kind != "BOOKMARK":
                self._listener.changed(self._resource, change.object, deleted=change.kind == "DELETED")
            self._version = version or self._version
            self._failures, self._progressed = 0, True
            if self._stopped:
                return

    def _list(self) -> Listing:
        return self._objects.list(
            self._resource, namespace=self._namespace, labels=self._labels, metadata_only=self._metadata_only
        )

    def _watch(self) -> Iterator[Change]:
        return self._objects.watch(
            self._resource,
            namespace=self._namespace,
            labels=self._labels,
            resource_version=self._version,
            timeout=WATCH_TIME,
            metadata_only=self._metadata_only,
        )

    def _rest(self, reason: str) -> None:
        """Pause after a watch that came to nothing."""
        if self._clock.elapsed() - self._watching_since >= BRIEF:
            self._failures = 0
        elif not self._progressed:
            self._pause(reason)

    def _pause(self, reason: str) -> None:
        pause = min(FIRST_PAUSE * 2.0 ** min(self._failures, 16), LONGEST_PAUSE)
        self._failures += 1
        # An API server that restarts breaks every watch: that is no reason for alarm before it lasts.
        level = logging.WARNING if self._failures > 1 else logging.INFO
        _log.log(level, "%s cannot be followed, next attempt in %.1f s: %s", self._resource.plural, pause, reason)
        with self._stopping:
            if not self._stopped:
                self._clock.wait(self._stopping, pause)


def _version(body: Mapping[str, object]) -> str:
    metadata = body.get("metadata")
    version = cast("dict[str, object]", metadata).get("resourceVersion") if isinstance(metadata, dict) else None
    return version if isinstance(version, str) else ""
