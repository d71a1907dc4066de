"""What a document is: a manifest this library reads, an object it keeps, or nothing of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import NoneType
from typing import TYPE_CHECKING, Final, Protocol, cast

from virtrigaud_secrets.findings import Severity
from virtrigaud_secrets.manifests.objects import KINDS as OBJECT_KINDS
from virtrigaud_secrets.manifests.report import Judgement
from virtrigaud_secrets.models.admission import REFUSED_AT_ADMISSION, judge
from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.kinds import GROUP, GROUPS, KINDS, Kind, names_of
from virtrigaud_secrets.models.reading import read
from virtrigaud_secrets.models.remarks import MALFORMED_DURATION, Location, Remark, nearest
from virtrigaud_secrets.models.versions import unknown_to_its_version

if TYPE_CHECKING:
    from virtrigaud_secrets.models.metadata import ObjectMeta

NO_NAME: Final = "no-name"
"""Code of the remark that a manifest has only the beginning of a name."""

MAX_NAME: Final = 253
"""Characters of a name that are shown: Kubernetes has no longer ones."""


class Manifest(Protocol):
    """What a document of ESO's groups becomes."""

    @property
    def kind(self) -> str:
        """Its kind."""
        ...

    @property
    def metadata(self) -> ObjectMeta:
        """Its name and namespace."""
        ...

    @property
    def spec(self) -> object:
        """What it says, as a model; None where it says nothing."""
        ...


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
    """The model of a manifest; None where there is an error, or no name to ask for it by."""
    namespaced: bool = True
    """Whether objects of its kind are in a namespace."""
    kept: bool = False
    """Whether it is an object that answers references."""
    remarks: list[Remark] = field(default_factory=list[Remark])
    """What there is to say."""


SCHEMA_ACCEPTS: Final = frozenset({REFUSED_AT_ADMISSION, MALFORMED_DURATION})
"""Codes of what is an error here and in ESO, and not by its schema: the verdict is the schema's."""


def recognise(data: object, *, strict: bool) -> Recognised:
    """Judge one document by itself."""
    if not isinstance(data, dict):
        return _skipped({}, "empty document" if data is None else "not a Kubernetes object")
    document = cast("dict[str, object]", data)
    api_version, kind = document.get("apiVersion"), document.get("kind")
    group, _, version = _text(api_version).rpartition("/")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        if group in GROUPS or (isinstance(kind, str) and (GROUP, kind) in KINDS):
            return _nameless(document)
        return _skipped(document, "no apiVersion and kind: not a Kubernetes object")
    if group in GROUPS and not _is_empty_list(document, kind):
        return _of_eso(document, group, kind, version, strict=strict)
    if api_version == "v1" and kind in OBJECT_KINDS:
        return _recognised(document, Judgement.SKIPPED, kept=True, remarks=[_note("kept to answer references to it")])
    return _skipped(document, f"{_text(kind)} is no manifest of ESO")


def _is_empty_list(document: dict[str, object], kind: str) -> bool:
    return kind.endswith("List") and document.get("items") == []


def _of_eso(document: dict[str, object], group: str, name: str, version: str, *, strict: bool) -> Recognised:
    kind = KINDS.get((group, name))
    if kind is None:
        message = f"no kind of {group}{nearest(name, names_of(group))}"
        return _without_schema(document, Remark(location=("kind",), message=message))
    if version not in kind.versions:
        message = f"expected {' or '.join(kind.api_versions)}"
        return _without_schema(document, Remark(location=("apiVersion",), message=message))
    written, remarks = _as_created(document, kind)
    manifest, found, by_schema = _read(kind, written, strict=strict)
    remarks += found
    judgement = Judgement.VALID
    if manifest is None or any(remark.severity is Severity.ERROR for remark in remarks):
        manifest = None
        if not _are_accepted_by_schema(by_schema, document):
            judgement = Judgement.INVALID
    elif any(remark.code == NO_NAME for remark in remarks):
        manifest = None
    return _recognised(
        document, judgement, manifest=cast("Manifest | None", manifest), namespaced=kind.namespaced, remarks=remarks
    )


def _read(kind: Kind, document: dict[str, object], *, strict: bool) -> tuple[Model | None, list[Remark], list[Remark]]:
    """The model, what there is to say, and the same of what the schema of the document's own version sees of it."""
    manifest, found = read(kind.model, document, strict=strict)
    newer = list(unknown_to_its_version(document)) if manifest is None or strict else []
    judged, seen, by_schema, ruled = manifest, document, found, list[Remark]()
    if manifest is None and newer and not strict:
        for location in newer:
            seen = cast("dict[str, object]", _replaced(seen, location, lambda _: None))
        _, by_schema = read(kind.model, seen)
    if manifest is None and _are_accepted_by_schema(by_schema, document):
        # What else the schema refuses, such as two fields that exclude each other, would go unseen.
        judged, hidden = read(kind.model, _readable(seen, by_schema))
        ruled += [remark for remark in hidden if remark.severity is Severity.ERROR]
    if judged is not None:
        ruled += judge(judged)
    if strict:
        ruled += _unknown(newer, told=[*found, *ruled])
    return manifest, [*found, *ruled], [*by_schema, *ruled]


def _unknown(newer: list[Location], *, told: list[Remark]) -> list[Remark]:
    """An error for each field that the document's version has not, unless there is one already."""
    known = {remark.location for remark in told}
    message = "unknown field in this version: write apiVersion external-secrets.io/v1"
    return [Remark(location=one, message=message, code="unknown-field") for one in newer if one not in known]


def _as_created(document: dict[str, object], kind: Kind) -> tuple[dict[str, object], list[Remark]]:
    """The document as an API server takes it when it is created: without status, and with a name and scope."""
    written = {key: value for key, value in document.items() if key != "status"}
    remarks: list[Remark] = []
    if not isinstance(document.get("metadata"), dict):
        return written, remarks
    metadata = dict(cast("dict[str, object]", document["metadata"]))
    if not kind.namespaced and isinstance(metadata.get("namespace"), str):
        del metadata["namespace"]
        message = f"a {kind.name} has none: it is passed over"
        remarks.append(Remark(location=("metadata", "namespace"), message=message, severity=Severity.WARNING))
    name, prefix = metadata.get("name"), metadata.get("generateName")
    if (name is None or name == "") and isinstance(prefix, str) and prefix:
        # Any letter does: the server puts some of its own behind the prefix.
        metadata["name"] = f"{prefix[:MAX_NAME]}x"[-MAX_NAME:]
        message = "a cluster makes a name of it; without one it cannot be asked for here"
        location = ("metadata", "generateName")
        remarks.append(Remark(location=location, message=message, severity=Severity.WARNING, code=NO_NAME))
    return written | {"metadata": metadata}, remarks


def _are_accepted_by_schema(remarks: list[Remark], document: dict[str, object]) -> bool:
    return all(_is_accepted_by_schema(remark, document) for remark in remarks if remark.severity is Severity.ERROR)


def _is_accepted_by_schema(remark: Remark, document: dict[str, object]) -> bool:
    """Whether ESO's schema lets something pass: it asks for no spec, and of metadata says only that it is a mapping."""
    if remark.location[:1] == ("metadata",):
        return isinstance(document.get("metadata"), dict | NoneType)
    if remark.location == ("spec",) and document.get("spec") is None:
        return True
    return remark.code in SCHEMA_ACCEPTS


def _readable(document: dict[str, object], found: list[Remark]) -> dict[str, object]:
    """A document that cannot be read, with something readable for what the schema takes all the same."""
    readable: dict[str, object] = document | {"metadata": {"name": "a"}}
    for remark in found:
        if remark.code == MALFORMED_DURATION:
            readable = cast("dict[str, object]", _replaced(readable, remark.location, _duration_like))
    return readable


def _duration_like(unreadable: object) -> object:
    return "1h" if isinstance(unreadable, str) else 3600


def _replaced(value: object, location: Location, new: Callable[[object], object]) -> object:
    """A copy with something new at a location, made of what is there; as it is where the location is not there."""
    if not location:
        return new(value)
    first, rest = location[0], location[1:]
    if isinstance(value, dict):
        mapping = cast("dict[str | int, object]", value)
        return mapping | {first: _replaced(mapping[first], rest, new)} if first in mapping else mapping
    if isinstance(value, list) and isinstance(first, int):
        items = list(cast("list[object]", value))
        items[first : first + 1] = [_replaced(item, rest, new) for item in items[first : first + 1]]
        return items
    return value  # pyright: ignore[reportUnknownVariableType]  # isinstance left it partially unknown


def _nameless(document: dict[str, object]) -> Recognised:
    missing = [name for name in ("apiVersion", "kind") if not isinstance(document.get(name), str)]
    return _without_schema(
        document,
        *(
            Remark(location=(name,), message="is required" if document.get(name) is None else "expected text")
            for name in missing
        ),
    )


def _without_schema(document: dict[str, object], *remarks: Remark) -> Recognised:
    """Meant for ESO, which has no schema of it: there is no verdict, and no cluster takes it."""
    return _recognised(document, Judgement.SKIPPED, remarks=list(remarks))


def _skipped(document: dict[str, object], reason: str) -> Recognised:
    return _recognised(document, Judgement.SKIPPED, remarks=[_note(reason)])


def _note(reason: str) -> Remark:
    return Remark(location=(), message=reason, severity=Severity.NOTE, code="skipped")


def _recognised(
    document: dict[str, object],
    judgement: Judgement,
    *,
    manifest: Manifest | None = None,
    namespaced: bool = True,
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
        namespaced=namespaced,
        kept=kept,
        remarks=remarks,
    )


def _text(value: object) -> str:
    return value[:MAX_NAME] if isinstance(value, str) else ""
