"""The work on one ExternalSecret: look, decide whether a refresh is due, read, write the Secret, say what happened.

Knows no thread and no queue; a `Look` tells when to come again. Any point of it may be the last: what a look did not
come to do, the next one sees and does.
"""

from __future__ import annotations

import logging
import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast

from virtrigaud_secrets.delivery import target_report as report
from virtrigaud_secrets.delivery.secret_target import SecretTarget
from virtrigaud_secrets.delivery.target_decision import Decision, is_valid
from virtrigaud_secrets.errors import ClosedError, ManifestError, SecretsError
from virtrigaud_secrets.operations.sync import status as statuses
from virtrigaud_secrets.operations.sync.reading import CLUSTER_STORE
from virtrigaud_secrets.operations.sync.repairs import Repairs
from virtrigaud_secrets.resolver.hashes import change_marker
from virtrigaud_secrets.resolver.refresh import LastRefresh, is_due, next_periodic
from virtrigaud_secrets.stores.cluster_objects import EXTERNAL_SECRETS

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle
    from virtrigaud_secrets.clock import Clock
    from virtrigaud_secrets.delivery.live_secret import LiveSecret
    from virtrigaud_secrets.manifests.catalog import Document
    from virtrigaud_secrets.models.external_secret import ExternalSecretSpec
    from virtrigaud_secrets.observability.sync_metrics import SyncMetrics
    from virtrigaud_secrets.operations.sync.inventory import Inventory, Key
    from virtrigaud_secrets.operations.sync.reading import SeenManifest
    from virtrigaud_secrets.operations.sync.recorder import Recorder
    from virtrigaud_secrets.stores.cluster_objects import ClusterObjects

FINALIZER: Final = "externalsecrets.external-secrets.io/externalsecret-cleanup"
"""What ESO puts on every ExternalSecret (ESO §2.6). Never put on by us, and taken off in its place."""

FORCE_SYNC: Final = ("force-sync", "external-secrets.io/force-sync")
"""Annotations whose change means: read everything anew, credentials too."""

SHARED_FOR: Final = timedelta(minutes=1)
"""Periodic refreshes that are due within so long of each other may share what was read for the first of them."""
SHARED_PART: Final = 0.1
"""And within this part of their interval."""

JUST_AFTER: Final = 0.05
"""Seconds that a look comes after the moment at which a refresh is due: not before it by the other clock."""

SHORTEST: Final = 1.0
"""Seconds between a refresh that took longer than its interval and the next one: refresh times are whole seconds."""

WINDOW_LOOK: Final = 60.0
"""Seconds between looks while a sync window holds a refresh back."""

_UNCHECKED: Final = frozenset({"Orphan", "None"})
"""Creation policies under which any Secret is as it should be (ESO §2.8)."""

_DATA_FIELD: Final = re.compile(r"spec\.data\[([0-9]+)\]")
_log: Final = logging.getLogger("virtrigaud_secrets.sync")


class Values(Protocol):
    """Where values come from: a `LiveResolver`."""

    def read(self, name: str, *, namespace: str, since: float, rotate: bool) -> Bundle:
        """Values that were asked for after `since`."""
        ...

    def held(self, name: str, *, namespace: str) -> Bundle | None:
        """Values in force."""
        ...

    def makes_something(self, name: str, *, namespace: str) -> bool:
        """Whether a read makes credentials."""
        ...

    def unanswered(self, name: str, *, namespace: str, since: float) -> tuple[str, ...]:
        """Fields that the stores had nothing for."""
        ...

    def changed(self, name: str, *, namespace: str) -> None:
        """Go by a changed manifest."""
        ...

    def removed(self, name: str, *, namespace: str) -> None:
        """Let go."""
        ...


class Writer(Protocol):
    """Where Secrets go: a `TargetWriter`."""

    def read(self, target: SecretTarget) -> LiveSecret | None:
        """The Secret that is there."""
        ...

    def write(self, target: SecretTarget, outcome: Bundle | SecretsError) -> Decision:
        """Make it what it should be."""
        ...

    def remove(self, target: SecretTarget) -> Decision:
        """The ExternalSecret is being deleted."""
        ...

    def forget(self, manifest: str, *, namespace: str) -> None:
        """Let go."""
        ...


class Look(NamedTuple):
    """What came of one look."""

    next_at: float = math.inf
    """When the next one is due if nothing changes, on the clock that never steps."""
    failed: bool = False
    """Whether something went wrong."""
    retry: bool = False
    """Whether that is to be tried again after a pause. Otherwise only a change can mend it."""


class _Note(Enum):
    """What somebody noted about an ExternalSecret, for its next refresh."""

    CHANGED = "changed"
    STORE_CHANGED = "store changed"
    ROTATED = "rotated"


class _Refresh(NamedTuple):
    """A refresh that is due."""

    since: float
    """Values that were asked for later will do."""
    rotate: bool = False
    """Whether credentials are to be made anew."""
    is_repair: bool = False
    """Whether it is due only because the Secret is not as it was left."""


@dataclass(frozen=True, slots=True)
class _Work:
    """One ExternalSecret, at the beginning of a look."""

    manifest: SeenManifest
    document: Document[ExternalSecretSpec]
    target: SecretTarget
    marker: str
    status: Mapping[str, object]
    last: LastRefresh | None
    began: datetime


class Reconciler:
    """Works on ExternalSecrets, each on one thread at a time."""

    def __init__(
        self,
        inventory: Inventory,
        values: Callable[[], Values],
        writer: Writer,
        objects: ClusterObjects,
        recorder: Recorder,
        *,
        metrics: SyncMetrics,
        leads: Callable[[], bool],
        clock: Clock,
    ) -> None:
        """Nothing was looked at yet.

        Args:
            inventory: what is in the cluster.
            values: gives the resolver; another one may take its place between two looks.
            writer: writes Secrets.
            objects: writes status.
            recorder: writes events.
            metrics: is told.
            leads: whether this process may write.
            clock: time.
        """
        self._inventory = inventory
        self._values = values
        self._writer = writer
        self._objects = objects
        self._recorder = recorder
        self._metrics = metrics
        self._leads = leads
        self._clock = clock
        self._lock = threading.Lock()
        self._statuses: dict[Key, tuple[str, Mapping[str, object]]] = {}
        self._noted: Final[dict[_Note, set[Key]]] = {note: set() for note in _Note}
        self._forced: dict[Key, tuple[str | None, ...]] = {}
        self._repairs: Final = Repairs()

    def begin(self) -> None:
        """This process leads from now on: what another leader wrote meanwhile counts.

        What was noted stays: credentials that were replaced while nobody led are not in the Secret yet.
        """
        with self._lock:
            self._statuses.clear()
            self._forced.clear()

    def note_change(self, key: Key, *, of_store: bool = False) -> None:
        """A manifest is another than before, or a store of it."""
        with self._lock:
            self._noted[_Note.CHANGED].add(key)
            if of_store:
                self._noted[_Note.STORE_CHANGED].add(key)

    def note_rotation(self, key: Key) -> None:
        """Its credentials were replaced by new ones."""
        with self._lock:
            self._noted[_Note.ROTATED].add(key)

    def look(self, key: Key, due: float) -> Look:
        """Do what is to be done for one ExternalSecret now.

        Args:
            key: which.
            due: since when the look is due, on the clock that never steps: a change was seen no later.

        Raises:
            ClosedError: the resolver or the cluster's client was closed.
        """
        manifest = self._inventory.manifest(key)
        if manifest is None or not self._inventory.is_ours(manifest):
            # A store that is made anew is gone for a moment: credentials in use do not end for that.
            if manifest is None or manifest.is_going or not self._inventory.lacks_stores(manifest):
                self._let_go(key)
            return Look()
        started = self._clock.elapsed()
        try:
            look = self._remove(manifest) if manifest.is_going else self._sync(manifest, due)
        except ClosedError:
            raise
        except SecretsError as error:
            # What the cluster does not let us read or write: that cannot be written there either.
            if self._leads():
                _log.warning("ExternalSecret %s/%s: %s", manifest.namespace, manifest.name, error)
            look = Look(failed=True, retry=True)
        if not self._leads():
            return self._again()
        seconds = self._clock.elapsed() - started
        self._metrics.reconciled(manifest.name, manifest.namespace, seconds=seconds, failed=look.failed)
        return look

    def _sync(self, manifest: SeenManifest, due: float) -> Look:
        try:
            work = self._work(manifest)
        except SecretsError as error:
            decision = Decision(
                condition=report.NOT_RESOLVED, events=(report.failure_event(error),), failure=error, is_permanent=True
            )
            return self._failed(manifest, self._status(manifest), decision, timedelta(0))
        refresh = self._due(work, due)
        if refresh is not None and refresh.is_repair:
            # Whoever changes the Secret back each time is not fought with all there is.
            at, now = self._repairs.next_at(manifest.key), self._clock.elapsed()
            if at > now:
                return Look(min(at, self._next_at(work.document, work.last, overdue=WINDOW_LOOK)))
            self._repairs.note(manifest.key, now)
        if refresh is not None:
            return self._refresh(work, refresh)
        if manifest.key in self._noted[_Note.ROTATED]:
            bundle = self._values().held(manifest.name, namespace=manifest.namespace)
            if bundle is not None:
                return self._pass_on(work, bundle)
        self._tell(manifest, work.status, _interval(work.document))
        return Look(self._next_at(work.document, work.last, overdue=WINDOW_LOOK))

    def _work(self, manifest: SeenManifest) -> _Work:
        if manifest.document is None:
            raise manifest.fault or ManifestError("the ExternalSecret says nothing")
        status = self._status(manifest)
        return _Work(
            manifest,
            manifest.document,
            SecretTarget.of(manifest.document, uid=manifest.uid),
            change_marker(manifest.generation, annotations=manifest.annotations, labels=manifest.labels),
            status,
            statuses.last_refresh(status),
            # As the status keeps it: a moment later than it says would count as another one.
            self._clock.now().replace(microsecond=0),
        )

    def _again(self) -> Look:
        """As soon as this process leads: it may never notice that for a moment it did not."""
        return Look(self._clock.elapsed())

    # Whether

    def _due(self, work: _Work, due: float) -> _Refresh | None:
        """The refresh that is due (ESO §2.8), or None."""
        key, spec = work.manifest.key, work.document.spec
        forced = work.last is not None and self._forced.setdefault(key, _force(work.manifest)) != _force(work.manifest)
        rotate = forced or key in self._noted[_Note.STORE_CHANGED]
        if is_due(spec, marker=work.marker, last=work.last, now=self._clock.now()):
            periodic = work.last is not None and work.marker == work.last.marker and not rotate
            return _Refresh(due - _shared(work.document) if periodic else due, rotate)
        policy = work.target.creation_policy
        if policy not in _UNCHECKED and not is_valid(self._writer.read(work.target), policy):
            return _Refresh(due, rotate, is_repair=True)
        return _Refresh(due, is_repair=True) if self._lacks_credentials(work) else None

    def _lacks_credentials(self, work: _Work) -> bool:
        """Whether the Secret holds credentials that nobody keeps alive: another process made them.

        Differs from ESO: it lets them end. Where the manifest wants nothing read any more, so do we.
        """
        spec = work.document.spec
        if spec.refresh_policy == "CreatedOnce" or (spec.refresh_policy != "OnChange" and not _interval(work.document)):
            return False
        name, namespace = work.manifest.name, work.manifest.namespace
        values = self._values()
        return values.held(name, namespace=namespace) is None and values.makes_something(name, namespace=namespace)

    def _next_at(
        self, document: Document[ExternalSecretSpec], last: LastRefresh | None, *, overdue: float = SHORTEST
    ) -> float:
        """When its interval has passed; so many seconds from now where it has already."""
        at = None if last is None else next_periodic(document.spec, last=last)
        if at is None:
            return math.inf
        seconds = (at - self._clock.now()).total_seconds()
        return self._clock.elapsed() + (seconds + JUST_AFTER if seconds > 0 else overdue)

    # What

    def _refresh(self, work: _Work, refresh: _Refresh) -> Look:
        """Read, write the Secret, and say so: in this order, so that whatever breaks off is done again."""
        manifest, key = work.manifest, work.manifest.key
        with self._lock:
            notes = {note for note, keys in self._noted.items() if key in keys}
            for note in notes:
                self._noted[note].discard(key)
        outcome = self._read(manifest, refresh, replan=_Note.CHANGED in notes or _may_be_stale(manifest))
        if isinstance(outcome, SecretsError):
            with self._lock:
                for note in notes:
                    self._noted[note].add(key)
        else:
            # Whatever becomes of the write: a second attempt makes no second credential.
            self._forced[key] = _force(manifest)
        decision = self._writer.write(work.target, outcome) if self._leads() else None
        is_unwritten = decision is None or decision.failure is not None
        if is_unwritten and not isinstance(outcome, SecretsError):
            # Nothing else may be due at the next look, and the Secret lacks what was made for it.
            self.note_rotation(key)
        if decision is None or not self._leads():
            return self._again()
        secret = _bound(work, decision)
        if decision.failure is not None:
            return self._failed(manifest, work.status, decision, _interval(work.document), secret=secret)
        changes = statuses.after_success(
            work.status,
            decision.condition,
            began=work.began,
            marker=work.marker,
            secret=secret,
            now=self._clock.now(),
        )
        status = self._write_status(manifest, work.status, changes)
        self._say(manifest, (*self._missing(work, refresh), *decision.events))
        self._tell(manifest, status, _interval(work.document))
        return Look(self._next_at(work.document, LastRefresh(at=work.began, marker=work.marker)))

    def _read(self, manifest: SeenManifest, refresh: _Refresh, *, replan: bool) -> Bundle | SecretsError:
        values, name, namespace = self._values(), manifest.name, manifest.namespace
        try:
            if replan:
                values.changed(name, namespace=namespace)
            return values.read(name, namespace=namespace, since=refresh.since, rotate=refresh.rotate)
        except ClosedError:
            raise
        except SecretsError as error:
            return error

    def _pass_on(self, work: _Work, bundle: Bundle) -> Look:
        """Write credentials that the resolver rotated by itself: they ended, or were about to."""
        manifest, key = work.manifest, work.manifest.key
        with self._lock:
            self._noted[_Note.ROTATED].discard(key)
        decision = self._writer.write(work.target, bundle)
        if decision.failure is not None:
            self.note_rotation(key)
        if not self._leads():
            return self._again()
        secret = _bound(work, decision)
        if decision.failure is not None:
            return self._failed(manifest, work.status, decision, _interval(work.document), secret=secret)
        changes = statuses.with_condition(work.status, decision.condition, now=self._clock.now(), secret=secret)
        status = self._write_status(manifest, work.status, changes)
        self._say(manifest, decision.events)
        self._tell(manifest, status, _interval(work.document))
        return Look(self._next_at(work.document, work.last))

    def _failed(
        self,
        manifest: SeenManifest,
        status: Mapping[str, object],
        decision: Decision,
        interval: timedelta,
        *,
        secret: str = "",
    ) -> Look:
        changes = statuses.with_condition(status, decision.condition, now=self._clock.now(), secret=secret)
        after = self._write_status(manifest, status, changes)
        self._say(manifest, decision.events)
        self._tell(manifest, after, interval)
        return Look(failed=True, retry=not decision.is_permanent)

    def _missing(self, work: _Work, refresh: _Refresh) -> list[report.Event]:
        """What there is to say of secrets that were left out, since the store does not have them."""
        if work.target.deletion_policy == "Retain":
            return []
        manifest = work.manifest
        fields = self._values().unanswered(manifest.name, namespace=manifest.namespace, since=refresh.since)
        return [report.missing_event(_place(work.document, field)) for field in fields]

    # The end

    def _remove(self, manifest: SeenManifest) -> Look:
        """It is being deleted: do what its policy says, where ESO asked to be waited for, and let the cluster go on."""
        if FINALIZER not in manifest.finalizers:
            self._let_go(manifest.key)
            return Look()
        if manifest.document is not None:
            decision = self._writer.remove(SecretTarget.of(manifest.document, uid=manifest.uid))
            if decision.failure is not None:
                return self._failed(manifest, self._status(manifest), decision, timedelta(0))
            self._say(manifest, decision.events)
        current = self._objects.get(EXTERNAL_SECRETS, manifest.name, namespace=manifest.namespace, metadata_only=True)
        metadata = cast("dict[str, object]", (current or {}).get("metadata") or {})
        if metadata.get("uid") == manifest.uid:
            left = [one for one in cast("list[object]", metadata.get("finalizers") or []) if one != FINALIZER]
            patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": left}}
            self._objects.patch(EXTERNAL_SECRETS, manifest.name, patch, namespace=manifest.namespace)
        self._let_go(manifest.key)
        return Look()

    def _let_go(self, key: Key) -> None:
        """It is gone, or somebody else's: nothing is kept of it, and the leases that only it used end."""
        namespace, name = key
        with self._lock:
            self._statuses.pop(key, None)
            self._forced.pop(key, None)
            for keys in self._noted.values():
                keys.discard(key)
        self._repairs.forget(key)
        self._writer.forget(name, namespace=namespace)
        self._values().removed(name, namespace=namespace)
        self._metrics.forget(name, namespace)

    # What is said

    def _status(self, manifest: SeenManifest) -> Mapping[str, object]:
        """The status as it was left: what the cluster tells may be older."""
        uid, status = self._statuses.get(manifest.key, ("", {}))
        return status if uid == manifest.uid else manifest.status

    def _write_status(
        self, manifest: SeenManifest, status: Mapping[str, object], changes: Mapping[str, object]
    ) -> Mapping[str, object]:
        """Merge changes into the status, unless there are none. Gives what is there then.

        Raises:
            StoreError: the cluster refuses.
        """
        if not changes:
            return status
        # Under another uid it is another ExternalSecret of the same name, which has its own look coming.
        patch = {"metadata": {"uid": manifest.uid}, "status": changes}
        self._objects.patch(EXTERNAL_SECRETS, manifest.name, patch, namespace=manifest.namespace, subresource="status")
        after = statuses.with_changes(status, changes)
        with self._lock:
            self._statuses[manifest.key] = (manifest.uid, after)
        return after

    def _say(self, manifest: SeenManifest, events: Iterable[report.Event]) -> None:
        for event in events:
            self._recorder.record(manifest, event)

    def _tell(self, manifest: SeenManifest, status: Mapping[str, object], interval: timedelta) -> None:
        last = statuses.last_refresh(status)
        self._metrics.state(
            manifest.name,
            manifest.namespace,
            ready=statuses.is_ready(status),
            last_success=None if last is None else last.at,
            interval=interval,
        )


def _may_be_stale(manifest: SeenManifest) -> bool:
    """Whether a plan hangs on what is not followed: generators, and labels of the namespace that a store chooses by."""
    return manifest.uses_generators or any(store.kind == CLUSTER_STORE for store in manifest.stores)


def _bound(work: _Work, decision: Decision) -> str:
    """The Secret to name in `status.binding`; empty to leave that as it is."""
    return work.target.name if decision.is_bound else ""


def _place(document: Document[ExternalSecretSpec], field: str) -> str:
    """A field as ESO's events name it: it calls `data` `dataFrom` too, and tells the key."""
    found = _DATA_FIELD.fullmatch(field)
    if found is None:
        return field
    index = int(found[1])
    return f"spec.dataFrom[{index}] (key={document.spec.data[index].remote_ref.key})"


def _interval(document: Document[ExternalSecretSpec]) -> timedelta:
    """How often it is to be read; zero where that is not by time."""
    spec = document.spec
    periodic = spec.refresh_policy in {None, "Periodic"} and spec.refresh_interval.nanoseconds > 0
    return spec.refresh_interval.timedelta if periodic else timedelta(0)


def _shared(document: Document[ExternalSecretSpec]) -> float:
    """How many seconds older than wanted an answer may be that another periodic refresh already had."""
    return min(SHARED_FOR, _interval(document) * SHARED_PART).total_seconds()


def _force(manifest: SeenManifest) -> tuple[str | None, ...]:
    return tuple(manifest.annotations.get(name) for name in FORCE_SYNC)
