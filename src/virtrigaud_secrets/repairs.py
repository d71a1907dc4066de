"""Differences from ESO that make manifests of VirtRigaud's guide work as written; each has an id. A table.

Whoever makes a repair names its id: a binding, a preview or an answer. Strict mode makes none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

STORE_NAMESPACE: Final = "store-namespace"
"""A SecretStore was found in a configured namespace."""
MOUNT_LOOKUP: Final = "vault-mount-lookup"
"""A key of Vault may name any engine of the server."""
LEASE_PROPERTIES: Final = "lease-properties"
"""A property of an answer's lease was read as if it were one of its data."""
GUIDE_SPELLING: Final = "guide-spelling"
"""A field was read under the name that the guide has for it."""
CLUSTER_PROJECT: Final = "gke-cluster-project"
"""The secrets' project stands in for the cluster's, where nobody tells that."""
OWN_IDENTITY: Final = "kubernetes-own-identity"
"""A `kubernetes` store that names no identity is read with this process's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One difference."""

    with_eso: str
    """What ESO does with such a manifest."""
    here: str
    """What is done instead."""


REPAIRS: Final[Mapping[str, Repair]] = MappingProxyType(
    {
        STORE_NAMESPACE: Repair(
            with_eso="a SecretStore is sought in the ExternalSecret's namespace only",
            here="it is sought in Settings.store_namespaces, and exactly one of them has it",
        ),
        MOUNT_LOOKUP: Repair(
            with_eso="every key is a KV path below the store's path",
            here="the server is asked which engine owns the path, and that engine is used",
        ),
        LEASE_PROPERTIES: Repair(
            with_eso="only the data of an answer can be read",
            here="lease_id, lease_duration and renewable are read from the answer around it",
        ),
        GUIDE_SPELLING: Repair(
            with_eso="a field that the guide spells otherwise is unknown and dropped",
            here="it is read as the field that is meant",
        ),
        CLUSTER_PROJECT: Repair(
            with_eso="the metadata server tells the cluster's project, or the login fails",
            here="the secrets' own project is taken where no metadata server answers",
        ),
        OWN_IDENTITY: Repair(
            with_eso="a store without auth and authRef is refused",
            here="this process's own identity reads the Secrets",
        ),
    }
)
"""Id → what differs."""
