"""One remark of a check: of a manifest, or of a finished bundle. Never holds a value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """The manifest or bundle cannot be used."""
    WARNING = "warning"
    """It can be used and somebody should look."""
    NOTE = "note"
    """Something was skipped or read in a tolerant way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One remark: what, where, how bad."""

    message: str
    """What was expected or is wrong. Never the value that was found."""
    severity: Severity = Severity.ERROR
    """How much it matters."""
    code: str = ""
    """Stable identifier, such as `unknown-field` or `key-mismatch`."""
    field: str = ""
    """Field path in a manifest (`spec.data[0].remoteRef.key`), or the key of a bundle (`tls.key`)."""
    file: str = ""
    """File the manifest came from."""
    line: int | None = None
    """Line in that file, from 1."""
    document: int | None = None
    """Document in that file, from 0."""
    subject: str = ""
    """What it is about, as `Kind namespace/name`."""

    def __str__(self) -> str:
        """`file:line: error: Kind ns/name: field: message`, without the parts that are not known."""
        place = self.file
        if self.line is not None:
            place += f":{self.line}"
        if self.document is not None and self.file:
            place += f" (document {self.document})"
        parts = [place, self.severity.value, self.subject, self.field, self.message]
        return ": ".join(part for part in parts if part)
