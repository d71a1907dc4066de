"""Sends what a push is: each write once, in order; deletes what is no longer asked for. It was planned before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ClosedError,
    ConfigurationError,
    ConflictError,
    PushError,
    SecretsError,
    StoreError,
    StoreUnavailableError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.resolver.push_plan import PushStep, PushStore, Source, check_stores, steps_for
from virtrigaud_secrets.resolver.push_report import PushedEntry, PushReport
from virtrigaud_secrets.stores.base import PushOutcome, PushTarget, StoreClient, StoreKey

if TYPE_CHECKING:
    from virtrigaud_secrets.manifests import Catalog, Document
    from virtrigaud_secrets.models.external_secret import SecretStoreRef
    from virtrigaud_secrets.models.push_secret import PushSecretSpec, PushSecretStoreRef
    from virtrigaud_secrets.resolver.connections import Binding
    from virtrigaud_secrets.settings import Settings

Bind = Callable[["SecretStoreRef", str], "Binding"]
"""Looks a store reference up, seen from a namespace."""


class Pusher:
    """Pushes PushSecrets of one catalog."""

    def __init__(
        self, catalog: Catalog, *, settings: Settings, bind: Bind, client_of: Callable[[StoreKey], StoreClient]
    ) -> None:
        self._catalog = catalog
        self._settings = settings
        self._bind = bind
        self._client_of = client_of

    def push(
        self,
        document: Document[PushSecretSpec],
        sources: Sequence[Source],
        *,
        previous: Iterable[PushTarget] = (),
        dry_run: bool = False,
    ) -> PushReport:
        """Write everything, then delete what was pushed before and is no longer asked for, if the manifest says so.

        Everything is planned before anything is written. A fault of one entry does not keep the others from being
        written; after one that is about a whole store, no more is sent to that store. Nothing is deleted after a fault.

        Args:
            document: the PushSecret.
            sources: what it selects.
            previous: what was pushed for it before.
            dry_run: whether to send nothing that changes anything.

        Raises:
            ManifestError: the manifest cannot be used; nothing was written.
            PushError: writes failed; `report` tells what was written all the same.
        """
        try:
            check_stores(document.spec)
            stores = stores_of(document, self._catalog, bind=self._bind, settings=self._settings)
            steps = [
                step
                for source in sources
                for store in stores
                for step in steps_for(document.spec, source, store, dry_run=dry_run)
            ]
        except SecretsError as error:
            raise error.at(document.subject) from None
        run = _Run(document, self._client_of, dry_run=dry_run)
        run.write(steps)
        before = list(dict.fromkeys(previous))
        asked = {step.push.target for step in steps}
        run.keep(target for target in before if target in asked)
        if document.spec.deletion_policy == "Delete":
            run.delete([target for target in before if target not in asked], self._rebind)
        return run.report()

    def _rebind(self, key: StoreKey, namespace: str) -> StoreKey:
        return self._bind(_reference(key.kind, key.name), namespace).key


def stores_of(
    document: Document[PushSecretSpec], catalog: Catalog, *, bind: Bind, settings: Settings
) -> list[PushStore]:
    """The stores that a PushSecret writes to, each once.

    Raises:
        ManifestError: one cannot be found, or may not be used from there.
    """
    found: dict[StoreKey, PushStore] = {}
    for index, reference in enumerate(document.spec.secret_store_refs):
        try:
            for kind, name in _chosen(reference, document.namespace, catalog, settings):
                store = _store(bind(_reference(kind, name), document.namespace), kind, name, catalog)
                found.setdefault(store.key, store)
        except SecretsError as error:
            raise error.at(document.subject, f"spec.secretStoreRefs[{index}]") from None
    return list(found.values())


def _chosen(
    reference: PushSecretStoreRef, namespace: str, catalog: Catalog, settings: Settings
) -> list[tuple[str, str | None]]:
    """Kind and name of the stores that a reference names, or chooses by their labels."""
    selector = reference.label_selector
    if selector is None:
        return [(reference.kind, reference.name)]
    return [
        (document.kind, document.name)
        for document in catalog.stores
        if document.kind == reference.kind
        and document.namespace in {"", namespace}
        and selector.matches(document.labels)
        and document.spec.controller in {"", settings.controller_class}
    ]


def _store(binding: Binding, kind: str, name: str | None, catalog: Catalog) -> PushStore:
    for document in catalog.stores:
        if (document.kind, document.name) == (kind, name) and document.namespace in {"", binding.key.namespace}:
            return PushStore(key=binding.key, kind=kind, name=document.name, labels=document.labels)
    return PushStore(key=binding.key, kind=kind, name=binding.key.name)


class _Run:
    """What became of one push so far."""

    def __init__(
        self, document: Document[PushSecretSpec], client_of: Callable[[StoreKey], StoreClient], *, dry_run: bool
    ) -> None:
        self._document = document
        self._client_of = client_of
        self._dry_run = dry_run
        self._entries: list[PushedEntry] = []
        self._faults: list[SecretsError] = []
        self._given_up: set[StoreKey] = set()

    def write(self, steps: Iterable[PushStep]) -> None:
        """Send every write, but for those to a store that failed as a whole."""
        for step in steps:
            target = step.push.target
            if target.store in self._given_up:
                continue
            try:
                outcome = self._written(step)
            except ClosedError as error:
                raise error.at(self._document.subject) from None
            except SecretsError as error:
                self._fault(error, target, step.field)
                continue
            self._entries.append(PushedEntry(target=target, outcome=outcome, field=step.field))

    def keep(self, targets: Iterable[PushTarget]) -> None:
        """Remember what was pushed before and could not be written now: it is still there."""
        told = {entry.target for entry in self._entries}
        self._entries += [
            PushedEntry(target=target, outcome=PushOutcome.UNCHANGED) for target in targets if target not in told
        ]

    def delete(self, gone: Iterable[PushTarget], rebind: Callable[[StoreKey, str], StoreKey]) -> None:
        """Delete what is no longer asked for; after a fault it is only remembered."""
        for target in gone:
            if self._faults:
                self._entries.append(PushedEntry(target=target, outcome=PushOutcome.UNCHANGED))
                continue
            try:
                client = self._client_of(rebind(target.store, self._document.namespace))
                outcome = client.delete(target, dry_run=self._dry_run)
            except SecretsError as error:
                self._faults.append(error.at(self._document.subject, "spec.deletionPolicy"))
                outcome = PushOutcome.UNCHANGED
            self._entries.append(PushedEntry(target=target, outcome=outcome))

    def report(self) -> PushReport:
        """The report.

        Raises:
            PushError: there were faults.
        """
        document = self._document
        report = PushReport(
            name=document.name, namespace=document.namespace, entries=tuple(self._entries), dry_run=self._dry_run
        )
        if self._faults:
            count = f"{len(self._faults)} fault{'s' if len(self._faults) > 1 else ''}"
            message = f"{document.subject}: {count}; {len(self._entries)} written or unchanged"
            raise PushError(message, errors=self._faults, report=report)
        return report

    def _written(self, step: PushStep) -> PushOutcome:
        client, target = self._client_of(step.push.target.store), step.push.target
        if self._document.spec.update_policy == "IfNotExists" and client.exists(target):
            return PushOutcome.UNCHANGED
        return client.push(step.push)

    def _fault(self, error: SecretsError, target: PushTarget, place: str) -> None:
        self._faults.append(error.at(self._document.subject, place))
        if isinstance(error, StoreUnavailableError):
            # It may have been written: a later push must know of it, to delete it.
            self._entries.append(PushedEntry(target=target, outcome=PushOutcome.UNKNOWN, field=place))
        if _is_of_store(error):
            self._given_up.add(target.store)


def _is_of_store(error: SecretsError) -> bool:
    """Whether what failed will fail for every secret of the store."""
    if isinstance(error, StoreError):
        return isinstance(error, AuthenticationError) or (error.retryable and not isinstance(error, ConflictError))
    return isinstance(error, (ConfigurationError, UnsupportedFeatureError))


def _reference(kind: str, name: str | None) -> SecretStoreRef:
    from virtrigaud_secrets.models.external_secret import SecretStoreRef

    return SecretStoreRef.model_validate({"kind": kind, "name": name})
