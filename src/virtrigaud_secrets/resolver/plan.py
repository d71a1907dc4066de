"""Everything a resolve will do, as values. Computed without I/O; holds no secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from virtrigaud_secrets.stores.base import Fetch, Preview, Query

if TYPE_CHECKING:
    from virtrigaud_secrets.models.external_secret import ExternalSecretRewrite, ExternalSecretTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """What happens to every value of an entry between answer and template."""

    strategy: str = "None"
    """`decodingStrategy`: None, Base64, Base64URL or Auto."""
    refuse_null_bytes: bool = False
    """`nullBytePolicy: Fail`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStep:
    """One entry of `spec.data`: a value under a key."""

    field: str
    """Where the manifest says so."""
    fetch: Fetch
    """The request that serves it."""
    secret_key: str
    """The key it becomes."""
    property: str = ""
    """The property of the answer, empty for the whole."""
    decoding: Decoding = Decoding()
    """What happens to the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractStep:
    """One `dataFrom.extract`: every entry of a secret under its own key."""

    field: str
    """Where the manifest says so."""
    fetch: Fetch
    """The request that serves it."""
    property: str = ""
    """The property whose entries are meant, empty for the whole secret's."""
    conversion: str = "Default"
    """`conversionStrategy`: what becomes of characters no key may have. Unused where there is a rewrite."""
    rewrite: tuple[ExternalSecretRewrite, ...] = ()
    """What becomes of the names."""
    decoding: Decoding = Decoding()
    """What happens to every value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindStep:
    """One `dataFrom.find`: every secret that a search finds, whole, under the name the store lists it by."""

    field: str
    """Where the manifest says so."""
    query: Query
    """The search."""
    conversion: str = "Default"
    """`conversionStrategy`: what becomes of characters no key may have. Unused where there is a rewrite."""
    converts_first: bool = False
    """Whether names are converted before a rewrite sees them, as some of ESO's providers do."""
    rewrite: tuple[ExternalSecretRewrite, ...] = ()
    """What becomes of the names."""
    decoding: Decoding = Decoding()
    """What happens to every value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorStep:
    """One `dataFrom.sourceRef.generatorRef`: every value that a generator makes, neither converted nor decoded."""

    field: str
    """Where the manifest says so."""
    fetch: Fetch
    """The request that serves it. No other entry shares it: each gets values of its own, as in ESO."""
    rewrite: tuple[ExternalSecretRewrite, ...] = ()
    """What becomes of the names."""


Step = DataStep | ExtractStep | FindStep | GeneratorStep

Asked = Fetch | Query
"""What a step asks a store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a resolve of one ExternalSecret sends and does, in order."""

    name: str
    """Name of the ExternalSecret."""
    namespace: str
    """Its namespace."""
    target: ExternalSecretTarget = field(repr=False)
    """What to make of the values."""
    requests: tuple[Preview, ...]
    """Each distinct request once, in the order the manifest first asks for it."""
    steps: tuple[Step, ...]
    """What to do with the answers: all of `dataFrom`, then all of `data`; a later key replaces an earlier one."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Labels of the ExternalSecret, copied onto a Secret that has no template."""
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Annotations of the ExternalSecret, likewise."""
    repairs: tuple[str, ...] = ()
    """Ids of the differences from ESO that the plan uses."""
    skip_missing: bool = False
    """`deletionPolicy` Delete or Merge: an entry whose secret does not exist is left out (ESO §2.6)."""

    @property
    def manifest(self) -> str:
        """The manifest as errors name it."""
        return f"ExternalSecret {self.namespace}/{self.name}"

    @property
    def searches(self) -> tuple[Query, ...]:
        """Each distinct search once, in order."""
        return tuple(dict.fromkeys(step.query for step in self.steps if isinstance(step, FindStep)))

    def fields_of(self, asked: Asked) -> tuple[str, ...]:
        """The fields that ask for it."""
        return tuple(step.field for step in self.steps if asked_by(step) == asked)


def asked_by(step: Step) -> Asked:
    """What a step asks a store."""
    return step.query if isinstance(step, FindStep) else step.fetch
