"""`Resolver`: the public face. Puts the layers together; decides nothing itself."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, overload

from virtrigaud_secrets.clock import Clock, SystemClock, reader
from virtrigaud_secrets.errors import ClosedError, PushError, SecretsError, forget_locals
from virtrigaud_secrets.events import Observer
from virtrigaud_secrets.runtime import process_end
from virtrigaud_secrets.runtime.accesses import Accesses, AccessKind, Auditor, Given
from virtrigaud_secrets.settings import Settings

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle
    from virtrigaud_secrets.cache.entries import Entry, SecretName
    from virtrigaud_secrets.leases.actions import Happened
    from virtrigaud_secrets.manifests import Catalog
    from virtrigaud_secrets.resolver.explanation import Explanation
    from virtrigaud_secrets.resolver.plan import Plan
    from virtrigaud_secrets.resolver.push_report import PushReport
    from virtrigaud_secrets.runtime.health import Health
    from virtrigaud_secrets.runtime.keeper import Keeper
    from virtrigaud_secrets.runtime.notices import Notices
    from virtrigaud_secrets.runtime.subscription import FromBundle, Subscription
    from virtrigaud_secrets.stores.base import References
    from virtrigaud_secrets.stores.references import KubernetesReferences

READY_LOOK: Final = 0.5
"""Seconds between two looks while waiting to be ready, unless something happens sooner."""

_CredentialT = TypeVar("_CredentialT")


class Resolver:
    """Resolves the ExternalSecrets of a catalog straight from their stores, and keeps what it resolved.

    ```python
    with Resolver.from_path("manifests/") as resolver:
        bundle = resolver.resolve("vsphere-credentials", namespace="vsphere-providers")
        connect(bundle.text("server"), bundle.text("username"), bundle.text("password"))
    ```

    The second `resolve` of a secret comes from memory, until its refresh interval, its lease, certificate or login says
    otherwise. While the resolver is open, leases are renewed, and rotated before they cannot be renewed any more.
    `subscribe` gives an object that always has the current value.

    Safe to use from several threads. Leaving the `with` block, `close()` or interpreter exit ends the leases and
    logins it took. A signal that kills the process does not: let a SIGTERM handler call `sys.exit()`, which unwinds to
    the end of the `with` block. (`close()` in the handler itself may wait for a lock that the interrupted code holds.)

    In a forked child it begins anew, with connections and logins of its own; what the parent took stays the parent's.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        settings: Settings | None = None,
        clock: Clock | None = None,
        references: References | None = None,
        observers: Iterable[Observer] = (),
        auditor: Auditor | None = None,
        background: bool = True,
    ) -> None:
        """A resolver over manifests that were loaded before.

        Args:
            catalog: what `virtrigaud_secrets.manifests.load` returns.
            settings: what the process decides; by default `Settings.from_environment()`.
            clock: time; by default the system's.
            references: where secretRef, caProvider and serviceAccountRef get their answers; by default the catalog's
                own Secrets, then the cluster's API, then the pod's files.
            observers: are told of every event, on a thread of their own.
            auditor: is told of every access to a secret, such as `observability.AuditLog`.
            background: whether a thread looks after leases and subscriptions, once there are any. Without it, the
                program calls `run_due` from a loop of its own.
        """
        self._settings = Settings.from_environment() if settings is None else settings
        self._catalog = catalog
        self._clock = clock or SystemClock()
        self._elapsed = reader(self._clock)
        self._given_references = references
        self._observers = tuple(observers)
        self._accesses = Accesses(auditor, self._clock)
        self._background = background
        self._closed = False
        self._subscriptions: weakref.WeakSet[Subscription[Any]] = weakref.WeakSet()
        self._pushed: dict[tuple[str, str], PushReport] = {}
        self._begin()
        process_end.opened(self)

    def _begin(self) -> None:
        """Nothing connected and no thread: at the start, and in a forked child, where neither can be shared."""
        from virtrigaud_secrets.resolver.connections import Connections
        from virtrigaud_secrets.runtime.keeper import Keeper
        from virtrigaud_secrets.runtime.notices import Notices
        from virtrigaud_secrets.runtime.upkeep import Upkeep
        from virtrigaud_secrets.stores.references import KubernetesReferences

        self._lock = threading.Lock()
        self._by_name: dict[tuple[str | None, str], Entry] = {}
        # What `cached` gives out without further ado: nothing where every access is to be told.
        self._untold = {} if self._accesses.audited else self._by_name
        self._own_references: KubernetesReferences | None = None
        references = self._given_references
        if references is None:
            references = self._own_references = KubernetesReferences(
                self._settings, catalog=self._catalog, clock=self._clock
            )
        self._references = references
        self._connections = Connections(
            self._catalog, settings=self._settings, clock=self._clock, references=references
        )
        self._notices = Notices()
        self._keeper = Keeper(
            self._catalog,
            self._connections,
            settings=self._settings,
            clock=self._clock,
            references=references,
            tell=self._tell,
            needed=self._look_after,
            dropped=self._forget,
        )
        self._keeper.answers.heard = self._accesses.asked
        self._upkeep = Upkeep(self._keeper, self._connections, clock=self._clock, elapsed=self._elapsed)

    def begin_in_child(self) -> None:
        """For this package's own use: in a forked child, with connections and logins of its own."""
        subscriptions = list(self._subscriptions)
        self._begin()
        for subscription in subscriptions:
            entry = self._keeper.entries.obtain(subscription.name)
            entry.takers.append(subscription)
            subscription.move(entry)

    @classmethod
    def from_path(
        cls,
        path: str | Path | Sequence[str | Path],
        *,
        settings: Settings | None = None,
        clock: Clock | None = None,
        references: References | None = None,
        observers: Iterable[Observer] = (),
        auditor: Auditor | None = None,
        background: bool = True,
    ) -> Self:
        """A resolver over the manifests of files or directories.

        Raises:
            ManifestError: a manifest is wrong; `findings` names every place.
        """
        from virtrigaud_secrets.manifests import load

        settings = Settings.from_environment() if settings is None else settings
        catalog = load(path, strict=settings.strict)
        return cls(
            catalog,
            settings=settings,
            clock=clock,
            references=references,
            observers=observers,
            auditor=auditor,
            background=background,
        )

    @property
    def catalog(self) -> Catalog:
        """The manifests."""
        return self._catalog

    @property
    def settings(self) -> Settings:
        """What the process decided."""
        return self._settings

    def plan(self, name: str, *, namespace: str | None = None) -> Plan:
        """What the first `resolve` would send and do. No request is sent.

        Args:
            name: name of the ExternalSecret.
            namespace: its namespace; may be left out where the name is unique.

        Raises:
            ManifestNotFoundError: there is no such ExternalSecret.
            SecretsError: as `resolve`, for what can be known without asking a store.
        """
        return self._keeper.maker.plan(self._keeper.maker.name_of(name, namespace))

    def explain(
        self, name: str, *, namespace: str | None = None, outcome: Bundle | SecretsError | None = None
    ) -> Explanation:
        """The way of every key of one ExternalSecret from store path to output, without values. Sends no request.

        Args:
            name: name of the ExternalSecret.
            namespace: its namespace; may be left out where the name is unique.
            outcome: what `resolve` returned or raised; the explanation then tells where values came from, or which
                keys a failure keeps from being there. What cannot even be planned is told as a failure.

        Raises:
            ManifestNotFoundError: there is no such ExternalSecret.
        """
        from virtrigaud_secrets.resolver.explain import explain, explain_failure

        document = self._catalog.external_secret(name, namespace=namespace)
        try:
            plan = self.plan(document.name, namespace=document.namespace)
        except SecretsError as error:
            return explain_failure(document.subject, target=document.spec.target, name=document.name, error=error)
        return explain(plan, outcome=outcome, delimiters=self._settings.template_delimiters)

    def resolve(self, name: str, *, namespace: str | None = None, min_ttl: timedelta | None = None) -> Bundle:
        """The bundle of one ExternalSecret, from memory or read, rendered and validated. Each store path is read once.

        Args:
            name: name of the ExternalSecret.
            namespace: its namespace; may be left out where the name is unique.
            min_ttl: read anew what ends sooner than this.

        Raises:
            ManifestError: the manifest, or what it refers to.
            StoreError: a store refused, failed or could not be reached.
            TemplateError: a template cannot be parsed or executed.
            ValidationError: the result is not what its type promises (`Settings.validation`).
            CredentialExpiredError: a lease came to its end, and nothing new could be had.
            ResolveError: several of these.
            ClosedError: `close` was called.
        """
        if min_ttl is None:
            bundle = self.cached(name, namespace=namespace)
            if bundle is not None:
                return bundle
        return self._accesses.told(AccessKind.RESOLVE, name, namespace, lambda: self.obtain(name, namespace, min_ttl))

    def cached(self, name: str, *, namespace: str | None = None) -> Bundle | None:
        """The bundle of one ExternalSecret if it is in memory and nothing is due for it. Asks nobody, takes no lock.

        Args:
            name: name of the ExternalSecret.
            namespace: its namespace, in the form in which it was given to `resolve`.
        """
        entry = self._untold.get((namespace, name))
        if entry is not None:
            snapshot = entry.snapshot
            if snapshot is not None:
                now = self._elapsed()
                if now < snapshot.refresh_at and now < snapshot.ends:
                    entry.used, entry.asked_for = now, True
                    entry.hits += 1
                    return snapshot.bundle
        return self._cached_and_told(name, namespace) if self._accesses.audited else None

    def resolve_all(
        self, names: Iterable[tuple[str, str]] | None = None
    ) -> dict[tuple[str, str], Bundle | SecretsError]:
        """Many ExternalSecrets at once: what they have in common is read once, and in batches where the store has them.

        Args:
            names: namespace and name of each; by default all of the catalog.

        Returns:
            Namespace and name → the bundle, or why there is none. One that fails does not take the others with it.

        Raises:
            ClosedError: `close` was called.
        """
        wanted = self._all_names() if names is None else dict.fromkeys(names)
        try:
            offered = self._keeper.fetch_ahead(self._known_entries(wanted))
            found = {(namespace, name): self._outcome(name, namespace) for namespace, name in wanted}
            self._keeper.settle(offered)
        except BaseException as error:
            forget_locals(error)
            raise
        if closed := next((outcome for outcome in found.values() if isinstance(outcome, ClosedError)), None):
            raise closed
        return found

    def refresh(self, name: str, *, namespace: str | None = None) -> Bundle:
        """Read an ExternalSecret anew now, whatever is kept. Credentials are rotated: the old ones drain.

        Raises:
            SecretsError: as `resolve`. What was in force stays so.
        """
        from virtrigaud_secrets.runtime.wishes import Wish

        def obtain() -> Given:
            entry = self._entry(name, namespace)
            entry.asked_for = True
            entry.used = now = self._elapsed()
            return Given(entry.name, self._keeper.obtain(entry, Wish(newer_than=now)).bundle)

        return self._accesses.told(AccessKind.REFRESH, name, namespace, obtain)

    def report_failure(self, bundle: Bundle) -> None:
        """A bundle's credential was refused by what it is for. See `Subscription.report_failure`."""
        for entry in self._keeper.entries.all():
            snapshot = entry.snapshot
            if snapshot is not None and snapshot.bundle is bundle:
                self._keeper.report(entry, snapshot)

    @overload
    def subscribe(self, name: str, *, namespace: str | None = None) -> Subscription[Bundle]: ...

    @overload
    def subscribe(
        self, name: str, credentials: type[FromBundle[_CredentialT]], *, namespace: str | None = None
    ) -> Subscription[_CredentialT]: ...

    def subscribe(
        self, name: str, credentials: type[FromBundle[Any]] | None = None, *, namespace: str | None = None
    ) -> Subscription[Any]:
        """Have one ExternalSecret kept fresh, and be given every new value.

        Returns at once: the first value is read in the background, and what fails is tried again. `wait_ready` waits.

        Args:
            name: name of the ExternalSecret.
            credentials: a class with `from_bundle`, such as `VSphereCredentials`; by default values are bundles.
            namespace: its namespace; may be left out where the name is unique.

        Raises:
            ManifestNotFoundError: there is no such ExternalSecret.
            ClosedError: `close` was called.
        """
        from virtrigaud_secrets.runtime.subscription import Subscription, unchanged

        self.check_open()
        with self._lock:
            # So that nobody who closes the last subscription meanwhile lets go of it.
            entry = self._entry(name, namespace)
            subscription: Subscription[Any] = Subscription(
                self,
                entry,
                convert=unchanged if credentials is None else credentials.from_bundle,
                clock=self._clock,
                manifest=f"ExternalSecret {entry.name}",
            )
            self._subscriptions.add(subscription)
            entry.takers.append(subscription)
        self.subscribed(entry)
        return subscription

    def observe(self, observer: Observer) -> None:
        """Tell one more observer of every event from now on."""
        self._observers = (*self._observers, observer)

    def health(self) -> Health:
        """How it is, for probes: `live`, `ready`, and the state of every secret that is kept. Asks no store."""
        from virtrigaud_secrets.runtime.health import Health, status_of

        now = self._elapsed()
        entries = sorted(self._keeper.entries.all(), key=lambda entry: entry.name)
        return Health(
            live=not self._closed and self._upkeep.is_well(now),
            open=not self._closed,
            secrets=tuple(status_of(entry, now=now) for entry in entries),
            requests=self._keeper.answers.requested,
            in_flight=self._keeper.answers.in_flight,
            stores={str(key): up for key, up in sorted(self._keeper.answers.reachability.stores().items())},
            logins=self._keeper.holdings.logins(),
        )

    def wait_ready(self, *, timeout: timedelta) -> None:
        """Wait until everything that is subscribed to can be given out.

        Raises:
            NotReadyError: it took longer; `missing` says what is missing and why.
            ClosedError: `close` was called.
        """
        from virtrigaud_secrets.runtime.health import not_ready

        until = self._elapsed() + timeout.total_seconds()
        while True:
            self.check_open()
            if not self._background:
                self.run_due()
            missing = self.health().missing
            if not missing:
                return
            left = until - self._elapsed()
            if left <= 0:
                raise not_ready(missing, timeout)
            wait = self._keeper.wait_for_change if self._background else self._clock.sleep  # nobody else is at work
            wait(min(left, READY_LOOK))

    def run_due(self) -> float:
        """Do what is due for leases and subscriptions, in the calling thread. For programs without a background thread.

        Returns:
            Seconds until something is due again; infinity for never.
        """
        return self._upkeep.run_due()

    def push(
        self, name: str, *, namespace: str | None = None, dry_run: bool = False, previous: PushReport | None = None
    ) -> PushReport:
        """Write what one PushSecret asks for to its stores, under ESO's marks of ownership.

        Args:
            name: name of the PushSecret.
            namespace: its namespace; may be left out where the name is unique.
            dry_run: tell what would become of every secret; nothing is sent that changes anything.
            previous: what an earlier push reported, by which `deletionPolicy: Delete` knows what is no longer asked
                for. By default what this resolver pushed last for that PushSecret.

        Raises:
            ManifestError: the manifest, or what it refers to; nothing was written.
            SecretsError: the source cannot be had, as by `resolve`; nothing was written.
            PushError: writes failed; its `report` tells what was written all the same.
            ClosedError: `close` was called.
        """
        try:
            report = self._push(name, namespace, dry_run=dry_run, previous=previous)
        except BaseException as error:
            if isinstance(error, PushError):
                self._accesses.pushed(error.report)
            forget_locals(error)
            raise
        self._accesses.pushed(report)
        return report

    def _push(self, name: str, namespace: str | None, *, dry_run: bool, previous: PushReport | None) -> PushReport:
        from virtrigaud_secrets.resolver.pushes import Pushes

        self.check_open()
        process_end.used(self._connections)
        pushes = Pushes(
            self._catalog,
            settings=self._settings,
            references=self._references,
            connections=self._connections,
            plan=lambda name, namespace: self.plan(name, namespace=namespace),
            resolve=lambda name, namespace: self.resolve(name, namespace=namespace),
            remembered=self._pushed,
        )
        return pushes.push(name, namespace, dry_run=dry_run, previous=previous)

    def close(self, *, revoke: bool = True) -> None:
        """End what was taken: leases, logins, connections, threads. Never raises; the second call does nothing.

        Takes five seconds at most, whatever the stores do.

        Args:
            revoke: end leases and logins at the stores. False leaves them to their own end, for values handed to
                somebody who outlives this process.
        """
        from virtrigaud_secrets.events import EventKind
        from virtrigaud_secrets.leases.actions import Happened

        with self._lock:
            first, self._closed = not self._closed, True
        self._by_name.clear()
        self._upkeep.close()
        self._keeper.close()
        for subscription in list(self._subscriptions):
            subscription.end_with()
        self._connections.close(revoke=revoke)
        process_end.closed(self, self._connections)
        if self._own_references is not None:
            self._own_references.close()
        if first:
            self._tell(Happened(kind=EventKind.CLOSED), None)
            self._accesses.flush()
        self._notices.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """How many manifests it holds."""
        return f"<Resolver of {len(self._catalog.external_secrets)} ExternalSecrets>"

    # For subscriptions

    @property
    def keeper(self) -> Keeper:
        """For this package's own use."""
        return self._keeper

    @property
    def notices(self) -> Notices:
        """For this package's own use."""
        return self._notices

    @property
    def accesses(self) -> Accesses:
        """For this package's own use."""
        return self._accesses

    def obtain(self, name: str, namespace: str | None, min_ttl: timedelta | None) -> Given:
        """For this package's own use: what `resolve` gives, and nobody is told."""
        try:
            entry = self._entry(name, namespace)
            entry.asked_for = True
            before = entry.snapshot
            snapshot = self._keeper.get(entry, min_ttl=0.0 if min_ttl is None else min_ttl.total_seconds())
        except BaseException as error:
            forget_locals(error)
            raise
        return Given(entry.name, snapshot.bundle, cached=snapshot is before)

    def _cached_and_told(self, name: str, namespace: str | None) -> Bundle | None:
        entry = self._by_name.get((namespace, name))
        snapshot = None if entry is None else entry.snapshot
        now = self._elapsed()
        if entry is None or snapshot is None or now >= min(snapshot.refresh_at, snapshot.ends):
            return None
        entry.used, entry.asked_for = now, True
        entry.hits += 1
        self._accesses.given(AccessKind.RESOLVE, entry.name, snapshot.bundle, cached=True)
        return snapshot.bundle

    def subscribed(self, entry: Entry) -> None:
        """For this package's own use."""
        process_end.used(self._connections)
        self._keeper.begin(entry)

    def unsubscribed(self, subscription: Subscription[Any]) -> None:
        """For this package's own use."""
        self._subscriptions.discard(subscription)
        with self._lock:
            entry = self._keeper.entries.get(subscription.name)
            if entry is not None and subscription in entry.takers:
                entry.takers.remove(subscription)
                if not entry.takers and not entry.asked_for:
                    self._keeper.forget(entry.name)
                elif not entry.takers:
                    self._keeper.holdings.call(lambda core, now: core.release(entry.name, now))

    # Inside

    def _entry(self, name: str, namespace: str | None) -> Entry:
        entry = self._by_name.get((namespace, name))
        if entry is None:
            self.check_open()
            found = self._keeper.maker.name_of(name, namespace)
            entry = self._keeper.entries.obtain(found)
            process_end.used(self._connections)
            self._by_name[namespace, name] = entry
            if entry.gone or self._closed:
                # Since it was found: nobody may find it any more.
                self._forget(found)
                return self._entry(name, namespace)
        return entry

    def _forget(self, name: SecretName) -> None:
        self._by_name.pop((name.namespace, name.name), None)
        self._by_name.pop((None, name.name), None)

    def _all_names(self) -> Iterable[tuple[str, str]]:
        return [(document.namespace, document.name) for document in self._catalog.external_secrets]

    def _known_entries(self, names: Iterable[tuple[str, str]]) -> list[Entry]:
        entries: list[Entry] = []
        for namespace, name in names:
            with suppress(SecretsError):
                entries.append(self._entry(name, namespace))
        return entries

    def _outcome(self, name: str, namespace: str) -> Bundle | SecretsError:
        try:
            return self.resolve(name, namespace=namespace)
        except SecretsError as error:
            return error

    def check_open(self) -> None:
        """For this package's own use.

        Raises:
            ClosedError: `close` was called.
        """
        if self._closed:
            raise ClosedError("the resolver was closed")

    def _look_after(self) -> None:
        if self._background and not self._closed:
            self._upkeep.begin()

    def _tell(self, happened: Happened, name: SecretName | None) -> None:
        from virtrigaud_secrets.runtime.telling import tell_observers

        if self._observers:
            tell_observers(self._observers, self._notices, happened, name, at=self._clock.now())
