"""Looks at what can keep providers from their secrets, before they notice: nothing is read and nothing is changed.

What leaves a trace is a login: to Vault, which is ended again, and by a token of a service account. What is seen is
judged in `diagnosis`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Final

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import ConfigurationError, SecretsError
from virtrigaud_secrets.manifests import Catalog
from virtrigaud_secrets.operations.cluster_rights import ClusterRights
from virtrigaud_secrets.operations.diagnosis import (
    LOGIN_MARGIN,
    Diagnosis,
    DoctorReport,
    Level,
    by_end,
    by_skew,
    collected,
    missing_capabilities,
)
from virtrigaud_secrets.operations.identities import identities
from virtrigaud_secrets.operations.probe import Seen, Target, look
from virtrigaud_secrets.operations.store_access import StoreAccess, store_access
from virtrigaud_secrets.operations.store_targets import (
    VAULT_HEALTH,
    as_vault_spec,
    cluster_access,
    cluster_target,
    missing_extra,
    target_of,
)
from virtrigaud_secrets.resolver.plan import Plan
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Preview, References, StoreKey
from virtrigaud_secrets.stores.cluster_access import find_cluster

LOOK_TIMEOUT: Final = timedelta(seconds=10)
"""The most that one look at a server may take: a provider would not wait longer either."""

_CAPABILITIES: Final = {"GET": "read", "LIST": "list", "DELETE": "delete"}
_SEALED, _UNINITIALISED = 503, 501

Wanted = Mapping[tuple[str, ...], tuple[str, str]]
"""Alternative paths → capability, and the manifest that needs it."""


def examine(
    catalog: Catalog,
    *,
    settings: Settings,
    references: References,
    clock: Clock | None = None,
    login: bool = True,
    timeout: timedelta = LOOK_TIMEOUT,
) -> DoctorReport:
    """Look at identities, packages, stores and what the manifests need of them. Raises nothing that is about these.

    Args:
        catalog: the manifests.
        settings: the process's settings.
        references: Kubernetes objects that the stores' manifests refer to.
        clock: time; by default the system's.
        login: whether to log in to Vault stores and clusters, to see what the login may do and when it ends. That to
            Vault is ended again.
        timeout: the most that one look at a server may take.
    """
    time = clock or SystemClock()
    run = _Examination(catalog, settings, references, time, timeout)
    return collected([*identities(settings, time), *run.cluster(login=login), *run.stores(login=login)])


class _Examination:
    """One run over one catalog."""

    def __init__(
        self, catalog: Catalog, settings: Settings, references: References, clock: Clock, timeout: timedelta
    ) -> None:
        self._catalog = catalog
        self._settings = settings
        self._references = references
        self._clock = clock
        self._timeout = timeout
        self._rights = ClusterRights(catalog, settings=settings, clock=clock)

    def cluster(self, *, login: bool) -> Iterator[Diagnosis]:
        """The cluster's API, where there is one."""
        try:
            access = find_cluster(self._settings, self._clock)
            target = None if access is None else cluster_target(access)
        except ConfigurationError as error:
            yield _bad("reach", "cluster", str(error), "mend what names the cluster")
            return
        if access is None or target is None:
            return
        reached = True
        for found in self._looked(f"cluster {access.server}", target):
            reached = reached and found.level is not Level.ERROR
            # A provider that reads other stores, and logs in with its mounted token, never asks it.
            yield replace(found, level=Level.WARNING) if found.level is Level.ERROR else found
        if access.client_certificate:
            yield from self._certificate_ends(
                f"cluster {access.server}", "our client certificate", access.client_certificate
            )
        if reached and login:
            yield from self._rights.of_process(access, timeout=self._timeout)

    def stores(self, *, login: bool) -> Iterator[Diagnosis]:
        """Every store, with what the manifests need of it."""
        plans = list(self._plans())
        yield from (found for found in plans if isinstance(found, Diagnosis))
        needed = _needed([found for found in plans if isinstance(found, Plan)])
        for document in self._catalog.stores:
            keys = [key for key in needed if (key.kind, key.name) == (document.kind, document.name)]
            if document.kind == "SecretStore":
                keys = [key for key in keys if key.namespace == document.namespace]
            for key in keys or [StoreKey(document.kind, document.namespace, document.name)]:
                store = store_access(
                    document,
                    settings=self._settings,
                    clock=self._clock,
                    references=self._references,
                    namespace=key.namespace,
                )
                yield from self._store(store, needed.get(key, []), login=login)

    def _plans(self) -> Iterator[Plan | Diagnosis]:
        from virtrigaud_secrets.runtime.resolver import Resolver

        with Resolver(
            self._catalog, settings=self._settings, clock=self._clock, references=self._references, background=False
        ) as resolver:
            for document in self._catalog.external_secrets:
                try:
                    yield resolver.plan(document.name, namespace=document.namespace)
                except SecretsError as error:
                    message = str(error).removeprefix(f"{document.subject}: ")
                    yield _bad("manifest", document.subject, message, "`virtrigaud-secrets plan` tells the same")

    def _store(self, store: StoreAccess, needed: list[tuple[Preview, str]], *, login: bool) -> Iterator[Diagnosis]:
        from virtrigaud_secrets.stores.vault import trust

        subject = str(store.context.store)
        if extra := missing_extra(store.backend):
            message = f"the package for {store.backend} stores is not installed"
            yield _bad("package", subject, message, f"pip install 'virtrigaud-secrets[{extra}]'")
            return
        spec = as_vault_spec(store)
        try:
            target = target_of(store)
            access = cluster_access(store)
            certificates = {} if spec is None else trust.certificates(spec, store.context)
        except SecretsError as error:
            yield _bad("reach", subject, str(error), "mend the store's manifest, or what it refers to")
            return
        if target is None:
            message = f"a {store.backend} store has no server to look at"
            yield Diagnosis(check="reach", subject=subject, level=Level.NOTE, message=message)
            return
        reached = True
        for found in self._looked(subject, target):
            reached = reached and not (found.check == "reach" and found.level is Level.ERROR)
            yield found
        for place, pem in certificates.items():
            yield from self._certificate_ends(subject, f"a certificate of {place}", pem)
        if not reached or not login:
            return
        if spec is not None:
            yield from self._logged_in(store, needed)
        elif access is not None:
            yield from self._rights.of_store(store.context.store, access, timeout=self._timeout)

    def _looked(self, subject: str, target: Target) -> Iterator[Diagnosis]:
        seen = look(target, clock=self._clock, timeout=self._timeout)
        where = f"{target.address}"
        if seen.fault:
            advice = (
                f"the authorities to trust come from {target.trust}: give the one that issued the server's certificate"
                if seen.distrusted
                else "check the address, DNS, network policies and the firewall between here and there"
            )
            yield _bad("reach", subject, f"{where}: {seen.fault}", advice)
            return
        if (sealed := _sealed(target, seen)) is not None:
            yield _bad("reach", subject, f"{where}: {sealed}", "somebody must unseal or initialise it")
        else:
            yield Diagnosis(check="reach", subject=subject, message=f"{where} answers")
        if not seen.encrypted:
            message = f"{where} is not encrypted: credentials and secrets can be read on the way"
            advice = "serve it with TLS and write https:// in the manifest"
            yield Diagnosis(check="tls", subject=subject, level=Level.WARNING, message=message, advice=advice)
        elif seen.certificate:
            yield from self._certificate_ends(subject, "the server's certificate", seen.certificate)
        if seen.skew is not None:
            yield by_skew(subject, seen.skew)

    def _certificate_ends(self, subject: str, what: str, content: bytes) -> Iterator[Diagnosis]:
        """When certificates end: DER of one, or PEM of several, of which the first to end is told."""
        from cryptography import x509

        try:
            if content.lstrip().startswith(b"-----"):
                found = x509.load_pem_x509_certificates(content)
            else:
                found = [x509.load_der_x509_certificate(content)]
            end = min(one.not_valid_after_utc for one in found)
        except ValueError:
            yield _bad("certificate", subject, f"{what} cannot be read", "put a PEM certificate there")
            return
        margin = self._settings.certificate_margin
        yield by_end("certificate", subject, what, end=end, now=self._clock.now(), margin=margin)

    def _logged_in(self, store: StoreAccess, needed: list[tuple[Preview, str]]) -> Iterator[Diagnosis]:
        from virtrigaud_secrets.stores.vault.operator import VaultOperator

        subject = str(store.context.store)
        try:
            with closing(VaultOperator(store.spec, store.context)) as operator:
                facts = operator.login()
                yield Diagnosis(
                    check="login",
                    subject=subject,
                    message=f"by {facts.place}, with the policies {', '.join(facts.policies) or 'none'}",
                )
                if not facts.own and facts.expires_at is not None:
                    what = f"the token from {facts.place}, which nobody here can replace,"
                    yield by_end(
                        "login", subject, what, end=facts.expires_at, now=self._clock.now(), margin=LOGIN_MARGIN
                    )
                wanted = _wanted(needed)
                granted = operator.capabilities(path for paths in wanted for path in paths)
                yield from missing_capabilities(subject, wanted, granted)
        except SecretsError as error:
            yield _bad(
                "login", subject, str(error), "mend the login in the store's manifest, or its role at the server"
            )


def _needed(plans: list[Plan]) -> dict[StoreKey, list[tuple[Preview, str]]]:
    found: dict[StoreKey, list[tuple[Preview, str]]] = {}
    for plan in plans:
        for request in plan.requests:
            found.setdefault(request.fetch.store, []).append((request, plan.manifest))
    return found


def _wanted(needed: list[tuple[Preview, str]]) -> Wanted:
    """What the requests need. Where only the server knows which engine has a key, either path will do."""
    wanted: dict[tuple[str, ...], tuple[str, str]] = {}
    for request, manifest in needed:
        paths = (request.path, request.fetch.key) if request.note else (request.path,)
        wanted.setdefault(tuple(dict.fromkeys(paths)), (_CAPABILITIES.get(request.method, "update"), manifest))
    return wanted


def _sealed(target: Target, seen: Seen) -> str | None:
    if target.path != VAULT_HEALTH:
        return None
    return {_SEALED: "the server is sealed", _UNINITIALISED: "the server is not initialised"}.get(seen.status)


def _bad(check: str, subject: str, message: str, advice: str) -> Diagnosis:
    return Diagnosis(check=check, subject=subject, level=Level.ERROR, message=message, advice=advice)
