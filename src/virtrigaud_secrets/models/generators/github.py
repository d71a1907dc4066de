"""`GithubAccessToken`: an installation token of a GitHub App (ESO §1.7)."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest
from virtrigaud_secrets.models.references import SecretKeySelector


class GithubSecretRef(Model):
    """Where the App's private key is."""

    secret_ref: SecretKeySelector


class GithubAuth(Model):
    """How to log in."""

    private_key: GithubSecretRef


class GithubAccessTokenSpec(Model):
    """Which App and installation, and for what."""

    url: str | None = None
    """None means github.com."""
    app_id: str = Field(alias="appID")
    install_id: str = Field(alias="installID")
    repositories: tuple[str, ...] = ()
    """Empty means all that the installation has."""
    permissions: Mapping[str, str] = {}
    """Empty means all that the App has."""
    auth: GithubAuth


class GithubAccessToken(GeneratorManifest):
    """A manifest of kind GithubAccessToken."""

    kind: Literal["GithubAccessToken"] = "GithubAccessToken"
    spec: GithubAccessTokenSpec
