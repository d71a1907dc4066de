"""What a document is: a manifest this library reads, an object it keeps, or nothing of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, cast

from virtrigaud_secrets.findings import Severity
from virtrigaud_secrets.manifests.objects import KINDS as OBJECT_KINDS
from virtrigaud_secrets.manifests.report import Judgement
from virtrigaud_secrets.models.admission import judge_external_secret, judge_secret_store
from virtrigaud_secrets.models.external_secret import ExternalSecret
from virtrigaud_secrets.models.push_secret import ClusterPushSecret, PushSecret
from virtrigaud_secrets.models.reading import read
from virtrigaud_secrets.models.remarks import Remark, nearest
from virtrigaud_secrets.models.secret_store import SecretStore

GROUP: Final = "external-secrets.io"
"""ESO's API group."""

GENERATORS_GROUP: Final = "generators.external-secrets.io"
"""ESO's API group of generators."""

VERSIONS: Final = frozenset({"v1", "v1beta1"})
"""Versions of the group that are read, all alike: v1 allows whatever v1beta1 did (ESO §1.2)."""

PUSH_VERSIONS: Final = frozenset({"v1alpha1"})
"""Versions that the kinds that write have (ESO §1)."""

Manifest = ExternalSecret | SecretStore | PushSecret | ClusterPushSecret
"""What a document of ESO's group becomes."""

MODELS: Final[Mapping[str, type[Manifest]]] = MappingProxyType(
    {
        "ClusterPushSecret": ClusterPushSecret,
        "ClusterSecretStore": SecretStore,
        "ExternalSecret": ExternalSecret,
        "PushSecret": PushSecret,
        "SecretStore": SecretStore,
    }
)
"""Kind → its model."""

CLUSTER_KINDS: Final = frozenset({"ClusterPushSecret", "ClusterSecretStore"})
"""Kinds whose objects are in no namespace."""

UNREAD: Final = frozenset({"ClusterExternalSecret"})
"""Kinds of the group that nothing here reads."""

MAX_NAME: Final = 253
"""Characters of a name that are shown: Kubernetes has no longer ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What one document turned out to be."""

    judgement: Judgement
    """What becomes of it."""
    api_version: str = ""
    """`apiVersion`, if it is text."""
    kind: str = ""
    """`kind`, if it is text."""
    name: str = ""
    """`metadata.name`, if it is text."""
    namespace: str = ""
    """`metadata.namespace`, if it is text."""
    manifest: Manifest | None = None
    """The model of a valid manifest."""
    kept: bool = False
    """Whether it is an object that answers references."""
    remarks: list[Remark] = field(default_factory=list[Remark])
    """What there is to say."""


def recognise(data: object, *, strict: bool) -> Recognised:  # noqa: PLR0911  # a table of cases
    """Judge one document by itself."""
    if not isinstance(data, dict):
        return _skipped({}, "empty document" if data is None else "not a Kubernetes object")
    document = cast("dict[str, object]", data)
    api_version, kind = document.get("apiVersion"), document.get("kind")
    group, _, version = _text(api_version).rpartition("/")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        if group in {GROUP, GENERATORS_GROUP} or (isinstance(kind, str) and kind in MODELS):
            return _nameless(document)
        return _skipped(document, "no apiVersion and kind: not a Kubernetes object")
    if group == GROUP:
        return _of_eso(document, kind, version, strict=strict)
    if group == GENERATORS_GROUP:
        return _skipped(document, f"{_text(kind)} is known to ESO, not supported here")
    if api_version == "v1" and kind in OBJECT_KINDS:
        return _recognised(document, Judgement.SKIPPED, kept=True, remarks=[_note("kept to answer references to it")])
    return _skipped(document, f"{_text(kind)} is no manifest of ESO")


def _of_eso(document: dict[str, object], kind: str, version: str, *, strict: bool) -> Recognised:
    if kind in UNREAD:
        return _skipped(document, f"{kind} is known to ESO, not supported here")
    if kind not in MODELS:
        suggestion = nearest(kind, sorted(MODELS))
        return _invalid(document, Remark(location=("kind",), message=f"no kind of {GROUP}{suggestion}"))
    versions = PUSH_VERSIONS if kind in {"PushSecret", "ClusterPushSecret"} else VERSIONS
    if version not in versions:
        expected = " or ".join(f"{GROUP}/{known}" for known in sorted(versions))
        return _invalid(document, Remark(location=("apiVersion",), message=f"expected {expected}"))
    # What the controller wrote back is none of the reader's business.
    manifest, remarks = read(MODELS[kind], {key: document[key] for key in document if key != "status"}, strict=strict)
    if manifest is not None:
        remarks += _judged(manifest)
    if manifest is None or any(remark.severity is Severity.ERROR for remark in remarks):
        return _recognised(document, Judgement.INVALID, remarks=remarks)
    return _recognised(document, Judgement.VALID, manifest=manifest, remarks=remarks)


def _judged(manifest: Manifest) -> Iterator[Remark]:
    if isinstance(manifest, ExternalSecret):
        yield from judge_external_secret(manifest)
    elif isinstance(manifest, SecretStore):
        yield from judge_secret_store(manifest)
    elif manifest.spec is None:
        message = "there is none: nothing will be pushed"
        yield Remark(location=("spec",), message=message, severity=Severity.WARNING)
    if manifest.kind in CLUSTER_KINDS and manifest.metadata.namespace is not None:
        message = f"a {manifest.kind} has none: it is passed over"
        yield Remark(location=("metadata", "namespace"), message=message, severity=Severity.WARNING)


def _nameless(document: dict[str, object]) -> Recognised:
    missing = [name for name in ("apiVersion", "kind") if not isinstance(document.get(name), str)]
    return _invalid(
        document,
        *(
            Remark(location=(name,), message="is required" if document.get(name) is None else "expected text")
            for name in missing
        ),
    )


def _invalid(document: dict[str, object], *remarks: Remark) -> Recognised:
    return _recognised(document, Judgement.INVALID, remarks=list(remarks))


def _skipped(document: dict[str, object], reason: str) -> Recognised:
    return _recognised(document, Judgement.SKIPPED, remarks=[_note(reason)])


def _note(reason: str) -> Remark:
    return Remark(location=(), message=reason, severity=Severity.NOTE, code="skipped")


def _recognised(
    document: dict[str, object],
    judgement: Judgement,
    *,
    manifest: Manifest | None = None,
    kept: bool = False,
    remarks: list[Remark],
) -> Recognised:
    metadata = document.get("metadata")
    named = cast("dict[str, object]", metadata) if isinstance(metadata, dict) else {}
    return Recognised(
        judgement=judgement,
        api_version=_text(document.get("apiVersion")),
        kind=_text(document.get("kind")),
        name=_text(named.get("name")),
        namespace=_text(named.get("namespace")),
        manifest=manifest,
        kept=kept,
        remarks=remarks,
    )


def _text(value: object) -> str:
    return value[:MAX_NAME] if isinstance(value, str) else ""
