"""`Fake`: values written into the manifest (ESO §1.7). For tests."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest


class FakeSpec(Model):
    """The values."""

    controller: str | None = None
    data: Mapping[str, str] = Field(default={}, repr=False)


class Fake(GeneratorManifest):
    """A manifest of kind Fake."""

    kind: Literal["Fake"] = "Fake"
    spec: FakeSpec = Field(default_factory=FakeSpec)
