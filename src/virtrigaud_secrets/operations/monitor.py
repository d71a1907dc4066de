"""The guide's SecretMonitor: looks at the managed Secrets of a cluster every minute and keeps what Prometheus asks for.

What an object tells is read in `managed_secrets`, how it is told in `monitor_series`; here is when to look, and what to
keep where a look fails.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import ConfigurationError, SecretsError
from virtrigaud_secrets.operations.managed_secrets import (
    CertificateEnd,
    ObjectName,
    Picture,
    ProviderRule,
    SecretHistory,
    SecretSighting,
    Watched,
    follow,
    read_certificate,
    read_secret,
    read_sync,
)
from virtrigaud_secrets.operations.monitor_series import series
from virtrigaud_secrets.stores.cluster_objects import EXTERNAL_SECRETS, SECRETS, ClusterObjects

if TYPE_CHECKING:
    from prometheus_client.core import Metric

INTERVAL: Final = timedelta(seconds=60)
"""How often the guide's monitor looks."""

LABELS: Final = ("app.kubernetes.io/managed-by=external-secrets", "reconcile.external-secrets.io/managed=true")
"""Selectors of managed Secrets: the guide's label, and the one that ESO sets."""

LATE: Final = 3
"""A monitor that began no look for so many intervals does not live."""

_TLS: Final = "type=kubernetes.io/tls"
_log: Final = logging.getLogger("virtrigaud_secrets.operations")


class Monitor:
    """Watches the managed Secrets of a cluster. A collector of prometheus-client.

    ```python
    monitor = Monitor(objects)
    registry.register(monitor)
    with HttpEndpoint(":8080", registry=registry, live=monitor.live, ready=monitor.ready):
        monitor.run(stop)
    ```
    """

    def __init__(
        self,
        objects: ClusterObjects,
        *,
        namespaces: Sequence[str] = (),
        labels: Sequence[str] = LABELS,
        providers: Sequence[ProviderRule] = (),
        interval: timedelta = INTERVAL,
        clock: Clock | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            objects: the cluster; the caller closes it.
            namespaces: where to look; empty for everywhere.
            labels: label selectors; a Secret that one of them matches is managed.
            providers: what Secrets without the label `provider` are for, the first rule that matches.
            interval: how often to look.
            clock: time; by default the system's.

        Raises:
            ConfigurationError: no label, or no interval.
        """
        if not labels or not all(labels):
            raise ConfigurationError("a monitor needs a label selector: without one it would look at every Secret")
        if interval <= timedelta(0):
            raise ConfigurationError("the interval of a monitor must be longer than zero")
        self._objects: Final = objects
        self._namespaces: Final = tuple(namespaces) or ("",)
        self._labels: Final = tuple(labels)
        self._providers: Final = tuple(providers)
        self._interval: Final = interval
        self._clock: Final = clock or SystemClock()
        self._picture = Picture()
        self._began_at = self._clock.elapsed()
        self._running = False

    @property
    def picture(self) -> Picture:
        """What is known now."""
        return self._picture

    def run(self, stop: threading.Event) -> None:
        """Look every interval until `stop` is set. A look that fails is repeated at the next interval."""
        waiting = threading.Condition()
        self._running = True
        try:
            while not stop.is_set():
                self.look()
                until = self._began_at + self._interval.total_seconds()
                while not stop.is_set() and (left := until - self._clock.elapsed()) > 0:
                    # In short pieces: nobody notifies a condition from within a signal handler.
                    with waiting:
                        self._clock.wait(waiting, min(left, 0.5))
        finally:
            self._running = False

    def look(self) -> Picture:
        """Look once. What cannot be read stays as it was, and is counted."""
        self._began_at = self._clock.elapsed()
        # First what dates a Secret that is seen for the first time.
        self._picture = self._look_at_syncs(self._picture)
        self._picture = self._look_at_secrets(self._picture)
        return self._picture

    def live(self) -> bool:
        """Whether it looks when it should, whatever it sees: what a liveness probe asks."""
        return self._running and self._clock.elapsed() - self._began_at < LATE * self._interval.total_seconds()

    def ready(self) -> bool:
        """Whether it ever saw the cluster's Secrets: what a readiness probe asks."""
        return self._picture.about_secrets.succeeded_at is not None

    def describe(self) -> Iterable[Metric]:
        """Nothing: the series are known when they are collected."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All series, by what was last seen and the time now."""
        return series(self._picture, self._clock.now())

    def _look_at_syncs(self, picture: Picture) -> Picture:
        try:
            found = [
                read_sync(body)
                for namespace in self._namespaces
                for body in self._objects.list(EXTERNAL_SECRETS, namespace=namespace).items
            ]
        except SecretsError as error:
            return replace(picture, about_syncs=self._failed(picture.about_syncs, "ExternalSecrets", error))
        syncs = {sync.name: sync for sync in found}
        targets = {ObjectName(sync.name.namespace, sync.target): sync for sync in found}
        return replace(picture, syncs=syncs, targets=targets, about_syncs=self._succeeded(picture.about_syncs))

    def _look_at_secrets(self, picture: Picture) -> Picture:
        try:
            found = {secret.name: secret for secret in self._sightings()}
            ends = dict(self._certificates())
        except SecretsError as error:
            return replace(picture, about_secrets=self._failed(picture.about_secrets, "Secrets", error))
        now = self._clock.now()
        secrets: dict[ObjectName, SecretHistory] = {}
        for name, seen in found.items():
            sync = picture.sync_of(seen)
            refreshed_at = None if sync is None else sync.refreshed_at
            history = follow(picture.secrets.get(name), seen, refreshed_at=refreshed_at, now=now)
            secrets[name] = replace(history, certificate=ends.get(name))
        return replace(picture, secrets=secrets, about_secrets=self._succeeded(picture.about_secrets))

    def _sightings(self) -> Iterator[SecretSighting]:
        """The managed Secrets, by their metadata: values stay where they are."""
        for namespace in self._namespaces:
            for labels in self._labels:
                listing = self._objects.list(SECRETS, namespace=namespace, labels=labels, metadata_only=True)
                yield from (read_secret(body, self._providers) for body in listing.items)

    def _certificates(self) -> Iterator[tuple[ObjectName, CertificateEnd | None]]:
        """Those with a certificate. Their keys come along; they are dropped with the answer."""
        for namespace in self._namespaces:
            for labels in self._labels:
                listing = self._objects.list(SECRETS, namespace=namespace, labels=labels, fields=_TLS)
                yield from ((read_secret(body).name, read_certificate(body)) for body in listing.items)

    def _succeeded(self, watched: Watched) -> Watched:
        return replace(watched, succeeded_at=self._clock.now(), reason="")

    def _failed(self, watched: Watched, what: str, error: SecretsError) -> Watched:
        reason = str(error)
        if reason != watched.reason:  # once, not every minute of an outage
            _log.warning("cannot look at %s, what was seen before stays: %s", what, reason)
        return replace(watched, failures=watched.failures + 1, reason=reason)
