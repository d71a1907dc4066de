import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.stores.azure.clouds import Cloud, cloud_of, vault_of


@pytest.mark.parametrize(
    ("environment", "authority", "resource"),
    [
        ("PublicCloud", "https://login.microsoftonline.com", "https://vault.azure.net"),
        ("USGovernmentCloud", "https://login.microsoftonline.us", "https://vault.usgovcloudapi.net"),
        ("ChinaCloud", "https://login.chinacloudapi.cn", "https://vault.azure.cn"),
        ("GermanCloud", "https://login.microsoftonline.de", "https://vault.microsoftazure.de"),
    ],
)
def test_each_cloud(make_spec, make_context, environment, authority, resource):
    assert cloud_of(make_spec(environmentType=environment), make_context()) == Cloud(authority, resource)


@pytest.mark.parametrize(
    ("custom", "resource"),
    [
        ({}, ""),
        ({"keyVaultDNSSuffix": ".vault.stack.example"}, "https://vault.stack.example"),
        ({"keyVaultEndpoint": "https://vault.stack.example/"}, "https://vault.stack.example"),
        (
            {"keyVaultEndpoint": "https://kv.stack.example", "keyVaultDNSSuffix": "other.example"},
            "https://kv.stack.example",
        ),
    ],
)
def test_an_azure_stack(make_spec, make_context, custom, resource):
    spec = make_spec(
        environmentType="AzureStackCloud",
        useAzureSDK=True,
        customCloudConfig={"activeDirectoryEndpoint": "https://login.stack.example/adfs/", **custom},
    )
    assert cloud_of(spec, make_context()) == Cloud("https://login.stack.example/adfs", resource)


def test_a_custom_login_keeps_the_clouds_vaults(make_spec, make_context):
    spec = make_spec(customCloudConfig={"activeDirectoryEndpoint": "https://login.example"})
    assert cloud_of(spec, make_context()) == Cloud("https://login.example", "https://vault.azure.net")


def test_an_azure_stack_without_addresses_is_told(make_spec, make_context):
    with pytest.raises(ConfigurationError, match="AzureStackCloud needs customCloudConfig"):
        cloud_of(make_spec(environmentType="AzureStackCloud"), make_context())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "vault",
        "http://v.vault.azure.net",
        "https://",
        "https://u@v.vault.azure.net",
        "https://v?x=1",
        "https://v/#a",
    ],
)
def test_an_address_that_is_none(make_spec, make_context, url):
    with pytest.raises(ConfigurationError, match="vaultUrl must be an address"):
        vault_of(make_spec(vaultUrl=url), make_context())


def test_a_vaults_address(make_spec, make_context):
    assert vault_of(make_spec(vaultUrl=" https://v.vault.azure.net/ "), make_context()) == "https://v.vault.azure.net"
