import pytest

from virtrigaud_secrets.operations.policy import Platform, Surroundings, derive
from virtrigaud_secrets.settings import Settings


@pytest.fixture
def vault(write):
    return write.store("{vault: {server: 'https://vault', path: secret, auth: {tokenSecretRef: {name: t, key: t}}}}")


def test_policies_by_platform(catalog, write, vault):
    manifests = catalog(vault, write.read("app"))
    derived = derive(manifests, settings=Settings(), platforms=[Platform.VAULT])
    assert [one.name for one in derived.policies] == ["vault-team-store"]
    assert derive(manifests, settings=Settings(), platforms=[Platform.AWS]).policies == ()


def test_a_store_without_policies_is_named(catalog, write):
    manifests = catalog(write.store("{fake: {data: [{key: a, value: b}]}}"), write.read("a"))
    assert derive(manifests, settings=Settings()).without == ("SecretStore team/store",)


def test_what_cannot_be_derived_is_a_fault_beside_the_rest(catalog, write):
    bao = write.store("{openBao: {server: 'https://bao', auth: {tokenSecretRef: {name: t, key: t}}}}")
    derived = derive(catalog(bao, write.push()), settings=Settings(), platforms=[Platform.VAULT])
    assert derived.policies == ()
    assert [fault.code for fault in derived.faults] == ["invalid-request"]


def test_surroundings_are_passed_on(catalog, write, vault):
    manifests = catalog(vault, write.read("team/static-creds/app"))
    known = Surroundings(mounts={"team": "database"}, default_policy=True)
    (policy,) = derive(manifests, settings=Settings(), platforms=[Platform.VAULT], surroundings=known).policies
    assert set(policy.document["path"]) == {"team/static-creds/app"}


def test_policies_of_one_name_are_told_apart(catalog, write, vault):
    texts = [
        vault.replace("team", namespace).replace("name: store", f"name: {name}")
        for namespace, name in (("a-b", "c"), ("a", "b-c"))
    ]
    reads = [
        write.read("app", namespace=namespace).replace(
            "secretStoreRef: {name: store", f"secretStoreRef: {{name: {name}"
        )
        for namespace, name in (("a-b", "c"), ("a", "b-c"))
    ]
    derived = derive(catalog(*texts, *reads), settings=Settings(), platforms=[Platform.VAULT])
    assert [one.name for one in derived.policies] == ["vault-a-b-c", "vault-a-b-c-2"]
