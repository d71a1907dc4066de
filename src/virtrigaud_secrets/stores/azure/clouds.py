"""Where each of Microsoft's clouds logs in and what its vaults are called. A table; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.stores.base import StoreContext

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider

METADATA_SERVICE: Final = "http://169.254.169.254"
"""Where every virtual machine of Azure finds its managed identities; the same in all clouds."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """The two addresses that a login needs."""

    authority: str
    """Where tokens are issued, without a slash at the end."""
    resource: str
    """What a token for a vault is meant for; empty to believe the vault."""


CLOUDS: Final[Mapping[str, Cloud]] = {
    "PublicCloud": Cloud("https://login.microsoftonline.com", "https://vault.azure.net"),
    "USGovernmentCloud": Cloud("https://login.microsoftonline.us", "https://vault.usgovcloudapi.net"),
    "ChinaCloud": Cloud("https://login.chinacloudapi.cn", "https://vault.azure.cn"),
    "GermanCloud": Cloud("https://login.microsoftonline.de", "https://vault.microsoftazure.de"),
}
"""`environmentType` → cloud."""


def cloud_of(spec: AzureKVProvider, context: StoreContext) -> Cloud:
    """The cloud that `environmentType` names, with what `customCloudConfig` says in its place.

    Raises:
        ConfigurationError: an Azure Stack without addresses, or an address that is none.
    """
    known = CLOUDS.get(spec.environment_type)
    custom = spec.custom_cloud_config
    if custom is None:
        if known is None:
            raise ConfigurationError(
                f"{context.store}: environmentType {spec.environment_type} needs customCloudConfig"
            )
        return known
    resource = "" if known is None else known.resource
    if custom.key_vault_endpoint:
        resource = _address(custom.key_vault_endpoint, "keyVaultEndpoint", context)
    elif custom.key_vault_dns_suffix:
        resource = f"https://{custom.key_vault_dns_suffix.strip('./')}"
    return Cloud(_address(custom.active_directory_endpoint, "activeDirectoryEndpoint", context), resource)


def vault_of(spec: AzureKVProvider, context: StoreContext) -> str:
    """The vault's address.

    Raises:
        ConfigurationError: it is none.
    """
    return _address(spec.vault_url, "vaultUrl", context)


def _address(written: str, field: str, context: StoreContext) -> str:
    parts = urlsplit(written.strip())
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError(f"{context.store}: {field} must be an address such as https://name.vault.azure.net")
    return f"https://{parts.netloc}{parts.path.rstrip('/')}"
