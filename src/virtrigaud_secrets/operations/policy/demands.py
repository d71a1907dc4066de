"""What the manifests of a catalog ask of each store, without asking any. Which rights that takes is told elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.resolver.connections import Binding, Connections
from virtrigaud_secrets.resolver.planner import Planner
from virtrigaud_secrets.resolver.pushing import stores_of
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch, Preview, Query, References, StoreContext, StoreFactory, StoreKey
from virtrigaud_secrets.stores.references import KubernetesReferences

if TYPE_CHECKING:
    from pydantic import BaseModel

    from virtrigaud_secrets.manifests import Catalog, Document
    from virtrigaud_secrets.models.external_secret import ExternalSecretSpec, GeneratorRef, SecretStoreRef
    from virtrigaud_secrets.models.push_secret import PushSecretSpec
    from virtrigaud_secrets.resolver.plan import Plan

_WHOLE: Final = "dataTo pushes every key of the Secret under a name of its own, which no manifest tells"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One secret that a PushSecret writes."""

    key: str
    """`remoteRef.remoteKey`."""
    property: str = ""
    """`remoteRef.property`."""
    deletes: bool = False
    """Whether it may be deleted again: `deletionPolicy: Delete`."""
    metadata: bool = False
    """Whether the manifest says how the backend is to keep it: `data[].metadata`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One thing that is asked of a store, and by whom."""

    what: Preview | Query | Write
    """A read, a search or a write."""
    manifests: tuple[str, ...]
    """The manifests that ask, sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Everything that is asked of one store as one identity."""

    key: StoreKey
    """The store, or the generator."""
    factory: StoreFactory = field(repr=False)
    """Its backend."""
    spec: BaseModel = field(repr=False)
    """Its spec: the value below `spec.provider.<name>`, or that of the generator."""
    context: StoreContext = field(repr=False)
    """What its client is given."""
    asked: tuple[Asked, ...]
    """What is asked of it, each thing once, in the order of the manifests."""
    notes: tuple[str, ...] = ()
    """What cannot be told from manifests."""

    @property
    def reads(self) -> tuple[tuple[Preview, Asked], ...]:
        """The reads."""
        return tuple((one.what, one) for one in self.asked if isinstance(one.what, Preview))

    @property
    def searches(self) -> tuple[tuple[Query, Asked], ...]:
        """The searches."""
        return tuple((one.what, one) for one in self.asked if isinstance(one.what, Query))

    @property
    def writes(self) -> tuple[tuple[Write, Asked], ...]:
        """The writes."""
        return tuple((one.what, one) for one in self.asked if isinstance(one.what, Write))


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What a catalog's manifests ask of all stores."""

    stores: tuple[Demand, ...]
    """By store, sorted."""
    plans: tuple[Plan, ...]
    """The plan of each ExternalSecret."""
    pushes: tuple[Document[PushSecretSpec], ...]
    """The PushSecrets."""
    faults: tuple[SecretsError, ...]
    """Manifests of which it cannot be told what they ask."""


def demands_of(
    catalog: Catalog,
    *,
    settings: Settings,
    names: Iterable[tuple[str, str]] | None = None,
    references: References | None = None,
    clock: Clock | None = None,
) -> Demands:
    """What the ExternalSecrets and PushSecrets of a catalog ask. Sends nothing, to no cluster either.

    Args:
        catalog: the manifests.
        settings: what the process that will resolve them decides.
        names: namespace and name of the ExternalSecrets that count; by default all of them, and all PushSecrets.
        references: what contexts of stores get, for who connects with them; by default the manifests alone.
        clock: time; nothing depends on it.
    """
    clock = clock or SystemClock()
    references = references or KubernetesReferences(settings, catalog=catalog, clock=clock, open_cluster=_no_cluster)
    connections = Connections(catalog, settings=settings, clock=clock, references=references)
    gathering = _Gathering(catalog, connections, settings)
    pushes: Sequence[Document[PushSecretSpec]] = ()
    if names is None:
        names = [(document.namespace, document.name) for document in catalog.external_secrets]
        pushes = catalog.push_secrets
    for namespace, name in names:
        gathering.external_secret(name, namespace)
    for document in pushes:
        gathering.push_secret(document)
    return gathering.demands(tuple(pushes))


def _no_cluster(settings: Settings, clock: Clock) -> None:
    """What is asked can be told without a cluster."""


class _Gathering:
    """The state of gathering."""

    def __init__(self, catalog: Catalog, connections: Connections, settings: Settings) -> None:
        self._catalog = catalog
        self._connections = connections
        self._settings = settings
        self._bindings: dict[StoreKey, Binding] = {}
        self._asked: dict[StoreKey, dict[Preview | Query | Write, dict[str, None]]] = {}
        self._notes: dict[StoreKey, dict[str, None]] = {}
        self._plans: list[Plan] = []
        self._faults: list[SecretsError] = []

    def external_secret(self, name: str, namespace: str) -> None:
        try:
            document: Document[ExternalSecretSpec] = self._catalog.external_secret(name, namespace=namespace)
            plan = Planner(self._bind, settings=self._settings).plan(document)
        except SecretsError as error:
            self._faults.append(error)
            return
        self._plans.append(plan)
        for request in plan.requests:
            self._note(request.fetch.store, request, plan.manifest)
        for query in plan.searches:
            self._note(query.store, query, plan.manifest)

    def push_secret(self, document: Document[PushSecretSpec]) -> None:
        try:
            stores = stores_of(document, self._catalog, bind=self._bind, settings=self._settings)
            if (generator := document.spec.selector.generator_ref) is not None:
                # What a generator makes is asked for as by an ExternalSecret.
                self._generated(generator, document)
        except SecretsError as error:
            self._faults.append(error)
            return
        for store in stores:
            for entry in document.spec.data:
                remote = entry.match.remote_ref
                self._write(document, store.key, remote.remote_key, remote.property or "", entry.metadata)
            for bulk in document.spec.data_to:
                if bulk.remote_key:
                    self._write(document, store.key, bulk.remote_key, "", bulk.metadata)
                else:
                    self._notes.setdefault(store.key, {})[f"{document.subject}: {_WHOLE}"] = None

    def _generated(self, reference: GeneratorRef, document: Document[PushSecretSpec]) -> None:
        binding = self._bind(reference, document.namespace)
        preview = binding.preview(Fetch(store=binding.key, key=document.subject))
        self._note(binding.key, preview, document.subject)

    def _write(
        self, document: Document[PushSecretSpec], store: StoreKey, key: str, name: str, metadata: object
    ) -> None:
        deletes = document.spec.deletion_policy == "Delete"
        self._note(
            store, Write(key=key, property=name, deletes=deletes, metadata=metadata is not None), document.subject
        )

    def _bind(self, reference: SecretStoreRef | GeneratorRef, namespace: str) -> Binding:
        binding = self._connections.bind(reference, namespace=namespace)
        self._bindings[binding.key] = binding
        return binding

    def _note(self, store: StoreKey, what: Preview | Query | Write, manifest: str) -> None:
        self._asked.setdefault(store, {}).setdefault(what, {})[manifest] = None

    def demands(self, pushes: tuple[Document[PushSecretSpec], ...]) -> Demands:
        stores: list[Demand] = []
        for key in sorted({*self._asked, *self._notes}):
            binding = self._bindings[key]
            asked = self._asked.get(key, {})
            stores.append(
                Demand(
                    key=key,
                    factory=binding.factory,
                    spec=binding.spec,
                    context=binding.context,
                    asked=tuple(Asked(what=what, manifests=tuple(sorted(who))) for what, who in asked.items()),
                    notes=tuple(self._notes.get(key, ())),
                )
            )
        return Demands(stores=tuple(stores), plans=tuple(self._plans), pushes=pushes, faults=tuple(self._faults))
