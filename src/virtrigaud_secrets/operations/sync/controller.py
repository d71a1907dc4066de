"""`Sync`: puts the parts together and runs them. Decides nothing about any ExternalSecret."""

from __future__ import annotations

import logging
import math
import secrets
import socket
import threading
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.delivery.target_decision import MANAGED, MANAGED_VALUE
from virtrigaud_secrets.delivery.target_writer import TargetWriter
from virtrigaud_secrets.errors import AccessDeniedError, ClosedError, ConfigurationError, SecretsError
from virtrigaud_secrets.manifests.live_catalog import LiveCatalog
from virtrigaud_secrets.observability.sync_metrics import SyncMetrics
from virtrigaud_secrets.operations.sync.crew import Crew
from virtrigaud_secrets.operations.sync.elector import Elector
from virtrigaud_secrets.operations.sync.feed import Feed
from virtrigaud_secrets.operations.sync.inventory import Inventory
from virtrigaud_secrets.operations.sync.leader_objects import LeaderObjects
from virtrigaud_secrets.operations.sync.options import SyncOptions
from virtrigaud_secrets.operations.sync.reading import CLUSTER_STORE, read_generator
from virtrigaud_secrets.operations.sync.reconciler import Reconciler
from virtrigaud_secrets.operations.sync.recorder import Recorder
from virtrigaud_secrets.operations.sync.reflector import Reflector
from virtrigaud_secrets.runtime.live_resolver import LiveResolver
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.cluster_access import find_cluster, where_looked
from virtrigaud_secrets.stores.cluster_objects import (
    CLUSTER_SECRET_STORES,
    EXTERNAL_SECRETS,
    SECRET_STORES,
    SECRETS,
    ClusterObjects,
    Resource,
)

if TYPE_CHECKING:
    from virtrigaud_secrets.manifests.catalog import Document
    from virtrigaud_secrets.models.base import Model
    from virtrigaud_secrets.models.external_secret import GeneratorRef
    from virtrigaud_secrets.stores.base import Fetch

MAX_SECRETS: Final = 1_000_000
"""Never to be reached: a secret that fell out of memory would lose its leases."""

GRACE: Final = timedelta(seconds=10)
"""How long looks under way have to end when a sync is closed."""

TIDY_EVERY: Final = timedelta(minutes=1)
"""Between two looks at what may be closed."""

FIRST_LOOKS: Final = timedelta(milliseconds=200)
"""Between two looks whether all that is in the cluster is known."""

STUCK_AFTER: Final = timedelta(minutes=1)
"""Without a sign of the loop, after which it counts as stuck."""

_GENERATORS: Final = ("generators.external-secrets.io", "v1alpha1")
_OWN_NAMESPACE: Final = "namespace"  # file in the service account directory
_log: Final = logging.getLogger("virtrigaud_secrets.sync")


class Sync:
    """Keeps the target Secrets of a cluster's ExternalSecrets as their stores have them.

    ```python
    with Sync(SyncOptions(namespaces=("vsphere-providers",))) as sync:
        sync.run()
    ```

    `run` works until `close` is called from another thread, or until an exception ends it, such as that of a signal
    handler. Credentials that are in Secrets outlive it: they are not revoked, and the next leader makes new ones.
    """

    def __init__(
        self, options: SyncOptions | None = None, *, settings: Settings | None = None, clock: Clock | None = None
    ) -> None:
        """Nothing is sent yet.

        Args:
            options: what is synced, and how.
            settings: what the process decided; by default the environment's. A sync is always strict.
            clock: time; by default the system's.

        Raises:
            ConfigurationError: there is no cluster, or it cannot be used.
            MissingDependencyError: the Kubernetes client is not installed.
        """
        self._options = options = options or SyncOptions()
        given = Settings.from_environment() if settings is None else settings
        self._clock = clock = clock or SystemClock()
        access = find_cluster(given, clock)
        if access is None:
            raise ConfigurationError(f"nothing can be synced: {where_looked(given)}")
        self._settings = _strict(given, options)
        self._objects = LeaderObjects(access, timeout=given.request_timeout, leads=self.leads, clock=clock)
        self._watching = ClusterObjects(access, timeout=given.request_timeout, clock=clock)
        # Shorter than the deadline: one request that hangs must not cost the lease.
        patience = min(given.request_timeout, options.terms.renew_deadline / 3)
        self._voting = ClusterObjects(access, timeout=patience, clock=clock)
        self._elector = self._candidate() if options.leader_election else None
        self._catalog = LiveCatalog(store_namespaces=options.store_namespaces, find_generator=self._find_generator)
        self._inventory = Inventory(
            self._catalog, controller_class=options.controller_class, store_namespaces=options.store_namespaces
        )
        self.metrics: Final = SyncMetrics(leads=self.leads, waiting=self._waiting)
        """What it does, as Prometheus series: `sync.metrics.register()`."""
        self._reconciler = Reconciler(
            self._inventory,
            lambda: self._resolver,
            TargetWriter(self._objects, may_own_others=self._inventory.may_own_others),
            self._objects,
            Recorder(self._objects, clock=clock),
            metrics=self.metrics,
            leads=self.leads,
            clock=clock,
        )
        self._crew = Crew(self._reconciler.look, leads=self._works, size=options.concurrency, clock=clock)
        self._feed = Feed(self._inventory, self._reconciler, self._crew.enqueue)
        self._resolver = self._make_resolver()
        self._reflectors: list[Reflector] = []
        self._watchers: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._closing = False
        self._working = False
        self._transitions = -1
        self._beat = clock.elapsed()
        self._voted = -math.inf

    def leads(self) -> bool:
        """Whether this process may write."""
        return self._elector is None or self._elector.leads()

    def live(self) -> bool:
        """Whether it does its work, as far as can be told from within: for `/healthz`."""
        return not self._closing and self._clock.elapsed() - self._beat < STUCK_AFTER.total_seconds()

    def ready(self) -> bool:
        """Whether it knows what is in the cluster: for `/readyz`. One that does not lead is ready too."""
        followed = self._reflectors
        return not self._closing and bool(followed) and all(reflector.listed.is_set() for reflector in followed)

    def run(self, stop: threading.Event | None = None) -> None:
        """Sync until `stop` is set or `close` is called. Blocks.

        Args:
            stop: ends it, such as from a signal handler; `close` is to be called afterwards.

        Raises:
            ClosedError: it was closed before.
        """
        if self._closing:
            raise ClosedError("the sync was closed")
        self._follow(stop)
        self._crew.start()
        tidied = self._clock.elapsed()
        while not self._is_over(stop):
            self._beat = now = self._clock.elapsed()
            self._vote()
            if now - tidied >= TIDY_EVERY.total_seconds():
                tidied = now
                self._resolver.tidy()
            (stop or self._ending).wait(self._pause())

    def close(self) -> None:
        """Stop. What is under way has ten seconds to end. Never raises; the second call does nothing."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
        self._ending.set()
        self._watching.close()
        for reflector in self._reflectors:
            reflector.stop()
        self._crew.end(GRACE.total_seconds())
        if self._elector is not None:
            self._elector.resign()
        # What was read is in Secrets that others use: its leases and logins end by themselves.
        self._resolver.close(revoke=False)
        self._objects.close()
        self._voting.close()
        for watcher in self._watchers:
            watcher.join(1.0)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    # Leading

    def _vote(self) -> None:
        """Get or renew the lease; begin or end to work."""
        now = self._clock.elapsed()
        if self._elector is not None and now - self._voted >= self._options.terms.retry_period.total_seconds():
            self._voted = now
            try:
                self._elector.attempt()
            except ClosedError:
                return
        leads = self.leads()
        if leads and not self._working and self.ready():
            self._take_over()
        elif self._working and not leads:
            self._working = False
            _log.warning("this process leads no longer: nothing is written until it does again")

    def _follow(self, stop: threading.Event | None) -> None:
        """Follow the cluster, once it tells what of it may be followed."""
        while not self._is_over(stop):
            self._beat = self._clock.elapsed()
            try:
                self._reflectors = self._make_reflectors()
            except ClosedError:
                return
            except SecretsError as error:
                _log.warning("the cluster cannot be followed yet: %s", error)
                (stop or self._ending).wait(self._options.terms.retry_period.total_seconds())
            else:
                break
        for reflector in self._reflectors:
            thread = threading.Thread(target=reflector.run, name="virtrigaud-secrets-watch", daemon=True)
            self._watchers.append(thread)
            thread.start()

    def _take_over(self) -> None:
        """Begin to work: whatever another leader did meanwhile is looked at."""
        transitions = 0 if self._elector is None else self._elector.transitions
        if transitions != self._transitions:
            # Another one made other credentials: what was kept here is in no Secret any more.
            old, self._resolver = self._resolver, self._make_resolver()
            old.close(revoke=False)
        self._transitions = transitions
        self._reconciler.begin()
        self._working = True
        _log.info("this process leads: %d ExternalSecrets are looked at", len(self._inventory.ours()))
        self._crew.enqueue(self._inventory.ours())

    def _works(self) -> bool:
        return self._working and self.leads()

    def _is_over(self, stop: threading.Event | None) -> bool:
        return self._closing or (stop is not None and stop.is_set())

    def _waiting(self) -> int:
        return self._crew.waiting()

    def _pause(self) -> float:
        retry = self._options.terms.retry_period.total_seconds()
        # Who leads and does not work yet waits for the first lists.
        return min(retry, FIRST_LOOKS.total_seconds()) if self.leads() and not self._working else retry

    # The parts

    def _candidate(self) -> Elector:
        options = self._options
        return Elector(
            self._voting,
            options.lease_name,
            namespace=options.lease_namespace or _own_namespace(self._settings),
            identity=options.identity or f"{socket.gethostname()}_{secrets.token_hex(8)}",
            terms=options.terms,
            clock=self._clock,
        )

    def _make_resolver(self) -> LiveResolver:
        resolver = LiveResolver(self._catalog, settings=self._settings, clock=self._clock, observers=[self._feed])
        resolver.count(self._count)
        return resolver

    def _make_reflectors(self) -> list[Reflector]:
        wanted: dict[tuple[Resource, str], None] = {}
        for namespace in self._options.namespaces or ("",):
            for resource in (SECRET_STORES, EXTERNAL_SECRETS, SECRETS):
                wanted[resource, namespace] = None
        if self._options.namespaces:
            wanted |= dict.fromkeys((SECRET_STORES, namespace) for namespace in self._options.store_namespaces)
        if self._may_list_cluster_stores():
            wanted[CLUSTER_SECRET_STORES, ""] = None
        return [
            Reflector(
                self._watching,
                resource,
                self._feed,
                clock=self._clock,
                namespace=namespace,
                labels=f"{MANAGED}={MANAGED_VALUE}" if resource == SECRETS else "",
                metadata_only=resource == SECRETS,
            )
            for resource, namespace in wanted
        ]

    def _may_list_cluster_stores(self) -> bool:
        """Whether to follow ClusterSecretStores: who syncs some namespaces only may have no right to."""
        if not self._options.namespaces:
            return True
        try:
            return self._voting.reviewed("list", CLUSTER_SECRET_STORES)
        except AccessDeniedError:
            return True

    def _find_generator(self, reference: GeneratorRef, namespace: str) -> Document[Model] | None:
        group, version = _GENERATORS
        resource = Resource(group, version, f"{reference.kind.lower()}s", reference.kind)
        where = "" if reference.kind == "ClusterGenerator" else namespace
        body = self._watching.get(resource, reference.name, namespace=where)
        return None if body is None else read_generator(body, resource)

    def _count(self, fetch: Fetch, answered: bool) -> None:  # noqa: FBT001  # what the cache of answers calls
        key = fetch.store
        namespace = "" if key.kind == CLUSTER_STORE else key.namespace
        store = self._catalog.store(key.kind, key.name, namespace=namespace)
        self.metrics.asked(key.kind if store is None else store.spec.provider.name, answered=answered)


def _strict(given: Settings, options: SyncOptions) -> Settings:
    """The settings of the resolver: ESO's rules, whatever the process decided for itself."""
    return replace(
        given,
        strict=True,
        store_namespaces=(),
        controller_class=options.controller_class,
        max_secrets=max(given.max_secrets, MAX_SECRETS),
        # ESO writes whatever was resolved; the cluster itself refuses what a type does not allow.
        validation="off" if given.validation == "off" else "report",
    )


def _own_namespace(settings: Settings) -> str:
    """The pod's namespace; outside of a cluster `default`."""
    try:
        return (settings.service_account_directory / _OWN_NAMESPACE).read_text().strip() or "default"
    except OSError:
        return "default"
