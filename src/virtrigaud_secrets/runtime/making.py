"""Makes the bundle of one ExternalSecret: plan, fetch, assemble, render, validate. Keeps nothing but plans."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Executor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.cache.answers import AnswerCache, BatchingClient, CachingClient, Kept, Took, Usable
from virtrigaud_secrets.cache.entries import SecretName
from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import SecretsError, ValidationError
from virtrigaud_secrets.findings import Severity
from virtrigaud_secrets.manifests import Catalog
from virtrigaud_secrets.resolver.assembly import assemble
from virtrigaud_secrets.resolver.connections import Connections
from virtrigaud_secrets.resolver.execution import execute
from virtrigaud_secrets.resolver.plan import Plan
from virtrigaud_secrets.resolver.planner import Planner
from virtrigaud_secrets.resolver.rendering import render
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Answer, Fetch, Query, References, StoreClient, StoreKey

if TYPE_CHECKING:
    from virtrigaud_secrets.models.external_secret import SyncWindows

Found = Mapping[Query, Mapping[str, Answer]]
"""What searches found."""


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle, and what it was made from."""

    bundle: Bundle
    """The bundle."""
    used: Mapping[Fetch, Kept]
    """Every answer in it."""
    found: Found
    """What searches found for it."""

    def gives_what(self, bundle: Bundle) -> bool:
        """Whether another bundle gives the same, type, labels and annotations too."""
        mine = self.bundle
        return (
            dict(mine) == dict(bundle)
            and mine.type == bundle.type
            and mine.labels == bundle.labels
            and mine.annotations == bundle.annotations
        )


@dataclass(frozen=True, slots=True)
class Access:
    """How one making comes by answers."""

    usable: Usable
    """Whether an answer that is kept will do."""
    took: Took
    """Is told of new ones."""
    found: Found | None = None
    """What searches found before, where they need not be made anew."""


class BundleMaker:
    """Makes bundles of one catalog. Safe to use from several threads."""

    def __init__(
        self,
        catalog: Catalog,
        connections: Connections,
        *,
        settings: Settings,
        clock: Clock,
        references: References,
        answers: AnswerCache,
        pool: Callable[[], Executor],
    ) -> None:
        self._catalog = catalog
        self._connections = connections
        self._settings = settings
        self._clock = clock
        self._references = references
        self._answers = answers
        self._pool = pool
        self._plans: dict[SecretName, Plan] = {}

    def name_of(self, name: str, namespace: str | None) -> SecretName:
        """Which ExternalSecret is meant.

        Raises:
            ManifestNotFoundError: there is none, or several.
        """
        document = self._catalog.external_secret(name, namespace=namespace)
        return SecretName(document.namespace, document.name)

    def plan(self, name: SecretName) -> Plan:
        """The plan of an ExternalSecret; a manifest does not change, so it is made once.

        Raises:
            SecretsError: it cannot be planned.
        """
        plan = self._plans.get(name)
        if plan is None:
            document = self._catalog.external_secret(name.name, namespace=name.namespace)
            planner = Planner(
                lambda reference, seen_from: self._connections.bind(reference, namespace=seen_from),
                settings=self._settings,
            )
            plan = self._plans[name] = planner.plan(document)
        return plan

    def forget(self, name: SecretName) -> None:
        """The manifest, or what it refers to, changed: plan it anew when somebody asks next."""
        self._plans.pop(name, None)

    def interval(self, name: SecretName) -> float:
        """Seconds between periodic reads; infinity where the manifest wants none (ESO §2.8)."""
        spec = self._catalog.external_secret(name.name, namespace=name.namespace).spec
        seconds = spec.refresh_interval.timedelta.total_seconds()
        periodic = spec.refresh_policy in {None, "Periodic"}
        return seconds if periodic and seconds > 0 else math.inf

    def windows(self, name: SecretName) -> SyncWindows | None:
        """In which periodic reads may happen, or may not."""
        return self._catalog.external_secret(name.name, namespace=name.namespace).spec.sync_windows

    def read(self, wanted: Sequence[tuple[StoreKey, Sequence[Fetch]]], access: Access) -> None:
        """Read what several makings will ask for. What fails is left to them to say."""
        work = _Work(self._connections, self._answers, access)
        jobs: list[tuple[StoreClient, Sequence[Fetch]]] = []
        for store, fetches in wanted:
            try:
                client = work.client(store)
            except SecretsError:
                continue
            jobs += [(client, fetches)] if client.batches else [(client, [fetch]) for fetch in fetches]
        # In a closed pool they fail one by one, and say so.
        with suppress(RuntimeError, CancelledError):
            list(self._pool().map(_read, jobs))

    def make(self, name: SecretName, access: Access) -> Made:
        """The bundle of an ExternalSecret.

        Raises:
            SecretsError: as `Resolver.resolve`.
        """
        plan = self.plan(name)
        work = _Work(self._connections, self._answers, access)
        answers = execute(plan, work.client, self._pool)
        values = assemble(plan, answers)
        bundle = render(plan, values, references=self._references, delimiters=self._settings.template_delimiters)
        return Made(self._validated(bundle, manifest=plan.manifest), work.used(), work.found())

    def _validated(self, bundle: Bundle, *, manifest: str) -> Bundle:
        if self._settings.validation == "off":
            return bundle
        from virtrigaud_secrets.validation import TYPE_CHECKS, validate

        findings = validate(
            bundle,
            now=self._clock.now(),
            certificate_margin=self._settings.certificate_margin,
            certificate_margin_severity=self._settings.certificate_margin_severity,
        )
        faults = [finding for finding in findings if finding.severity is Severity.ERROR]
        # A type that promises nothing is judged by the look of its keys, and ESO would write it: told, not refused.
        if faults and self._settings.validation == "refuse" and bundle.type in TYPE_CHECKS:
            message = f"the resolved Secret is not what type {bundle.type} promises"
            raise ValidationError(message, findings=faults).at(manifest)
        return bundle.with_findings(findings) if findings else bundle


def _read(job: tuple[StoreClient, Sequence[Fetch]]) -> None:
    client, fetches = job
    client.get_all(fetches)


class _Work:
    """The caching clients of one making."""

    def __init__(self, connections: Connections, answers: AnswerCache, access: Access) -> None:
        self._connections = connections
        self._answers = answers
        self._access = access
        self._clients: dict[StoreKey, CachingClient] = {}

    def client(self, key: StoreKey) -> StoreClient:
        """The client of a store, the cache in front of it."""
        known = self._clients.get(key)
        if known is None:
            client, access = self._connections.client(key), self._access
            kind = BatchingClient if client.batches else CachingClient
            known = self._clients[key] = kind(
                client, self._answers, access.usable, access.took, found=dict(access.found or {})
            )
        return known

    def used(self) -> dict[Fetch, Kept]:
        """Every answer that was given out."""
        return {fetch: kept for client in self._clients.values() for fetch, kept in client.used.items()}

    def found(self) -> Found:
        """What searches found."""
        return {query: answers for client in self._clients.values() for query, answers in client.found.items()}
