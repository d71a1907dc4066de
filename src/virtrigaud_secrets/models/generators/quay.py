"""`QuayAccessToken`: a token of Quay, in exchange for a service account's (ESO §1.7)."""

from typing import Literal

from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest
from virtrigaud_secrets.models.references import ServiceAccountSelector


class QuayAccessTokenSpec(Model):
    """Which robot account."""

    url: str | None = None
    """None means quay.io."""
    robot_account: str
    service_account_ref: ServiceAccountSelector


class QuayAccessToken(GeneratorManifest):
    """A manifest of kind QuayAccessToken."""

    kind: Literal["QuayAccessToken"] = "QuayAccessToken"
    spec: QuayAccessTokenSpec
