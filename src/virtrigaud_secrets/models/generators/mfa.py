"""`MFA`: a time-based one-time password, RFC 6238 (ESO §1.7)."""

from typing import Literal

from virtrigaud_secrets.models.base import DateTime, Int64, Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest
from virtrigaud_secrets.models.references import SecretKeySelector


class MFASpec(Model):
    """Of which seed, and of what form."""

    secret: SecretKeySelector
    """Where the seed is."""
    length: Int64 | None = None
    """Digits; None means 6."""
    time_period: Int64 | None = None
    """Seconds a password holds; None means 30."""
    algorithm: str | None = None
    """None means sha1."""
    when: DateTime | None = None
    """The time in place of now."""


class MFA(GeneratorManifest):
    """A manifest of kind MFA."""

    kind: Literal["MFA"] = "MFA"
    spec: MFASpec
