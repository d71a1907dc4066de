"""What a failed request means for a lease or login: a few cases, told apart by the store (see `runtime.verdicts`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Meaning(StrEnum):
    """What the failure says of the lease or login."""

    TRANSIENT = "transient"
    """Nothing: the store cannot be asked now."""
    GONE = "gone"
    """The store does not know the lease."""
    NOT_RENEWABLE = "not-renewable"
    """It cannot be renewed, by its nature or by policy; it lives on."""
    UNKNOWN = "unknown"
    """The store called the request wrong: it may be gone, or what is behind it is in trouble. To be looked up."""
    ROLE_GONE = "role-gone"
    """The role it came from is gone: it is no good any more, though it may be listed."""
    DEFINITE = "definite"
    """It will fail until somebody changes something: no such secret, denied by policy."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One failure."""

    meaning: Meaning
    retry_after: float | None = None
    """Seconds the store asked to wait."""
    acted: bool = False
    """Whether the store may have carried the request out all the same."""
    text: str = ""
    """The error in words; safe to log."""
