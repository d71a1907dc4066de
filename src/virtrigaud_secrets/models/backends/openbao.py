"""`spec.provider.openBao`: ESO's read-only provider for OpenBao, with fewer ways than `vault` (ESO §1.4)."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from virtrigaud_secrets.models.backends.vault import VaultAppRole, VaultUserPassAuth
from virtrigaud_secrets.models.base import Base64, Model
from virtrigaud_secrets.models.references import CAProvider, SecretKeySelector
from virtrigaud_secrets.models.rules import at_most_one, exactly_one, not_both, one_of


class OpenBaoAppRole(VaultAppRole):
    """Login with a role id, from one place, and a secret id."""

    model_config = ConfigDict(json_schema_extra=one_of("roleId", "roleRef"))

    role_id: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_role_id(self) -> Self:
        return exactly_one(self, "roleId", "roleRef")


class OpenBaoAuth(Model):
    """How to log in: exactly one method is set."""

    model_config = ConfigDict(json_schema_extra=one_of("tokenSecretRef", "userPass", "appRole"))

    namespace: str | None = None
    """OpenBao namespace to log in at; None means the provider's."""
    token_secret_ref: SecretKeySelector | None = None
    user_pass: VaultUserPassAuth | None = None
    app_role: OpenBaoAppRole | None = None

    @model_validator(mode="after")
    def _one_method(self) -> Self:
        return exactly_one(self, "tokenSecretRef", "userPass", "appRole")


class OpenBaoProvider(Model):
    """An OpenBao server and its KV engine."""

    model_config = ConfigDict(json_schema_extra=not_both("caBundle", "caProvider"))

    auth: OpenBaoAuth | None = None
    server: str
    path: str | None = None
    """Mount path of the KV engine; `kv` where none is named."""
    version: Literal["v1", "v2"] = "v2"
    namespace: str | None = None
    """OpenBao namespace, none of Kubernetes'."""
    ca_bundle: Base64 | None = Field(default=None, repr=False)
    ca_provider: CAProvider | None = None

    @model_validator(mode="after")
    def _one_authority(self) -> Self:
        return at_most_one(self, "caBundle", "caProvider")
