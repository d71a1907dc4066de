"""The hashes ESO leaves in a cluster: of a Secret's data, of an owner, of what a manifest was (ESO §2.8, §2.9, §7).

SHA3-224 over Go's `%+v` text. They tell that something changed; a hash of data goes where the data goes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from virtrigaud_secrets.golang.reflect import to_bytes


def data_hash(data: Mapping[str, bytes]) -> str:
    """The annotation `reconcile.external-secrets.io/data-hash` of a Secret with this data."""
    return _hash(_go_map({key: f"[{' '.join(map(str, data[key]))}]" for key in data}))


def owner_hash(name: str, *, namespace: str) -> str:
    """The label `reconcile.external-secrets.io/created-by` of what this ExternalSecret made."""
    return _hash(f"{namespace}/{name}")


def change_marker(generation: int | str, *, annotations: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """`status.syncedResourceVersion`: differs where generation, annotations or labels do.

    Args:
        generation: `metadata.generation`; for a manifest that no cluster counts, whatever changes with its `spec`.
        annotations: all of them.
        labels: all of them.
    """
    return f"{generation}-{_hash(f'{{annotations:{_go_map(annotations)} labels:{_go_map(labels)}}}')}"


def _go_map(items: Mapping[str, str]) -> str:
    return f"map[{' '.join(f'{key}:{items[key]}' for key in sorted(items))}]"


def _hash(text: str) -> str:
    return hashlib.sha3_224(to_bytes(text)).hexdigest()
