import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.credentials import ProxmoxCredentials
from virtrigaud_secrets.errors import ConfigurationError, ValidationError
from virtrigaud_secrets.testing import known_hosts_line, ssh_key

TOKEN = {"token_id": b"virt@pve!secrets\n", "token_secret": b"0000-1111\n"}
PASSWORD = {"username": b"root@pam", "password": b"hidden"}
SSH = {
    "ssh_user": b"root",
    "ssh_privatekey": ssh_key().private.encode(),
    "known_hosts": known_hosts_line(ssh_key(), "pve1").encode(),
}


def test_a_token() -> None:
    found = ProxmoxCredentials.from_bundle(Bundle(TOKEN))
    assert found.api_headers() == {"Authorization": "PVEAPIToken=virt@pve!secrets=0000-1111"}
    assert "0000" not in repr(found.api_headers())
    assert found.proxmoxer_arguments() == {
        "user": "virt@pve",
        "token_name": "secrets",
        "token_value": "0000-1111",
        "verify_ssl": True,
    }


def test_a_password() -> None:
    found = ProxmoxCredentials.from_bundle(Bundle(PASSWORD))
    assert found.proxmoxer_arguments() == {"user": "root@pam", "password": "hidden", "verify_ssl": True}
    with pytest.raises(ConfigurationError, match="no API token"):
        found.api_headers()


def test_the_token_goes_before_the_password() -> None:
    assert "token_name" in ProxmoxCredentials.from_bundle(Bundle(TOKEN | PASSWORD)).proxmoxer_arguments()


def test_half_a_token_is_not_mixed_with_a_password() -> None:
    found = ProxmoxCredentials.from_bundle(Bundle({"token_id": b"virt@pve!secrets"} | PASSWORD))
    assert (found.token_id, found.token_secret) == (None, None)
    with pytest.raises(ValidationError, match="token_secret: the key is missing"):
        ProxmoxCredentials.from_bundle(Bundle({"token_id": b"virt@pve!secrets"}))


def test_a_token_id_has_user_realm_and_name() -> None:
    with pytest.raises(ValidationError, match="token_id: expected user@realm!name"):
        ProxmoxCredentials.from_bundle(Bundle(TOKEN | {"token_id": b"virt"}))


def test_ssh_to_a_node() -> None:
    assert ProxmoxCredentials.from_bundle(Bundle(TOKEN | SSH)).ssh().username == "root"
    with pytest.raises(ConfigurationError, match="private key or a password"):
        ProxmoxCredentials.from_bundle(Bundle(TOKEN)).ssh(username="root")
    with pytest.raises(ValidationError, match="known_hosts: the key is missing"):
        ProxmoxCredentials.from_bundle(Bundle(TOKEN | {"ssh_privatekey": SSH["ssh_privatekey"]}))
