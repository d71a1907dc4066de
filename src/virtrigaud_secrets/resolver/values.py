"""One value on its way from an answer into a template. What is done to values lives in the modules named after it."""

from __future__ import annotations

from dataclasses import dataclass, field

from virtrigaud_secrets.bundle import Provenance


@dataclass(frozen=True, slots=True)
class Value:
    """One value, with where it came from."""

    data: bytes = field(repr=False)
    """The value."""
    origins: tuple[Provenance, ...]
    """What it was made from: one for a value as it was read, several where a merge joined them."""
