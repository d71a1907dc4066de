"""`CloudsmithAccessToken`: a token of Cloudsmith, in exchange for a service account's (ESO §1.7)."""

from typing import Literal

from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest
from virtrigaud_secrets.models.references import ServiceAccountSelector


class CloudsmithAccessTokenSpec(Model):
    """Which organisation and service."""

    api_url: str | None = None
    """None means Cloudsmith's own."""
    org_slug: str
    service_slug: str
    service_account_ref: ServiceAccountSelector


class CloudsmithAccessToken(GeneratorManifest):
    """A manifest of kind CloudsmithAccessToken."""

    kind: Literal["CloudsmithAccessToken"] = "CloudsmithAccessToken"
    spec: CloudsmithAccessTokenSpec
