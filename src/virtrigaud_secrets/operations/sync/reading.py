"""From an object of the cluster's API to what is known of an ExternalSecret or a store. Pure.

Read strictly: in a cluster, what ESO's API would refuse or drop is not repaired.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from virtrigaud_secrets.errors import ManifestError
from virtrigaud_secrets.findings import Finding, Severity
from virtrigaud_secrets.manifests.catalog import Document
from virtrigaud_secrets.manifests.kinds import recognise
from virtrigaud_secrets.models.remarks import field_path

if TYPE_CHECKING:
    from virtrigaud_secrets.models.base import Model
    from virtrigaud_secrets.models.external_secret import ExternalSecretSpec
    from virtrigaud_secrets.models.secret_store import SecretStoreSpec
    from virtrigaud_secrets.stores.cluster_objects import Resource

CLUSTER_STORE: Final = "ClusterSecretStore"

Fields = Mapping[str, object]


class StoreName(NamedTuple):
    """A store as a manifest of some namespace names it."""

    kind: str
    """`SecretStore` or `ClusterSecretStore`."""
    namespace: str
    """Empty for a ClusterSecretStore."""
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenManifest:
    """An ExternalSecret in the cluster."""

    name: str
    """Its name."""
    namespace: str
    """Its namespace."""
    uid: str
    """`metadata.uid`: another one of the same name has another."""
    generation: int
    """`metadata.generation`: counts changes of the spec."""
    labels: Mapping[str, str]
    """Its labels."""
    annotations: Mapping[str, str] = field(repr=False)
    """Its annotations: `kubectl apply` keeps a copy of the manifest there."""
    finalizers: tuple[str, ...]
    """Who has to act before it goes."""
    is_going: bool
    """Whether somebody deleted it."""
    stores: frozenset[StoreName]
    """The stores it names."""
    uses_generators: bool
    """Whether it names generators."""
    status: Mapping[str, object]
    """`status`, as it was when this was told."""
    document: Document[ExternalSecretSpec] | None
    """What it says; None where it cannot be read."""
    fault: ManifestError | None
    """Why it cannot be read."""

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name

    def says_the_same_as(self, other: SeenManifest) -> bool:
        """Whether nothing changed but its status."""
        return (
            (self.uid, self.generation, self.is_going) == (other.uid, other.generation, other.is_going)
            and (self.labels, self.annotations) == (other.labels, other.annotations)
            and self.finalizers == other.finalizers
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenStore:
    """A store in the cluster."""

    store: StoreName
    """Its full name."""
    controller: str
    """`spec.controller`: whose it is."""
    document: Document[SecretStoreSpec] | None
    """What it says; None where it cannot be read."""
    fault: ManifestError | None
    """Why it cannot be read."""


def read_external_secret(body: Fields, resource: Resource) -> SeenManifest:
    """An ExternalSecret as the API tells it."""
    metadata = _fields(body.get("metadata"))
    document, fault = _read(body, resource)
    namespace = _text(metadata, "namespace")
    generation = metadata.get("generation")
    spec = _fields(body.get("spec"))
    return SeenManifest(
        name=_text(metadata, "name"),
        namespace=namespace,
        uid=_text(metadata, "uid"),
        generation=generation if isinstance(generation, int) else 0,
        labels=texts(metadata.get("labels")),
        annotations=texts(metadata.get("annotations")),
        finalizers=tuple(str(one) for one in _items(metadata.get("finalizers"))),
        is_going="deletionTimestamp" in metadata,
        stores=frozenset(_stores(spec, namespace)),
        uses_generators=any("generatorRef" in source for source in _sources(spec)),
        status=_fields(body.get("status")),
        document=cast("Document[ExternalSecretSpec] | None", document),
        fault=fault,
    )


def read_store(body: Fields, resource: Resource) -> SeenStore:
    """A SecretStore or ClusterSecretStore as the API tells it."""
    metadata = _fields(body.get("metadata"))
    document, fault = _read(body, resource)
    return SeenStore(
        store=StoreName(resource.kind, _text(metadata, "namespace"), _text(metadata, "name")),
        controller=_text(_fields(body.get("spec")), "controller"),
        document=cast("Document[SecretStoreSpec] | None", document),
        fault=fault,
    )


def read_generator(body: Fields, resource: Resource) -> Document[Model]:
    """A generator as the API tells it.

    Raises:
        ManifestError: it cannot be read.
    """
    document, fault = _read(body, resource)
    if document is None:
        raise fault or ManifestError("the generator says nothing")
    return cast("Document[Model]", document)


def texts(value: object) -> dict[str, str]:
    """A map of text to text; what is none is left out."""
    return {key: text for key, text in _fields(value).items() if isinstance(text, str)}


def _read(body: Fields, resource: Resource) -> tuple[Document[object] | None, ManifestError | None]:
    metadata = _fields(body.get("metadata"))
    name, namespace = _text(metadata, "name"), _text(metadata, "namespace")
    # Without what servers and others add: it is no part of the manifest.
    kept = {key: metadata[key] for key in ("name", "namespace", "labels", "annotations") if key in metadata}
    written = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": kept, "spec": body.get("spec")}
    recognised = recognise(written, strict=True)
    subject = f"{resource.kind} {namespace}/{name}" if namespace else f"{resource.kind} {name}"
    if recognised.manifest is None:
        findings = [
            Finding(message=remark.message, code=remark.code, field=field_path(remark.location), subject=subject)
            for remark in recognised.remarks
            if remark.severity is Severity.ERROR
        ]
        return None, ManifestError(f"{subject} cannot be read", findings=findings)
    document: Document[object] = Document(
        kind=resource.kind,
        name=name,
        namespace=namespace,
        spec=recognised.manifest.spec,
        labels=texts(metadata.get("labels")),
        annotations=texts(metadata.get("annotations")),
    )
    return document, None


def _stores(spec: Fields, namespace: str) -> Iterator[StoreName]:
    references = [spec.get("secretStoreRef"), *(source.get("storeRef") for source in _sources(spec))]
    for reference in map(_fields, references):
        name = _text(reference, "name")
        if name:
            is_cluster = reference.get("kind") == CLUSTER_STORE
            yield StoreName(CLUSTER_STORE if is_cluster else "SecretStore", "" if is_cluster else namespace, name)


def _sources(spec: Fields) -> list[Fields]:
    entries = [*_items(spec.get("data")), *_items(spec.get("dataFrom"))]
    return [_fields(_fields(entry).get("sourceRef")) for entry in entries]


def _fields(value: object) -> Fields:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _items(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _text(fields: Fields, key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""
