"""`Resolver`: the public face. Puts the layers together; decides nothing itself."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import ClosedError, SecretsError, ValidationError, forget_locals
from virtrigaud_secrets.findings import Finding, Severity
from virtrigaud_secrets.settings import Settings

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle
    from virtrigaud_secrets.manifests import Catalog
    from virtrigaud_secrets.resolver.connections import Connections
    from virtrigaud_secrets.resolver.explanation import Explanation
    from virtrigaud_secrets.resolver.plan import Plan
    from virtrigaud_secrets.resolver.push_report import PushReport
    from virtrigaud_secrets.stores.base import References
    from virtrigaud_secrets.stores.references import KubernetesReferences

_open_resolvers: weakref.WeakSet[Resolver] = weakref.WeakSet()
"""Closed at interpreter exit, begun anew in a forked child."""

_used_connections: set[Connections] = set()
"""Closed at interpreter exit, so that a resolver dropped without `close()` leaves no lease behind. Held strongly: what
it resolved may still be in use, so collecting the resolver must not end leases."""


class Resolver:
    """Resolves the ExternalSecrets of a catalog straight from their stores.

    ```python
    with Resolver.from_path("manifests/") as resolver:
        bundle = resolver.resolve("vsphere-credentials", namespace="vsphere-providers")
        connect(bundle.text("server"), bundle.text("username"), bundle.text("password"))
    ```

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
    ) -> None:
        """A resolver over manifests that were loaded before.

        Args:
            catalog: what `virtrigaud_secrets.manifests.load` returns.
            settings: what the process decides; by default `Settings.from_environment()`.
            clock: time; by default the system's.
            references: where secretRef, caProvider and serviceAccountRef get their answers; by default the catalog's
                own Secrets, then the cluster's API, then the pod's files.
        """
        self._settings = Settings.from_environment() if settings is None else settings
        self._catalog = catalog
        self._clock = clock or SystemClock()
        self._given_references = references
        self._closed = False
        self._pushed: dict[tuple[str, str], PushReport] = {}
        self._begin()
        _open_resolvers.add(self)

    def _begin(self) -> None:
        """Nothing connected and no thread: at the start, and in a forked child, where neither can be shared."""
        from virtrigaud_secrets.resolver.connections import Connections
        from virtrigaud_secrets.stores.references import KubernetesReferences

        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
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

    @classmethod
    def from_path(
        cls,
        path: str | Path | Sequence[str | Path],
        *,
        settings: Settings | None = None,
        clock: Clock | None = None,
        references: References | None = None,
    ) -> Self:
        """A resolver over the manifests of files or directories.

        Raises:
            ManifestError: a manifest is wrong; `findings` names every place.
        """
        from virtrigaud_secrets.manifests import load

        settings = Settings.from_environment() if settings is None else settings
        catalog = load(path, strict=settings.strict)
        return cls(catalog, settings=settings, clock=clock, references=references)

    @property
    def catalog(self) -> Catalog:
        """The manifests."""
        return self._catalog

    @property
    def settings(self) -> Settings:
        """What the process decided."""
        return self._settings

    def plan(self, name: str, *, namespace: str | None = None) -> Plan:
        """What `resolve` would send and do. No request is sent.

        Args:
            name: name of the ExternalSecret.
            namespace: its namespace; may be left out where the name is unique.

        Raises:
            ManifestNotFoundError: there is no such ExternalSecret.
            SecretsError: as `resolve`, for what can be known without asking a store.
        """
        from virtrigaud_secrets.resolver.planner import Planner

        document = self._catalog.external_secret(name, namespace=namespace)
        planner = Planner(
            lambda reference, seen_from: self._connections.bind(reference, namespace=seen_from),
            settings=self._settings,
        )
        return planner.plan(document)

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

    def resolve(self, name: str, *, namespace: str | None = None) -> Bundle:
        """Read, render and validate one ExternalSecret. Each distinct store path is read once.

        Args:
            name: name of the ExternalSecret.
            namespace: its namespace; may be left out where the name is unique.

        Raises:
            ManifestError: the manifest, or what it refers to.
            StoreError: a store refused, failed or could not be reached.
            TemplateError: a template cannot be parsed or executed.
            ValidationError: the result is not what its type promises (`Settings.validation`).
            ResolveError: several of these.
            ClosedError: `close` was called.
        """
        try:
            return self._resolve(name, namespace)
        except BaseException as error:
            forget_locals(error)
            raise

    def _resolve(self, name: str, namespace: str | None) -> Bundle:
        from virtrigaud_secrets.resolver.assembly import assemble
        from virtrigaud_secrets.resolver.execution import execute
        from virtrigaud_secrets.resolver.rendering import render

        self._refuse_if_closed()
        plan = self.plan(name, namespace=namespace)
        _used_connections.add(self._connections)
        answers = execute(plan, self._connections.client, self._executor)
        values = assemble(plan, answers)
        bundle = render(plan, values, references=self._references, delimiters=self._settings.template_delimiters)
        return self._validated(bundle, manifest=plan.manifest)

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
            return self._push(name, namespace, dry_run=dry_run, previous=previous)
        except BaseException as error:
            forget_locals(error)
            raise

    def _push(self, name: str, namespace: str | None, *, dry_run: bool, previous: PushReport | None) -> PushReport:
        from virtrigaud_secrets.resolver.pushes import Pushes

        self._refuse_if_closed()
        _used_connections.add(self._connections)
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

        Args:
            revoke: end leases and logins at the stores. False leaves them to their own end, for values handed to
                somebody who outlives this process.
        """
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True)
        self._connections.close(revoke=revoke)
        _used_connections.discard(self._connections)
        _open_resolvers.discard(self)
        if self._own_references is not None:
            self._own_references.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """How many manifests it holds."""
        return f"<Resolver of {len(self._catalog.external_secrets)} ExternalSecrets>"

    def _executor(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._closed:
                raise ClosedError("the resolver was closed")
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._settings.concurrency, thread_name_prefix="virtrigaud-secrets")
            return self._pool

    def _refuse_if_closed(self) -> None:
        with self._lock:
            if self._closed:
                raise ClosedError("the resolver was closed")

    def _validated(self, bundle: Bundle, *, manifest: str) -> Bundle:
        if self._settings.validation == "off":
            return bundle
        from virtrigaud_secrets.validation import TYPE_CHECKS, validate

        findings: tuple[Finding, ...] = validate(
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


@atexit.register
def _close_at_exit() -> None:
    for resolver in list(_open_resolvers):
        resolver.close()
    for connections in list(_used_connections):
        connections.close()


def _begin_anew_in_child() -> None:
    # Two processes on one connection would read each other's answers; a pool's threads do not cross a fork.
    _used_connections.clear()
    for resolver in list(_open_resolvers):
        resolver._begin()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # that class's own fork hook


os.register_at_fork(after_in_child=_begin_anew_in_child)
