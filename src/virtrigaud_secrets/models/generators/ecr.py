"""`ECRAuthorizationToken`: a login of Amazon's container registry (ESO §1.7)."""

from typing import Literal

from virtrigaud_secrets.models.backends.aws import AWSAuth
from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest


class ECRAuthorizationTokenSpec(Model):
    """Which registry, and who asks."""

    region: str
    auth: AWSAuth | None = None
    """None means the process's own AWS identity."""
    role: str | None = None
    """ARN of a role to assume."""
    scope: str | None = None
    """`private` or `public`, which the schema does not check; None means private."""


class ECRAuthorizationToken(GeneratorManifest):
    """A manifest of kind ECRAuthorizationToken."""

    kind: Literal["ECRAuthorizationToken"] = "ECRAuthorizationToken"
    spec: ECRAuthorizationTokenSpec
