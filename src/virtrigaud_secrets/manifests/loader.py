"""Files → documents → models → catalog and report. Every fault becomes a finding with file, line and field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.errors import ManifestError
from virtrigaud_secrets.findings import Finding, Severity
from virtrigaud_secrets.manifests.catalog import Catalog, Document
from virtrigaud_secrets.manifests.documents import Chunk, PlainDocument, YamlFault, compose, split
from virtrigaud_secrets.manifests.kinds import Manifest, Recognised, recognise
from virtrigaud_secrets.manifests.limits import MAX_DOCUMENTS, MAX_FINDINGS
from virtrigaud_secrets.manifests.objects import KubernetesObjects
from virtrigaud_secrets.manifests.positions import Positions, locate
from virtrigaud_secrets.manifests.report import Judgement, Report, Verdict
from virtrigaud_secrets.manifests.sources import Source, sources
from virtrigaud_secrets.models.generators import GENERATORS
from virtrigaud_secrets.models.remarks import Location, Remark, field_path
from virtrigaud_secrets.repairs import REPAIRS

if TYPE_CHECKING:
    from virtrigaud_secrets.models.base import Model
    from virtrigaud_secrets.models.cluster_external_secret import ClusterExternalSecretSpec
    from virtrigaud_secrets.models.external_secret import ExternalSecretSpec
    from virtrigaud_secrets.models.push_secret import ClusterPushSecretSpec, PushSecretSpec
    from virtrigaud_secrets.models.secret_store import SecretStoreSpec

DEFAULT_NAMESPACE: Final = "default"
"""Where kubectl puts what names no namespace."""

_OURS: Final = re.compile(
    r"(?:^|[{,])[ \t-]*[\"']?(apiVersion[\"']?[ \t]*:[ \t]*[\"']?(generators\.)?external-secrets\.io/"
    r"|kind[\"']?[ \t]*:[ \t]*[\"']?(Cluster)?(ExternalSecret|SecretStore|PushSecret)\b)",
    re.MULTILINE,
)
"""Tells a broken manifest of ESO from text that was never YAML."""

_HELM: Final = re.compile(r"[ \t-]*([\w.-]+:[ \t]*)?\{\{")
"""A line of a Helm template that YAML cannot read."""


def load(
    path: str | Path | Iterable[str | Path], *, strict: bool = False, default_namespace: str = DEFAULT_NAMESPACE
) -> Catalog:
    """The catalog of all manifests in files and directories.

    Directories are read with what is below them: `*.yaml`, `*.yml`, `*.json`. Documents of other kinds are passed over.

    Args:
        path: a file, a directory, or several of them.
        strict: unknown fields are errors, as for `kubectl apply`, and so are the guide's own spellings.
        default_namespace: namespace of manifests that name none.

    Raises:
        ManifestError: there are errors; `findings` holds every one.
    """
    report = inspect(path, strict=strict, default_namespace=default_namespace)
    errors = report.errors
    if errors:
        files = len({finding.file for finding in errors})
        message = f"{_count(len(errors), 'error')} in {_count(files, 'file')} of manifests"
        raise ManifestError(message, findings=errors)
    return report.catalog


def inspect(
    path: str | Path | Iterable[str | Path], *, strict: bool = False, default_namespace: str = DEFAULT_NAMESPACE
) -> Report:
    """As `load`, with everything that was found in place of an error. Raises nothing."""
    paths = [path] if isinstance(path, str | Path) else path
    loading = _Loading(strict=strict, default_namespace=default_namespace)
    for source in sources(Path(item) for item in paths):
        loading.read(source)
    return loading.report()


class _Spot:
    """One document of a file. Finds lines only when asked: nearly all documents have nothing to be said about."""

    def __init__(self, file: str, chunk: Chunk, index: int) -> None:
        self.file = file
        self.chunk = chunk
        self.index = index
        """Its number in the file."""

    @cached_property
    def _positions(self) -> Positions:
        return locate(self.chunk)

    def line(self, location: Location) -> int:
        """Line of a field in the file, from 1."""
        return self.file_line(self._positions.line(location))

    def file_line(self, line: int) -> int:
        """Line in the file, from 1, of a line of the chunk."""
        return self.chunk.line + line + 1

    def repeated_keys(self, location: Location) -> list[Remark]:
        """The keys below `location` that are there twice."""
        return [
            Remark(
                location=repeated.place[len(location) :],
                message=f"is there twice: in line {self.file_line(repeated.first_line)} "
                f"and in line {self.file_line(repeated.line)}",
                code="duplicate-key",
            )
            for repeated in self._positions.repeated
            if repeated.place[: len(location)] == location
        ]


class _Loading:
    """Everything read so far."""

    def __init__(self, *, strict: bool, default_namespace: str) -> None:
        self._strict = strict
        self._default_namespace = default_namespace
        self._objects = KubernetesObjects()
        self._manifests: dict[tuple[str, str, str], Document[object]] = {}
        self._verdicts: list[Verdict] = []

    def report(self) -> Report:
        """What was found."""
        catalog = Catalog(
            external_secrets=cast("list[Document[ExternalSecretSpec]]", self._of("ExternalSecret")),
            stores=cast("list[Document[SecretStoreSpec]]", self._of("SecretStore", "ClusterSecretStore")),
            cluster_external_secrets=cast(
                "list[Document[ClusterExternalSecretSpec]]", self._of("ClusterExternalSecret")
            ),
            generators=cast("list[Document[Model]]", self._of(*GENERATORS)),
            push_secrets=cast("list[Document[PushSecretSpec]]", self._of("PushSecret")),
            cluster_push_secrets=cast("list[Document[ClusterPushSecretSpec]]", self._of("ClusterPushSecret")),
            objects=self._objects,
        )
        return Report(verdicts=tuple(self._verdicts), catalog=catalog)

    def _of(self, *kinds: str) -> list[Document[object]]:
        """The manifests of these kinds that say something."""
        return [
            document for document in self._manifests.values() if document.kind in kinds and document.spec is not None
        ]

    def read(self, source: Source) -> None:
        """Judge every document of a file."""
        if source.fault:
            self._refuse(source.file, 0, source.fault, line=source.line, code="unreadable-file")
            return
        index = 0
        for chunk in split(source.text):
            if index >= MAX_DOCUMENTS:
                fault = f"more than {MAX_DOCUMENTS} documents: the rest is not read"
                self._refuse(source.file, index, fault, line=chunk.line + 1, code="too-many-documents")
                return
            index += self._read_chunk(_Spot(source.file, chunk, index))

    def _read_chunk(self, spot: _Spot) -> int:
        """Judge the chunk's document; how many there are, which is one or none."""
        try:
            document = compose(spot.chunk)
        except YamlFault as fault:
            self._broken(fault, spot)
            return 1
        if document is None:
            return 0
        for location, data in _expand(document.data, ()):
            self._judge(data, location, document, spot)
        return 1

    def _judge(self, data: object, location: Location, document: PlainDocument, spot: _Spot) -> None:
        recognised = recognise(data, strict=self._strict)
        judgement = recognised.judgement
        relevant = recognised.kept or judgement is not Judgement.SKIPPED
        repeated = spot.repeated_keys(location) if relevant and document.repeats_keys else []
        # An API server takes the later one, and refuses where it is asked to be strict.
        remarks = [
            replace(remark, severity=Severity.ERROR if self._strict else Severity.WARNING) for remark in repeated
        ]
        remarks += recognised.remarks
        if repeated and self._strict:
            judgement = Judgement.INVALID
        elif recognised.kept:
            kept = cast("dict[str, object]", data)
            remarks += self._objects.add(recognised.kind, kept, default_namespace=self._default_namespace)
        elif recognised.manifest is not None:
            line = spot.line(location) if location else spot.file_line(document.line)
            used = tuple(dict.fromkeys(remark.code for remark in remarks if remark.code in REPAIRS))
            remarks += self._keep(recognised.manifest, spot, line, namespaced=recognised.namespaced, repairs=used)
        self._verdicts.append(
            Verdict(
                file=spot.file,
                document=spot.index,
                verdict=judgement,
                api_version=recognised.api_version,
                kind=recognised.kind,
                name=recognised.name,
                namespace=self._namespace(recognised),
                findings=self._findings(remarks, recognised, location, spot),
            )
        )

    def _namespace(self, recognised: Recognised) -> str:
        """Its namespace; none for what has none, and nothing is made up for what is skipped."""
        if not recognised.namespaced:
            return ""
        if recognised.judgement is Judgement.SKIPPED and not recognised.kept:
            return recognised.namespace
        return recognised.namespace or ("" if recognised.kind == "Namespace" else self._default_namespace)

    def _keep(
        self, manifest: Manifest, spot: _Spot, line: int, *, namespaced: bool, repairs: tuple[str, ...]
    ) -> Iterator[Remark]:
        """Add a manifest to the catalog, unless there is one of that name."""
        metadata = manifest.metadata
        document = Document(
            kind=manifest.kind,
            name=metadata.name,
            namespace=(metadata.namespace or self._default_namespace) if namespaced else "",
            spec=manifest.spec,
            labels=metadata.labels,
            annotations=metadata.annotations,
            file=spot.file,
            line=line,
            index=spot.index,
            repairs=repairs,
        )
        first = self._manifests.setdefault((document.kind, document.namespace, document.name), document)
        if first is not document:
            message = f"{document.subject} is there twice: at {first.place} and at {document.place}"
            yield Remark(location=("metadata", "name"), message=message, code="duplicate-manifest")

    def _findings(
        self, remarks: list[Remark], recognised: Recognised, location: Location, spot: _Spot
    ) -> tuple[Finding, ...]:
        namespace = self._namespace(recognised)
        name = f"{namespace}/{recognised.name}" if namespace else recognised.name
        subject = f"{recognised.kind} {name}" if recognised.kind and recognised.name else ""
        if len(remarks) > MAX_FINDINGS:
            remarks = sorted(remarks, key=lambda remark: list(Severity).index(remark.severity))
        findings = [
            Finding(
                message=remark.message,
                severity=remark.severity,
                code=remark.code,
                field=field_path((*location, *remark.location)),
                file=spot.file,
                line=spot.line((*location, *remark.location)),
                document=spot.index,
                subject=subject,
            )
            for remark in remarks[:MAX_FINDINGS]
        ]
        findings.sort(key=lambda finding: finding.line or 0)
        if len(remarks) > MAX_FINDINGS:
            message = f"{len(remarks) - MAX_FINDINGS} more like these"
            severity = remarks[MAX_FINDINGS].severity
            findings.append(replace(findings[-1], message=message, field="", severity=severity, code="more"))
        return tuple(findings)

    def _broken(self, fault: YamlFault, spot: _Spot) -> None:
        """A document that is no YAML: an error if it was meant for ESO, else somebody's shell or HCL."""
        message = f"not valid YAML at column {fault.column + 1}: {fault.reason}"
        line, text = spot.file_line(fault.line), spot.chunk.text
        if fault.hostile:
            self._refuse(spot.file, spot.index, fault.reason, line=line, code="refused-yaml")
            return
        if _OURS.search(text):
            # The parser often gives up one line behind what it stumbled over.
            if any(_HELM.match(part) for part in text.splitlines()[max(0, fault.line - 1) : fault.line + 1]):
                message += " (a Helm template must be rendered first)"
            self._refuse(spot.file, spot.index, message, line=line, code="invalid-yaml")
            return
        finding = Finding(
            message=message, severity=Severity.NOTE, code="skipped", file=spot.file, line=line, document=spot.index
        )
        self._verdicts.append(
            Verdict(file=spot.file, document=spot.index, verdict=Judgement.SKIPPED, findings=(finding,))
        )

    def _refuse(self, file: str, index: int, message: str, *, line: int | None, code: str) -> None:
        finding = Finding(message=message, code=code, file=file, line=line, document=index)
        self._verdicts.append(Verdict(file=file, document=index, verdict=Judgement.INVALID, findings=(finding,)))


def _expand(data: object, location: Location) -> Iterator[tuple[Location, object]]:
    """The document itself, or the items of a Kubernetes List, with their location in the document."""
    if isinstance(data, dict):
        document = cast("dict[str, object]", data)
        kind, items = document.get("kind"), document.get("items")
        if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list) and items:
            for index, item in enumerate(cast("list[object]", items)):
                yield from _expand(item, (*location, "items", index))
            return
    yield location, data


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
