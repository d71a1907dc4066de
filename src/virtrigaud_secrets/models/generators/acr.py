"""`ACRAccessToken`: a login of Azure Container Registry (ESO §1.7)."""

from typing import Literal

from virtrigaud_secrets.models.backends.azurekv import AzureEnvironment
from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest
from virtrigaud_secrets.models.references import SecretKeySelector, ServiceAccountSelector


class AzureACRServicePrincipalAuthSecretRef(Model):
    """Where a service principal's credentials are."""

    client_id: SecretKeySelector | None = None
    client_secret: SecretKeySelector | None = None


class AzureACRServicePrincipalAuth(Model):
    """Login with a service principal."""

    secret_ref: AzureACRServicePrincipalAuthSecretRef


class AzureACRManagedIdentityAuth(Model):
    """Login with an identity of the machine."""

    identity_id: str | None = None
    """Which one, where there are several."""


class AzureACRWorkloadIdentityAuth(Model):
    """Login with a service account's token."""

    service_account_ref: ServiceAccountSelector | None = None


class ACRAuth(Model):
    """How to log in at Azure. The schema lets several methods be named."""

    service_principal: AzureACRServicePrincipalAuth | None = None
    managed_identity: AzureACRManagedIdentityAuth | None = None
    workload_identity: AzureACRWorkloadIdentityAuth | None = None


class ACRAccessTokenSpec(Model):
    """Which registry, and for what."""

    auth: ACRAuth
    tenant_id: str | None = None
    registry: str
    """Host name, such as `example.azurecr.io`."""
    scope: str | None = None
    """Such as `repository:app:pull`; None asks for a refresh token of the whole registry."""
    environment_type: AzureEnvironment = "PublicCloud"


class ACRAccessToken(GeneratorManifest):
    """A manifest of kind ACRAccessToken."""

    kind: Literal["ACRAccessToken"] = "ACRAccessToken"
    spec: ACRAccessTokenSpec
