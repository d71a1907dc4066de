"""One push from manifest to report: source, writes, what is remembered for the next. Puts the parts together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING

from virtrigaud_secrets.errors import PushError, UnsupportedFeatureError
from virtrigaud_secrets.resolver.keys import valid_keys
from virtrigaud_secrets.resolver.push_sources import Sources
from virtrigaud_secrets.resolver.pushing import Pusher
from virtrigaud_secrets.stores.base import Fetch, Preview

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle
    from virtrigaud_secrets.manifests import Catalog, Document
    from virtrigaud_secrets.models.external_secret import GeneratorRef
    from virtrigaud_secrets.models.push_secret import PushSecretSpec
    from virtrigaud_secrets.resolver.connections import Connections
    from virtrigaud_secrets.resolver.plan import Plan
    from virtrigaud_secrets.resolver.push_report import PushReport
    from virtrigaud_secrets.settings import Settings
    from virtrigaud_secrets.stores.base import References

Remembered = MutableMapping[tuple[str, str], "PushReport"]
"""Namespace and name of a PushSecret → what was pushed last."""


class Pushes:
    """The pushes of one catalog."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        settings: Settings,
        references: References,
        connections: Connections,
        plan: Callable[[str, str], Plan],
        resolve: Callable[[str, str], Bundle],
        remembered: Remembered,
    ) -> None:
        """Nothing is read or sent yet.

        Args:
            catalog: the manifests.
            settings: what the process decides.
            references: Kubernetes objects that manifests refer to.
            connections: the stores.
            plan: plans an ExternalSecret.
            resolve: resolves one.
            remembered: what was pushed before; every push is put into it.
        """
        self._catalog = catalog
        self._connections = connections
        self._plan = plan
        self._remembered = remembered
        self._sources = Sources(
            catalog,
            references=references,
            resolve=resolve,
            generate=self._generated,
            delimiters=settings.template_delimiters,
        )
        self._pusher = Pusher(
            catalog,
            settings=settings,
            bind=lambda reference, namespace: connections.bind(reference, namespace=namespace),
            client_of=connections.client,
        )

    def push(self, name: str, namespace: str | None, *, dry_run: bool, previous: PushReport | None) -> PushReport:
        """Push one PushSecret.

        Raises:
            ManifestError: the manifest, or what it refers to.
            PushError: writes failed.
            SecretsError: the source cannot be had.
        """
        document = self._catalog.push_secret(name, namespace=namespace)
        place = (document.namespace, document.name)
        if dry_run:
            self._refuse_side_effects(document)
        before = previous or self._remembered.get(place)
        pushed = () if before is None else before.pushed
        try:
            report = self._pusher.push(document, self._sources.of(document), previous=pushed, dry_run=dry_run)
        except PushError as error:
            if not dry_run:
                self._remembered[place] = error.report
            raise
        if not dry_run:
            self._remembered[place] = report
        return report

    def _generator(self, reference: GeneratorRef, namespace: str) -> Preview:
        binding = self._connections.bind(reference, namespace=namespace)
        return binding.preview(Fetch(store=binding.key, key=f"a PushSecret of {namespace}"))

    def _generated(self, reference: GeneratorRef, namespace: str) -> Mapping[str, bytes]:
        fetch = self._generator(reference, namespace).fetch
        return valid_keys(self._connections.client(fetch.store).get(fetch).payload.entries())

    def _refuse_side_effects(self, document: Document[PushSecretSpec]) -> None:
        """A dry run must not make a credential only to see its keys."""
        generator = document.spec.selector.generator_ref
        if generator is not None and self._generator(generator, document.namespace).side_effect:
            message = f"a dry run would make something: {generator.kind} {generator.name}, whose values are pushed"
            raise UnsupportedFeatureError(message).at(document.subject, "spec.selector.generatorRef")
        secret = document.spec.selector.secret
        if secret is None or secret.name is None:
            return
        maker = self._sources.external_secret(secret.name, namespace=document.namespace)
        if maker is None:
            return
        if any(request.side_effect for request in self._plan(maker.name, maker.namespace).requests):
            message = f"a dry run would make something: {maker.subject}, whose values are pushed, reads what is issued"
            raise UnsupportedFeatureError(message).at(document.subject, "spec.selector.secret.name")
