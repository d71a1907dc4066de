"""What was found in the manifests, document by document."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from virtrigaud_secrets.findings import Finding, Severity

if TYPE_CHECKING:
    from virtrigaud_secrets.manifests.catalog import Catalog


class Judgement(StrEnum):
    """What a document is, taken by itself."""

    VALID = "valid"
    """A manifest that ESO's schema accepts. Whether it can be used, its findings say: one may be an error all the same,
    such as what ESO's webhook refuses."""
    INVALID = "invalid"
    """Meant to be a manifest, and no cluster with ESO's schema would take it."""
    SKIPPED = "skipped"
    """Nothing that this library resolves; or meant for ESO, which has no schema of that kind or version: no cluster
    takes it, as a finding of severity error says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The judgement of one document."""

    file: str
    """The file it is in."""
    document: int
    """Its number in the file, from 0."""
    verdict: Judgement
    """What it is. Two good documents of one name are both valid; that they clash is a finding of the second."""
    api_version: str = ""
    """`apiVersion`, empty where there is none."""
    kind: str = ""
    """`kind`, empty where there is none."""
    name: str = ""
    """`metadata.name`, empty where there is none."""
    namespace: str = ""
    """Its namespace, empty for what has none."""
    findings: tuple[Finding, ...] = ()
    """What there is to say about it, in the order of the lines."""

    def to_json(self) -> dict[str, object]:
        """The stable form of `check --format json`."""
        return {
            "file": self.file,
            "document": self.document,
            "apiVersion": self.api_version,
            "kind": self.kind,
            "name": self.name,
            "verdict": self.verdict.value,
            "findings": [
                {
                    "field": finding.field,
                    "message": finding.message,
                    "line": finding.line,
                    "severity": finding.severity.value,
                }
                for finding in self.findings
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All verdicts, and the catalog of what can be used."""

    verdicts: tuple[Verdict, ...]
    """One for each document, in the order of the files."""
    catalog: Catalog
    """The valid manifests."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding, in the order of files and documents."""
        return tuple(finding for verdict in self.verdicts for finding in verdict.findings)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that are errors."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return not self.errors
