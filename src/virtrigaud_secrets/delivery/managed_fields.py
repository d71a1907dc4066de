"""Which parts of an object a field manager wrote: how ESO knows what a manifest made before (ESO §2.7, §2.9)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast

MANAGER_PREFIX: Final = "externalsecrets.external-secrets.io/"
"""What the field manager of an ExternalSecret begins with."""

MAX_READABLE: Final = 63
"""Characters of a field manager above which ESO puts a hash in place of the name."""

_FIELD: Final = "f:"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedKeys:
    """Keys of a Secret that one manager wrote last."""

    data: frozenset[str] = frozenset()
    """Of `data`."""
    labels: frozenset[str] = frozenset()
    """Of `metadata.labels`."""
    annotations: frozenset[str] = frozenset()
    """Of `metadata.annotations`."""


def field_manager(manifest: str) -> str:
    """The field manager that writes for the ExternalSecret of this name."""
    readable = MANAGER_PREFIX + manifest
    return readable if len(readable) <= MAX_READABLE else _hashed(manifest)


def managed_keys(entries: Iterable[Mapping[str, object]], manifest: str) -> ManagedKeys:
    """What was written for the ExternalSecret of this name.

    Args:
        entries: `metadata.managedFields`.
        manifest: its name.
    """
    # Differs from ESO: it writes under the hash from 64 characters of the whole, and looks for labels and annotations
    # under it from 64 characters of the name. Of a name between 28 and 63 it never finds those that it wrote.
    managers = {MANAGER_PREFIX + manifest, _hashed(manifest)}
    data: set[str] = set()
    labels: set[str] = set()
    annotations: set[str] = set()
    for entry in entries:
        if entry.get("manager") in managers:
            fields = _mapping(entry.get("fieldsV1"))
            metadata = _mapping(fields.get("f:metadata"))
            data |= _keys(fields.get("f:data"))
            labels |= _keys(metadata.get("f:labels"))
            annotations |= _keys(metadata.get("f:annotations"))
    return ManagedKeys(data=frozenset(data), labels=frozenset(labels), annotations=frozenset(annotations))


def _hashed(manifest: str) -> str:
    return f"{MANAGER_PREFIX}sha3/{hashlib.sha3_224(manifest.encode()).hexdigest()}"


def _keys(fields: object) -> set[str]:
    # `.` stands for the map itself.
    return {name.removeprefix(_FIELD) for name in _mapping(fields) if name.startswith(_FIELD)}


def _mapping(value: object) -> Mapping[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}
