"""`spec.provider.webhook`: any HTTP server that answers with secrets (ESO §1.4)."""

from collections.abc import Mapping
from typing import Self

from pydantic import ConfigDict, Field, model_validator

from virtrigaud_secrets.models.base import Base64, DurationText, Model
from virtrigaud_secrets.models.references import CAProvider, SecretKeySelector
from virtrigaud_secrets.models.rules import ONE_FIELD, exactly_one


class WebhookResult(Model):
    """What of the answer is the secret."""

    json_path: str = ""
    """A template of a JSONPath; empty for all of the answer."""


class WebhookSecret(Model):
    """A Secret that templates may read."""

    name: str
    """What templates call it."""
    secret_ref: SecretKeySelector


class NTLMAuth(Model):
    """Login by NTLM."""

    username_secret: SecretKeySelector
    password_secret: SecretKeySelector


class WebhookAuth(Model):
    """How to log in, besides what headers say."""

    model_config = ConfigDict(json_schema_extra=ONE_FIELD)

    ntlm: NTLMAuth | None = None

    @model_validator(mode="after")
    def _one_method(self) -> Self:
        return exactly_one(self, "ntlm")


class WebhookProvider(Model):
    """One request, whose parts are templates."""

    method: str = ""
    """The HTTP method; empty for GET."""
    url: str
    headers: Mapping[str, str] = Field(default={}, repr=False)
    auth: WebhookAuth | None = None
    body: str = Field(default="", repr=False)
    timeout: DurationText | None = None
    result: WebhookResult = Field(default_factory=WebhookResult)
    secrets: tuple[WebhookSecret, ...] = ()
    ca_bundle: Base64 | None = Field(default=None, repr=False)
    ca_provider: CAProvider | None = None
