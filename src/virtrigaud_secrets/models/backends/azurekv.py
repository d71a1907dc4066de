"""`spec.provider.azurekv`: Azure Key Vault (ESO §1.4)."""

from typing import Literal

from pydantic import Field

from virtrigaud_secrets.models.base import Bool, Model
from virtrigaud_secrets.models.references import SecretKeySelector, ServiceAccountSelector

AzureEnvironment = Literal["PublicCloud", "USGovernmentCloud", "ChinaCloud", "GermanCloud", "AzureStackCloud"]
"""Microsoft's clouds."""


class AzureKVAuth(Model):
    """Credentials of a service principal or an application."""

    client_id: SecretKeySelector | None = None
    tenant_id: SecretKeySelector | None = None
    client_secret: SecretKeySelector | None = None
    client_certificate: SecretKeySelector | None = None


class AzureCustomCloudConfig(Model):
    """Addresses of a cloud that is not Microsoft's."""

    active_directory_endpoint: str
    key_vault_endpoint: str | None = None
    key_vault_dns_suffix: str | None = Field(default=None, alias="keyVaultDNSSuffix")
    resource_manager_endpoint: str | None = None


class AzureKVProvider(Model):
    """One key vault."""

    auth_type: Literal["ServicePrincipal", "ManagedIdentity", "WorkloadIdentity"] = "ServicePrincipal"
    vault_url: str
    tenant_id: str | None = None
    environment_type: AzureEnvironment = "PublicCloud"
    auth_secret_ref: AzureKVAuth | None = None
    service_account_ref: ServiceAccountSelector | None = None
    identity_id: str | None = None
    use_azure_sdk: Bool = Field(default=False, alias="useAzureSDK")
    custom_cloud_config: AzureCustomCloudConfig | None = None
