"""Finds what makes a kind of generators. A kind is imported when a manifest first refers to it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.errors import ManifestError, UnsupportedFeatureError
from virtrigaud_secrets.models.generators import generator_model
from virtrigaud_secrets.stores.base import StoreFactory

if TYPE_CHECKING:
    from pydantic import BaseModel

MODULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ACRAccessToken": "acr",
        "ECRAuthorizationToken": "ecr",
        "Fake": "fake",
        "GCRAccessToken": "gcr",
        "Password": "password",
        "SSHKey": "ssh_key",
        "STSSessionToken": "sts",
        "UUID": "uuids",
        "VaultDynamicSecret": "vault_dynamic_secret",
        "Webhook": "webhook",
    }
)
"""Kind → module here with a `FACTORY`."""

CLUSTER_GENERATOR: Final = "ClusterGenerator"
"""The kind that stands for one of the others."""


@dataclass(frozen=True, slots=True)
class Source:
    """What makes the values of one generator."""

    factory: StoreFactory
    """Its kind."""
    spec: BaseModel
    """Its spec."""


def source(kind: str, spec: BaseModel) -> Source:
    """What makes the values of a manifest of this kind.

    Raises:
        UnsupportedFeatureError: the kind is known to ESO and not supported here.
        ManifestError: a ClusterGenerator's kind and spec do not agree.
    """
    if kind == CLUSTER_GENERATOR:
        kind, spec = _chosen(spec)
    if kind not in MODULES:
        raise UnsupportedFeatureError(f"generators of kind {kind} are known to ESO and not supported here")
    module = importlib.import_module(f"virtrigaud_secrets.generators.{MODULES[kind]}")
    return Source(cast("StoreFactory", module.FACTORY), spec)


def _chosen(spec: BaseModel) -> tuple[str, BaseModel]:
    from virtrigaud_secrets.models.generators.cluster import ClusterGeneratorSpec

    if not isinstance(spec, ClusterGeneratorSpec):
        raise ManifestError("expected the spec of a ClusterGenerator")
    model, chosen = generator_model(spec.kind), spec.generator.chosen
    wanted = None if model is None else cast("type[BaseModel]", model.model_fields["spec"].annotation)
    if wanted is None or not isinstance(chosen, wanted):
        raise ManifestError(f"a ClusterGenerator says it is of kind {spec.kind}, and holds the spec of another kind")
    return spec.kind, chosen
