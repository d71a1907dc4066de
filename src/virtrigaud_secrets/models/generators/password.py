"""`Password`: a random password (ESO §1.7)."""

from typing import Annotated, Literal

from pydantic import Field

from virtrigaud_secrets.models.base import Bool, Int64, Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest


class PasswordSpec(Model):
    """Of which characters, and how many."""

    length: Int64 = 24
    digits: Int64 | None = None
    """None means a quarter of the length."""
    symbols: Int64 | None = None
    """None means a quarter of the length."""
    symbol_characters: str | None = None
    """Those to choose from; None means the default ones."""
    no_upper: Bool = False
    allow_repeat: Bool = False
    """Without it, no character occurs twice."""
    secret_keys: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Keys that get a password each; None means one under `password`."""
    encoding: Literal["base64", "base64url", "base32", "hex", "raw"] = "raw"


class Password(GeneratorManifest):
    """A manifest of kind Password."""

    kind: Literal["Password"] = "Password"
    spec: PasswordSpec = Field(default_factory=PasswordSpec)
