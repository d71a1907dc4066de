"""`Grafana`: a service account token of Grafana (ESO §1.7)."""

from typing import Literal

from virtrigaud_secrets.models.base import Model, Positive
from virtrigaud_secrets.models.generators.base import GeneratorManifest, OwnSecretKeySelector


class GrafanaBasicAuth(Model):
    """Login with user name and password."""

    username: str
    password: OwnSecretKeySelector


class GrafanaAuth(Model):
    """How to log in."""

    token: OwnSecretKeySelector | None = None
    basic: GrafanaBasicAuth | None = None


class GrafanaServiceAccount(Model):
    """The account to make."""

    name: str
    role: str
    seconds_to_live: Positive | None = None
    """How long its token holds; None means for ever."""


class GrafanaSpec(Model):
    """Which Grafana, and which account."""

    url: str
    auth: GrafanaAuth
    service_account: GrafanaServiceAccount


class Grafana(GeneratorManifest):
    """A manifest of kind Grafana."""

    kind: Literal["Grafana"] = "Grafana"
    spec: GrafanaSpec
