"""`spec.provider.aws`: Secrets Manager, Parameter Store, Certificate Manager (ESO §1.4)."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from virtrigaud_secrets.models.base import Bool, Int64, Model
from virtrigaud_secrets.models.references import SecretKeySelector, ServiceAccountSelector

RESERVED_SESSION_TAGS = frozenset({"esoNamespace", "esoStoreName", "esoStoreKind"})
"""Session tags that ESO sets itself."""


def _no_reserved_tags(tags: Mapping[str, str]) -> Mapping[str, str]:
    if RESERVED_SESSION_TAGS.isdisjoint(tags):
        return tags
    raise PydanticCustomError("reserved_tags", "expected no key esoNamespace, esoStoreName or esoStoreKind")


class AWSAuthSecretRef(Model):
    """Static credentials."""

    access_key_id_secret_ref: SecretKeySelector | None = Field(default=None, alias="accessKeyIDSecretRef")
    secret_access_key_secret_ref: SecretKeySelector | None = None
    session_token_secret_ref: SecretKeySelector | None = None


class AWSJWTAuth(Model):
    """Identity of a service account (IRSA)."""

    service_account_ref: ServiceAccountSelector | None = None


class AWSAuth(Model):
    """Who asks. Empty means the process's own AWS identity."""

    guide_spellings = {"serviceAccount": ("jwt", "serviceAccountRef")}  # noqa: RUF012  # declared in the base

    secret_ref: AWSAuthSecretRef | None = None
    jwt: AWSJWTAuth | None = None


class Tag(Model):
    """A session tag."""

    key: str
    value: str


class SecretsManager(Model):
    """How secrets are deleted."""

    force_delete_without_recovery: Bool = False
    recovery_window_in_days: Int64 | None = None


class AWSProvider(Model):
    """An AWS service in a region."""

    service: Literal["SecretsManager", "ParameterStore", "CertificateManager"]
    auth: AWSAuth = Field(default_factory=AWSAuth)
    role: str | None = None
    """ARN of a role to assume."""
    region: str
    additional_roles: tuple[str, ...] = ()
    """ARNs of roles to assume one after the other, before `role`."""
    external_id: str | None = Field(default=None, alias="externalID")
    session_tags: tuple[Tag, ...] = ()
    session_tags_policy: Literal["None", "Simple", "Custom"] = "None"
    custom_session_tags: Annotated[Mapping[str, str], AfterValidator(_no_reserved_tags)] = {}
    secrets_manager: SecretsManager | None = None
    transitive_tag_keys: tuple[str, ...] = ()
    prefix: str | None = None
