from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider


def test_defaults() -> None:
    provider = AzureKVProvider.model_validate({"vaultUrl": "https://v"})

    assert (provider.auth_type, provider.environment_type) == ("ServicePrincipal", "PublicCloud")
    assert provider.use_azure_sdk is False


def test_all_fields() -> None:
    provider = AzureKVProvider.model_validate(
        {
            "vaultUrl": "https://v",
            "authType": "WorkloadIdentity",
            "tenantId": "t",
            "identityId": "i",
            "environmentType": "AzureStackCloud",
            "useAzureSDK": True,
            "serviceAccountRef": {"name": "a"},
            "authSecretRef": {"clientId": {"name": "a"}, "clientSecret": {"name": "a"}, "tenantId": {"name": "a"}},
            "customCloudConfig": {"activeDirectoryEndpoint": "https://a", "keyVaultDNSSuffix": "s"},
        }
    )

    assert provider.custom_cloud_config is not None
    assert provider.custom_cloud_config.key_vault_dns_suffix == "s"


@pytest.mark.parametrize(
    "written",
    [{}, {"vaultUrl": "v", "authType": "Magic"}, {"vaultUrl": "v", "customCloudConfig": {}}],
)
def test_what_the_schema_refuses(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AzureKVProvider.model_validate(written)
