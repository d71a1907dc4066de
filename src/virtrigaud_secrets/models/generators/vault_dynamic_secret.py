"""`VaultDynamicSecret`: the answer of any path of Vault (ESO §1.7)."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.models.base import Bool, Json, Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest
from virtrigaud_secrets.models.retries import RetrySettings


class VaultDynamicSecretSpec(Model):
    """Which path of which Vault, how it is asked, and what of the answer is meant."""

    controller: str | None = None
    method: str | None = None
    """None and GET read, LIST lists, DELETE deletes, anything else writes `parameters`."""
    parameters: Json | None = Field(default=None, repr=False)
    """Body of a write."""
    get_parameters: Mapping[str, tuple[str, ...]] = {}
    """Query of a read."""
    result_type: Literal["Data", "Auth", "Raw"] = "Data"
    provider: VaultProvider
    path: str
    """Used as it is, without a mount in front."""
    allow_empty_response: Bool = False
    retry_settings: RetrySettings | None = None


class VaultDynamicSecret(GeneratorManifest):
    """A manifest of kind VaultDynamicSecret."""

    kind: Literal["VaultDynamicSecret"] = "VaultDynamicSecret"
    spec: VaultDynamicSecretSpec
