"""`GeneratorState`: what ESO's controller notes of a value it must clean up later (ESO §1.7)."""

from typing import Literal

from pydantic import Field

from virtrigaud_secrets.models.base import DateTime, Json, Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest


class GeneratorStateSpec(Model):
    """The generator as it was, what it returned, and until when that is kept."""

    garbage_collection_deadline: DateTime | None = None
    resource: Json = Field(repr=False)
    state: Json = Field(repr=False)


class GeneratorState(GeneratorManifest):
    """A manifest of kind GeneratorState."""

    kind: Literal["GeneratorState"] = "GeneratorState"
    spec: GeneratorStateSpec
