"""`Webhook`: the answer of any HTTP server (ESO §1.7)."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from virtrigaud_secrets.models.backends.webhook import WebhookAuth, WebhookResult
from virtrigaud_secrets.models.base import Base64, DurationText, Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest, OwnSecretKeySelector
from virtrigaud_secrets.models.references import CAProvider


class WebhookGeneratorSecret(Model):
    """A Secret that templates may read."""

    name: str
    """What templates call it."""
    secret_ref: OwnSecretKeySelector


class WebhookSpec(Model):
    """One request, whose parts are templates."""

    method: str = ""
    """The HTTP method; empty for GET."""
    url: str
    headers: Mapping[str, str] = Field(default={}, repr=False)
    auth: WebhookAuth | None = None
    body: str = Field(default="", repr=False)
    timeout: DurationText | None = None
    result: WebhookResult
    secrets: tuple[WebhookGeneratorSecret, ...] = ()
    ca_bundle: Base64 | None = Field(default=None, repr=False)
    ca_provider: CAProvider | None = None


class Webhook(GeneratorManifest):
    """A manifest of kind Webhook."""

    kind: Literal["Webhook"] = "Webhook"
    spec: WebhookSpec
