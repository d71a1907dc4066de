"""Finds what a PushSecret pushes: a Secret of the manifests or the cluster, an ExternalSecret's, a generator's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from virtrigaud_secrets.errors import ManifestError, SecretsError
from virtrigaud_secrets.resolver.push_plan import Source
from virtrigaud_secrets.resolver.rendering import Place, render_template
from virtrigaud_secrets.resolver.values import Value
from virtrigaud_secrets.sensitive import Sensitive

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle
    from virtrigaud_secrets.manifests import Catalog, Document
    from virtrigaud_secrets.manifests.objects import SecretManifest
    from virtrigaud_secrets.models.external_secret import ExternalSecretSpec, ExternalSecretTemplate, GeneratorRef
    from virtrigaud_secrets.models.push_secret import PushSecretSecret, PushSecretSpec
    from virtrigaud_secrets.stores.base import LabelledSecret, References

Resolve = Callable[[str, str], "Bundle"]
"""Resolves an ExternalSecret by name and namespace."""

Generate = Callable[["GeneratorRef", str], Mapping[str, bytes]]
"""Asks a generator for new values, seen from a namespace."""

GENERATED: Final = "___generated-secret"
"""Name that ESO gives the Secret that a generator makes for a push."""


@runtime_checkable
class _SeeksByLabel(Protocol):
    """References that can look for Secrets by label; those that cannot are taken to know none."""

    def cluster_secrets(self, selector: str, *, namespace: str) -> Mapping[str, LabelledSecret]:
        """The cluster's Secrets with these labels, by name."""
        ...


class Sources:
    """What may be pushed."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        references: References,
        resolve: Resolve,
        generate: Generate,
        delimiters: tuple[str, str],
    ) -> None:
        """Nothing is read yet.

        Args:
            catalog: the manifests.
            references: where a Secret is sought that they do not hold, and what `templateFrom` names.
            resolve: makes the Secret of an ExternalSecret.
            generate: makes the values of a generator.
            delimiters: of templates.
        """
        self._catalog = catalog
        self._references = references
        self._resolve = resolve
        self._generate = generate
        self._delimiters = delimiters

    def of(self, document: Document[PushSecretSpec]) -> list[Source]:
        """The Secrets that a PushSecret selects, its template applied to each.

        Raises:
            ManifestError: it selects none.
            ConfigurationError: the Secret cannot be found; names where was looked.
            SecretsError: the ExternalSecret that makes it cannot be resolved, or the template cannot be used.
        """
        spec = document.spec
        try:
            found = self._selected(document)
        except SecretsError as error:
            raise error.at(document.subject, "spec.selector") from None
        if spec.template is None:
            return found
        return [self._templated(spec.template, source, document) for source in found]

    def external_secret(self, name: str, *, namespace: str) -> Document[ExternalSecretSpec] | None:
        """The ExternalSecret that makes the Secret of that name, None where none does or the Secret is written out."""
        if self._catalog.secret(name, namespace=namespace) is not None:
            return None
        for document in self._catalog.external_secrets:
            target = document.spec.target
            if document.namespace == namespace and (target.name or document.name) == name:
                return document if target.creation_policy != "None" else None
        return None

    def _selected(self, document: Document[PushSecretSpec]) -> list[Source]:
        selector = document.spec.selector
        if selector.generator_ref is not None:
            made = self._generate(selector.generator_ref, document.namespace)
            return [Source(name=GENERATED, entries={key: Sensitive(made[key]) for key in made})]
        secret, namespace = selector.secret, document.namespace
        if secret is not None and secret.name is not None:
            return [self._named(secret.name, namespace)]
        return self._labelled(secret, namespace)

    def _labelled(self, secret: PushSecretSecret | None, namespace: str) -> list[Source]:
        selector = None if secret is None else secret.selector
        if selector is None:
            raise ManifestError("expected the name of a Secret, or a selector of labels")
        written = self._catalog.secrets(namespace=namespace)
        found = [_written(one) for one in written if selector.matches(one.labels)]
        if isinstance(self._references, _SeeksByLabel):
            # What the manifests write out is what they say, whatever the cluster has under that name.
            names = {one.name for one in written}
            kept = self._references.cluster_secrets(selector.query, namespace=namespace)
            chosen = sorted(name for name in kept.keys() - names if selector.matches(kept[name].labels))
            found += [_kept(name, kept[name]) for name in chosen]
        if not found:
            # Differs from ESO: there it is no fault, and nothing is pushed.
            raise ManifestError(
                f"no Secret of namespace {namespace} has these labels, neither among the manifests nor in a cluster "
                "within reach; those that ExternalSecrets make are not sought by labels before a cluster has them"
            )
        return found

    def _named(self, name: str, namespace: str) -> Source:
        written = self._catalog.secret(name, namespace=namespace)
        if written is not None:
            return _written(written)
        maker = self.external_secret(name, namespace=namespace)
        if maker is not None:
            bundle = self._resolve(maker.name, maker.namespace)
            return Source(
                name=name,
                entries=_hidden(bundle),
                type=bundle.type,
                labels=bundle.labels,
                annotations=bundle.annotations,
            )
        return _kept(name, self._references.labelled_secret(name, namespace=namespace))

    def _templated(self, recipe: ExternalSecretTemplate, source: Source, document: Document[PushSecretSpec]) -> Source:
        place = Place(manifest=document.subject, namespace=document.namespace, field="spec.template")
        made = render_template(recipe, _values(source), place, references=self._references, delimiters=self._delimiters)
        return Source(
            name=source.name,
            entries=_hidden(made),
            type=made.type,
            labels={**source.labels, **made.labels},
            annotations={**source.annotations, **made.annotations},
        )


def _written(secret: SecretManifest) -> Source:
    return Source(
        name=secret.name,
        entries=secret.data,
        type=secret.type,
        labels=secret.labels,
        annotations=secret.annotations,
    )


def _kept(name: str, secret: LabelledSecret) -> Source:
    return Source(
        name=name,
        entries=secret.data,
        type=secret.type,
        labels=secret.labels,
        annotations=secret.annotations,
    )


def _hidden(values: Mapping[str, bytes]) -> dict[str, Sensitive]:
    return {key: Sensitive(values[key]) for key in values}


def _values(source: Source) -> dict[str, Value]:
    return {key: Value(value.reveal(), ()) for key, value in source.entries.items()}
