"""Role assignments for requests, and a script that a shell reads."""

import subprocess

import pytest

from virtrigaud_secrets.operations.policy.azure import SECRETS_USER, policy_of


@pytest.fixture
def vault(write):
    return write.store("{azurekv: {vaultUrl: 'https://my-vault.vault.azure.net/', authType: ManagedIdentity}}")


def assigned(policy):
    return [(one["roleName"], one["scope"].partition("/vaults/my-vault")[2]) for one in policy.document]


def test_each_kind_of_object_has_its_role(demand, write, vault):
    texts = (write.read("a"), write.read("cert/b", name="two"), write.read("key/c", name="three", version="abc"))
    policy = policy_of(demand(vault, *texts))
    assert assigned(policy) == [
        ("Key Vault Certificate User", "/certificates/b"),
        ("Key Vault Crypto User", "/keys/c"),
        ("Key Vault Secrets User", "/secrets/a"),
    ]
    assert any("only shows a key" in note for note in policy.notes)
    assert f'--role {SECRETS_USER.identifier} --scope "$vault"/secrets/a\n' in policy.text


def test_a_search_is_for_the_whole_vault(demand, write, vault):
    policy = policy_of(demand(vault, write.read("a", name="two"), write.find("name: {regexp: x}")))
    assert assigned(policy) == [("Key Vault Secrets User", "")]
    assert any("every secret" in note for note in policy.notes)


def test_who_writes_reads_too(demand, write, vault):
    policy = policy_of(demand(vault, write.read("r"), write.push()))
    assert assigned(policy) == [("Key Vault Secrets Officer", "/secrets/r")]


def test_nothing_asked_needs_nothing(demand, write, vault):
    assert policy_of(demand(vault, write.push("dataTo: [{storeRef: {name: store}}]"))) is None


def test_the_script_is_one_that_a_shell_reads(demand, write, vault):
    policy = policy_of(demand(vault, write.read("a", name="two"), write.find("name: {regexp: x}")))
    assert subprocess.run(["sh", "-n"], input=policy.text, text=True, check=False).returncode == 0
