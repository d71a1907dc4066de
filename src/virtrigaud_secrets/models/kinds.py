"""Every kind of ESO's two groups: its versions, its scope, and where its model is (ESO §1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.models.generators import GENERATORS

if TYPE_CHECKING:
    from virtrigaud_secrets.models.base import Model

GROUP: Final = "external-secrets.io"
"""ESO's API group."""

GENERATORS_GROUP: Final = "generators.external-secrets.io"
"""ESO's API group of generators."""

GROUPS: Final = frozenset({GROUP, GENERATORS_GROUP})
"""Both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of manifest."""

    name: str
    """Its `kind`."""
    group: str
    """The part of `apiVersion` before the `/`."""
    versions: tuple[str, ...]
    """What may stand behind it, the newest first. All are read alike (ESO §1.2)."""
    namespaced: bool = True
    """Whether its objects are in a namespace."""
    module: str
    """Module of `models` that has its model."""
    attribute: str
    """The model in that module."""

    @property
    def api_versions(self) -> tuple[str, ...]:
        """Its `apiVersion`s, the newest first."""
        return tuple(f"{self.group}/{version}" for version in self.versions)

    @property
    def model(self) -> type[Model]:
        """Its model, imported when it is first asked for."""
        found: type[Model] = getattr(import_module(f"virtrigaud_secrets.models.{self.module}"), self.attribute)
        return found


_READ: Final = ("v1", "v1beta1")
_WRITTEN: Final = ("v1alpha1",)

_ALL: Final = (
    Kind(
        name="ClusterExternalSecret",
        group=GROUP,
        versions=_READ,
        namespaced=False,
        module="cluster_external_secret",
        attribute="ClusterExternalSecret",
    ),
    Kind(
        name="ClusterPushSecret",
        group=GROUP,
        versions=_WRITTEN,
        namespaced=False,
        module="push_secret",
        attribute="ClusterPushSecret",
    ),
    Kind(
        name="ClusterSecretStore",
        group=GROUP,
        versions=_READ,
        namespaced=False,
        module="secret_store",
        attribute="SecretStore",
    ),
    Kind(name="ExternalSecret", group=GROUP, versions=_READ, module="external_secret", attribute="ExternalSecret"),
    Kind(name="PushSecret", group=GROUP, versions=_WRITTEN, module="push_secret", attribute="PushSecret"),
    Kind(name="SecretStore", group=GROUP, versions=_READ, module="secret_store", attribute="SecretStore"),
    *(
        Kind(
            name=name,
            group=GENERATORS_GROUP,
            versions=_WRITTEN,
            namespaced=name != "ClusterGenerator",
            module=f"generators.{module}",
            attribute=name,
        )
        for name, module in GENERATORS.items()
    ),
)

KINDS: Final[Mapping[tuple[str, str], Kind]] = MappingProxyType({(kind.group, kind.name): kind for kind in _ALL})
"""Group and `kind` → the kind."""


def names_of(group: str) -> list[str]:
    """The kinds of a group, sorted."""
    return sorted(name for found, name in KINDS if found == group)
