"""`STSSessionToken`: temporary AWS credentials (ESO §1.7)."""

from typing import Literal

from virtrigaud_secrets.models.backends.aws import AWSAuth
from virtrigaud_secrets.models.base import Int64, Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest


class RequestParameters(Model):
    """What GetSessionToken is asked with."""

    session_duration: Int64 | None = None
    """Seconds."""
    serial_number: str | None = None
    """Of the MFA device."""
    token_code: str | None = None
    """What the MFA device shows."""


class STSSessionTokenSpec(Model):
    """Of which region, and who asks."""

    region: str
    auth: AWSAuth | None = None
    """None means the process's own AWS identity."""
    role: str | None = None
    """ARN of a role to assume."""
    request_parameters: RequestParameters | None = None


class STSSessionToken(GeneratorManifest):
    """A manifest of kind STSSessionToken."""

    kind: Literal["STSSessionToken"] = "STSSessionToken"
    spec: STSSessionTokenSpec
