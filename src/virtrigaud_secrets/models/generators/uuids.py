"""`UUID`: a random UUID (ESO §1.7)."""

from typing import Literal

from pydantic import Field

from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest


class UUIDSpec(Model):
    """Nothing to choose."""


class UUID(GeneratorManifest):
    """A manifest of kind UUID."""

    kind: Literal["UUID"] = "UUID"
    spec: UUIDSpec = Field(default_factory=UUIDSpec)
