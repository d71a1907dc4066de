"""`BeyondtrustWorkloadCredentialsDynamicSecret`: short-lived cloud credentials of BeyondTrust (ESO §1.7)."""

from typing import Literal

from pydantic import Field

from virtrigaud_secrets.models.base import Base64, Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest
from virtrigaud_secrets.models.references import CAProvider, SecretKeySelector
from virtrigaud_secrets.models.retries import RetrySettings


class BeyondtrustAPIKey(Model):
    """Login with an API key."""

    token: SecretKeySelector


class BeyondtrustAuth(Model):
    """How to log in."""

    apikey: BeyondtrustAPIKey


class BeyondtrustServer(Model):
    """Address of the service."""

    api_url: str
    site_id: str


class BeyondtrustProvider(Model):
    """The service, and the folder whose definition is asked."""

    auth: BeyondtrustAuth
    server: BeyondtrustServer
    folder_path: str | None = None
    ca_bundle: Base64 | None = Field(default=None, repr=False)
    ca_provider: CAProvider | None = None


class BeyondtrustWorkloadCredentialsDynamicSecretSpec(Model):
    """Which credentials."""

    controller: str | None = None
    provider: BeyondtrustProvider
    retry_settings: RetrySettings | None = None


class BeyondtrustWorkloadCredentialsDynamicSecret(GeneratorManifest):
    """A manifest of kind BeyondtrustWorkloadCredentialsDynamicSecret."""

    kind: Literal["BeyondtrustWorkloadCredentialsDynamicSecret"] = "BeyondtrustWorkloadCredentialsDynamicSecret"
    spec: BeyondtrustWorkloadCredentialsDynamicSecretSpec
