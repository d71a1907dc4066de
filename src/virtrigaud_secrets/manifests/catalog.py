"""`Catalog`: the manifests that can be used, by name, and which namespace may use which store (ESO §2.10, §5 row 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from virtrigaud_secrets.errors import ManifestNotFoundError, StoreNotFoundError
from virtrigaud_secrets.manifests.objects import NAMESPACE_LABEL, KubernetesObjects, SecretManifest
from virtrigaud_secrets.repairs import STORE_NAMESPACE
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings

if TYPE_CHECKING:
    from virtrigaud_secrets.models.base import Model
    from virtrigaud_secrets.models.cluster_external_secret import ClusterExternalSecretSpec
    from virtrigaud_secrets.models.external_secret import ExternalSecretSpec, GeneratorRef, SecretStoreRef
    from virtrigaud_secrets.models.push_secret import ClusterPushSecretSpec, PushSecretSpec
    from virtrigaud_secrets.models.references import LabelSelector
    from virtrigaud_secrets.models.secret_store import ClusterSecretStoreCondition, SecretStoreSpec

SpecT = TypeVar("SpecT")
SpecT_co = TypeVar("SpecT_co", covariant=True)

CLUSTER_GENERATOR: Final = "ClusterGenerator"
"""The kind of generators that are in no namespace."""

MAX_NEAREST: Final = 3
"""Names shown in place of one that is not there."""

NamespaceLabels = Callable[[str], Mapping[str, str] | None]
"""Asks who knows for the labels of a namespace; None where nobody does."""


def _none() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Generic[SpecT_co]):
    """One manifest and where it stands."""

    kind: str
    """Its kind."""
    name: str
    """`metadata.name`."""
    namespace: str
    """`metadata.namespace`, the default where none is written; empty for a ClusterSecretStore."""
    spec: SpecT_co
    """`spec`."""
    labels: Mapping[str, str] = field(default_factory=_none)
    """`metadata.labels`."""
    annotations: Mapping[str, str] = field(default_factory=_none)
    """`metadata.annotations`."""
    file: str = ""
    """The file it is in."""
    line: int | None = None
    """The line it begins in, from 1."""
    index: int = 0
    """Its number among the file's documents, from 0."""
    repairs: tuple[str, ...] = ()
    """Ids of the differences from ESO that reading it used."""

    @property
    def subject(self) -> str:
        """`Kind namespace/name`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def place(self) -> str:
        """`file:line`."""
        return f"{self.file}:{self.line}" if self.line is not None else self.file


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDocument:
    """A store that was looked up."""

    document: Document[SecretStoreSpec]
    """Its manifest."""
    repairs: tuple[str, ...] = ()
    """Ids of the differences from ESO that the lookup used."""

    @property
    def kind(self) -> str:
        """`SecretStore` or `ClusterSecretStore`."""
        return self.document.kind

    @property
    def namespace(self) -> str:
        """Its own namespace, empty for a ClusterSecretStore."""
        return self.document.namespace

    @property
    def name(self) -> str:
        """Its name."""
        return self.document.name


class Catalog:
    """Manifests by name. Immutable once loaded; safe to use from several threads."""

    def __init__(
        self,
        *,
        external_secrets: Iterable[Document[ExternalSecretSpec]] = (),
        stores: Iterable[Document[SecretStoreSpec]] = (),
        cluster_external_secrets: Iterable[Document[ClusterExternalSecretSpec]] = (),
        generators: Iterable[Document[Model]] = (),
        push_secrets: Iterable[Document[PushSecretSpec]] = (),
        cluster_push_secrets: Iterable[Document[ClusterPushSecretSpec]] = (),
        objects: KubernetesObjects | None = None,
    ) -> None:
        """A catalog of documents. Of several with one name the first counts; `load` refuses them.

        Args:
            external_secrets: in the order in which they are to be listed.
            stores: of both kinds.
            cluster_external_secrets: those that stand for an ExternalSecret in every namespace they choose.
            generators: of all kinds.
            push_secrets: in the order in which they are to be listed.
            cluster_push_secrets: those that stand for a PushSecret in every namespace they choose.
            objects: Secrets, ConfigMaps and Namespaces that answer references.
        """
        self._external_secrets = _by_name(external_secrets)
        listed = list(stores)
        self._stores = _by_name(store for store in listed if store.kind == "SecretStore")
        self._cluster_stores = _by_name(store for store in listed if store.kind == "ClusterSecretStore")
        self._cluster_external_secrets = tuple(cluster_external_secrets)
        self._generators = {(document.kind, document.namespace, document.name): document for document in generators}
        self._push_secrets = _by_name(push_secrets)
        self._cluster_push_secrets = tuple(cluster_push_secrets)
        self._objects = objects or KubernetesObjects()

    @property
    def external_secrets(self) -> tuple[Document[ExternalSecretSpec], ...]:
        """The ExternalSecrets, in the order of files and documents; without those of a ClusterExternalSecret."""
        return tuple(self._external_secrets.values())

    @property
    def stores(self) -> tuple[Document[SecretStoreSpec], ...]:
        """The SecretStores, then the ClusterSecretStores."""
        return (*self._stores.values(), *self._cluster_stores.values())

    @property
    def push_secrets(self) -> tuple[Document[PushSecretSpec], ...]:
        """The PushSecrets, in the order of files and documents, without those that a ClusterPushSecret makes."""
        return tuple(self._push_secrets.values())

    def external_secret(self, name: str, *, namespace: str | None = None) -> Document[ExternalSecretSpec]:
        """One ExternalSecret; the namespace may be left out where the name is unique.

        Where there is none in `namespace`, it may be one that a ClusterExternalSecret makes there (ESO §1.5).

        Raises:
            ManifestNotFoundError: there is none, or there are several.
        """
        if namespace is not None and (namespace, name) not in self._external_secrets:
            labels = self._objects.namespace_labels(namespace)
            for document in self._cluster_external_secrets:
                spec = document.spec
                if (spec.external_secret_name or document.name) == name and spec.chooses(namespace, labels):
                    return _made_external_secret(document, name, namespace)
        return _only(self._external_secrets, "ExternalSecret", name, namespace)

    def push_secret(self, name: str, *, namespace: str | None = None) -> Document[PushSecretSpec]:
        """One PushSecret; the namespace may be left out where the name is unique.

        Where there is none in `namespace`, it may be one that a ClusterPushSecret makes there.

        Raises:
            ManifestNotFoundError: there is none, or there are several.
        """
        if namespace is not None and (namespace, name) not in self._push_secrets:
            for document in self._cluster_push_secrets:
                if (document.spec.push_secret_name or document.name) == name and self._chooses(document, namespace):
                    return _made(document, name, namespace)
        return _only(self._push_secrets, "PushSecret", name, namespace)

    def generator(self, reference: GeneratorRef, *, namespace: str) -> Document[Model]:
        """The generator that `reference` names, seen from an ExternalSecret in `namespace`.

        Raises:
            ManifestNotFoundError: there is none.
        """
        place = "" if reference.kind == CLUSTER_GENERATOR else namespace
        found = self._generators.get((reference.kind, place, reference.name))
        if found is None:
            known = [name for kind, where, name in self._generators if (kind, where) == (reference.kind, place)]
            where = f' in namespace "{place}"' if place else ""
            hint = _did_you_mean(reference.name, known)
            raise ManifestNotFoundError(f'no {reference.kind} "{reference.name}"{where}{hint}')
        return found

    def store_for(
        self,
        reference: SecretStoreRef,
        *,
        namespace: str,
        settings: Settings,
        namespace_labels: NamespaceLabels = lambda _: None,
    ) -> StoreDocument:
        """The store that `reference` names, seen from an ExternalSecret in `namespace`.

        A SecretStore is sought in that namespace, then, unless strict, in `settings.store_namespaces` if exactly one of
        them has it.

        Args:
            reference: the reference.
            namespace: the namespace of who refers.
            settings: what the process decided.
            namespace_labels: asked where a condition looks at the labels of a namespace that no manifest tells.

        Raises:
            StoreNotFoundError: there is none, several could be meant, or it may not be used from there.
        """
        if reference.name is None:
            raise StoreNotFoundError("expected the name of a store in the reference to it")
        if reference.kind == "ClusterSecretStore":
            document = self._cluster_store(reference.name)
            self._check_conditions(document, namespace, namespace_labels)
            found = StoreDocument(document=document)
        else:
            found = self._store(reference.name, namespace=namespace, settings=settings)
        if found.document.spec.controller not in {"", settings.controller_class}:
            raise StoreNotFoundError(
                f"can not reference unmanaged store: {found.document.subject} is for another controller "
                "(spec.controller)"
            )
        return replace(found, repairs=(*found.repairs, *found.document.repairs))

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive | None:
        """One key of a Kubernetes Secret among the manifests, None where there is none."""
        return self._objects.secret_value(name, key, namespace=namespace)

    def labelled_secret(self, name: str, *, namespace: str) -> tuple[dict[str, str], dict[str, Sensitive]] | None:
        """Labels and values of a Kubernetes Secret among the manifests, None where there is none."""
        return self._objects.labelled_secret(name, namespace=namespace)

    def secret(self, name: str, *, namespace: str) -> SecretManifest | None:
        """A Kubernetes Secret among the manifests as a whole, None where there is none."""
        return self._objects.secret(name, namespace=namespace)

    def secrets(self, *, namespace: str) -> list[SecretManifest]:
        """The Kubernetes Secrets among the manifests that are in a namespace, by name."""
        return self._objects.secrets(namespace=namespace)

    def config_map_value(self, name: str, key: str, *, namespace: str) -> str | None:
        """One key of a ConfigMap among the manifests, None where there is none."""
        return self._objects.config_map_value(name, key, namespace=namespace)

    def service_account_annotations(self, name: str, *, namespace: str) -> dict[str, str] | None:
        """The annotations of a ServiceAccount among the manifests, None where there is none."""
        return self._objects.service_account_annotations(name, namespace=namespace)

    def _chooses(self, document: Document[ClusterPushSecretSpec], namespace: str) -> bool:
        labels = self._objects.namespace_labels(namespace)
        return any(selector.matches(labels) for selector in document.spec.namespace_selectors)

    def _store(self, name: str, *, namespace: str, settings: Settings) -> StoreDocument:
        own = self._stores.get((namespace, name))
        if own is not None:
            return StoreDocument(document=own)
        # Differs from ESO: §5 row 2.
        elsewhere = () if settings.strict else tuple(dict.fromkeys(settings.store_namespaces))
        found = [self._stores[place, name] for place in elsewhere if (place, name) in self._stores]
        if len(found) == 1:
            return StoreDocument(document=found[0], repairs=(STORE_NAMESPACE,))
        message = _not_found("SecretStore", name)
        if settings.strict:
            raise StoreNotFoundError(message)
        message += f' in namespace "{namespace}"'
        if found:
            places = ", ".join(document.namespace for document in found)
            raise StoreNotFoundError(f"{message}; several store namespaces have one: {places}")
        if elsewhere:
            message += f", nor in the store namespaces {', '.join(elsewhere)}"
        raise StoreNotFoundError(message + self._store_hint(name))

    def _store_hint(self, name: str) -> str:
        places = [namespace for namespace, found in self._stores if found == name]
        if places:
            return f"; there is one in {', '.join(places)}: add that to the store namespaces"
        if ("", name) in self._cluster_stores:
            return "; there is a ClusterSecretStore of that name: the reference needs kind: ClusterSecretStore"
        return _did_you_mean(name, (found for _, found in self._stores))

    def _cluster_store(self, name: str) -> Document[SecretStoreSpec]:
        document = self._cluster_stores.get(("", name))
        if document is None:
            hint = _did_you_mean(name, (found for _, found in self._cluster_stores))
            raise StoreNotFoundError(_not_found("ClusterSecretStore", name) + hint)
        return document

    def _check_conditions(self, document: Document[SecretStoreSpec], namespace: str, ask: NamespaceLabels) -> None:
        """Refuse a namespace that no condition chooses; any one is enough, and no condition at all means everyone."""
        conditions = document.spec.conditions
        # Last what may have to ask the cluster.
        if not conditions or any(_names(condition, namespace) for condition in conditions):
            return
        selectors = [found for condition in conditions if (found := condition.namespace_selector) is not None]
        labels = self._objects.namespace_labels(namespace)
        known = self._objects.knows_namespace(namespace) or not any(map(_looks_at_labels, selectors))
        if not known and (told := ask(namespace)) is not None:
            labels, known = {**told, NAMESPACE_LABEL: namespace}, True
        if any(selector.matches(labels) for selector in selectors if known or not _looks_at_labels(selector)):
            return
        message = f'using cluster store "{document.name}" is not allowed from namespace "{namespace}": '
        message += "denied by spec.condition"
        if not known:
            message += " (neither a manifest of that Namespace nor a cluster tells its labels)"
        raise StoreNotFoundError(message)


def _made_external_secret(
    document: Document[ClusterExternalSecretSpec], name: str, namespace: str
) -> Document[ExternalSecretSpec]:
    """The ExternalSecret that a ClusterExternalSecret makes in a namespace (ESO §1.5)."""
    metadata = document.spec.external_secret_metadata
    return Document(
        kind="ExternalSecret",
        name=name,
        namespace=namespace,
        spec=document.spec.external_secret_spec,
        labels=metadata.labels,
        annotations=metadata.annotations,
        file=document.file,
        line=document.line,
        index=document.index,
    )


def _made(document: Document[ClusterPushSecretSpec], name: str, namespace: str) -> Document[PushSecretSpec]:
    """The PushSecret that a ClusterPushSecret makes in a namespace (ESO §1.6)."""
    metadata = document.spec.push_secret_metadata
    return Document(
        kind="PushSecret",
        name=name,
        namespace=namespace,
        spec=document.spec.push_secret_spec,
        labels=metadata.labels if metadata is not None else _none(),
        annotations=metadata.annotations if metadata is not None else _none(),
        file=document.file,
        line=document.line,
        index=document.index,
    )


def _only(
    documents: Mapping[tuple[str, str], Document[SpecT]], kind: str, name: str, namespace: str | None
) -> Document[SpecT]:
    """The one that is meant.

    Raises:
        ManifestNotFoundError: there is none, or there are several.
    """
    if namespace is not None:
        found = documents.get((namespace, name))
        if found is None:
            raise ManifestNotFoundError(f'no {kind} "{name}" in namespace "{namespace}"{_nearest(documents, name)}')
        return found
    named = [document for document in documents.values() if document.name == name]
    if not named:
        raise ManifestNotFoundError(f'no {kind} "{name}"{_nearest(documents, name)}')
    if len(named) > 1:
        namespaces = ", ".join(document.namespace for document in named)
        raise ManifestNotFoundError(f'{kind} "{name}" is in several namespaces, name one: {namespaces}')
    return named[0]


def _nearest(documents: Iterable[tuple[str, str]], name: str) -> str:
    # Heavy, and of use only where something is misspelt.
    from difflib import get_close_matches

    folded = {(found, namespace): None for namespace, found in documents}
    near = get_close_matches(name, {found for found, _ in folded}, n=MAX_NEAREST)
    places = [f"{namespace}/{found}" for found, namespace in folded if found in near][:MAX_NEAREST]
    return f"; did you mean {', '.join(places)}?" if places else ""


def _by_name(documents: Iterable[Document[SpecT]]) -> dict[tuple[str, str], Document[SpecT]]:
    found: dict[tuple[str, str], Document[SpecT]] = {}
    for document in documents:
        found.setdefault((document.namespace, document.name), document)
    return found


def _names(condition: ClusterSecretStoreCondition, namespace: str) -> bool:
    if namespace in condition.namespaces:
        return True
    if not condition.namespace_regexes:
        return False
    from virtrigaud_secrets.golang import regexp

    return any(regexp.match(pattern, namespace) for pattern in condition.namespace_regexes)


def _looks_at_labels(selector: LabelSelector) -> bool:
    """Whether it looks at any label but the one that every namespace has."""
    asked = {*selector.match_labels, *(requirement.key for requirement in selector.match_expressions)}
    return not asked <= {NAMESPACE_LABEL}


def _not_found(kind: str, name: str) -> str:
    return f'could not get {kind} "{name}", {kind}.external-secrets.io "{name}" not found'


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, sorted(set(known)), n=1)
    return f"; did you mean {near[0]}?" if near else ""
