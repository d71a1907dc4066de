"""`GitlabDeployToken`: a deploy token of a GitLab project or group (ESO §1.7)."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from virtrigaud_secrets.models.base import DateTime, Model, NonEmpty
from virtrigaud_secrets.models.generators.base import GeneratorManifest
from virtrigaud_secrets.models.references import SecretKeySelector
from virtrigaud_secrets.models.rules import exactly_one, one_of

GitlabDeployTokenScope = Literal[
    "read_repository",
    "read_registry",
    "write_registry",
    "read_package_registry",
    "write_package_registry",
    "read_virtual_registry",
    "write_virtual_registry",
]
"""What a deploy token may do."""


class GitlabTokenSecretRef(Model):
    """Where the access token is that asks."""

    secret_ref: SecretKeySelector


class GitlabDeployTokenAuth(Model):
    """How to log in."""

    token: GitlabTokenSecretRef


class GitlabDeployTokenSpec(Model):
    """Which token: of a project or of a group."""

    model_config = ConfigDict(json_schema_extra=one_of("projectID", "groupID"))

    url: str | None = None
    """None means gitlab.com."""
    project_id: NonEmpty | None = Field(default=None, alias="projectID")
    """Number or path."""
    group_id: NonEmpty | None = Field(default=None, alias="groupID")
    """Number or path."""
    name: NonEmpty
    username: str | None = None
    scopes: Annotated[tuple[GitlabDeployTokenScope, ...], Field(min_length=1)]
    expires_at: DateTime | None = None
    """None means never."""
    auth: GitlabDeployTokenAuth

    @model_validator(mode="after")
    def _one_owner(self) -> Self:
        return exactly_one(self, "projectID", "groupID")


class GitlabDeployToken(GeneratorManifest):
    """A manifest of kind GitlabDeployToken."""

    kind: Literal["GitlabDeployToken"] = "GitlabDeployToken"
    spec: GitlabDeployTokenSpec
