"""`SSHKey`: a pair of SSH keys (ESO §1.7)."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, Strict

from virtrigaud_secrets.models.base import Model, integral
from virtrigaud_secrets.models.generators.base import GeneratorManifest


class SSHKeySpec(Model):
    """Of which type and size."""

    key_type: Literal["rsa", "ecdsa", "ed25519"] = "rsa"
    key_size: Annotated[int, Strict(), Field(ge=256, le=8192), BeforeValidator(integral)] | None = None
    """Bits; None means 2048 for rsa and 256 for ecdsa. ed25519 has only one size."""
    comment: str | None = None


class SSHKey(GeneratorManifest):
    """A manifest of kind SSHKey."""

    kind: Literal["SSHKey"] = "SSHKey"
    spec: SSHKeySpec = Field(default_factory=SSHKeySpec)
