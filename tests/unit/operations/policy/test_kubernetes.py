"""Roles from references. That they are enough, and none too many, is told by a real server in tests/integration."""

import pytest
import yaml

from virtrigaud_secrets.operations.policy.kubernetes import policies_of
from virtrigaud_secrets.settings import Settings

TOKENS = Settings(service_account_tokens="token-request")


@pytest.fixture
def derived(catalog, demands):
    def make(*texts, settings=None, account=None):
        settings = settings or Settings()
        return policies_of(demands(*texts, settings=settings), catalog(*texts), settings, account=account)

    return make


def rules(policy, namespace="team"):
    """Resource and names → verbs of the Role in a namespace."""
    (role,) = [one for one in policy.document if one["kind"] == "Role" and one["metadata"]["namespace"] == namespace]
    return {(*rule["resources"], *rule.get("resourceNames", ["*"])): rule["verbs"] for rule in role["rules"]}


def test_references_of_a_store(derived, write):
    vault = write.store(
        "{vault: {server: 'https://v', path: s, caProvider: {type: ConfigMap, name: ca, key: k}, "
        "auth: {appRole: {roleId: r, secretRef: {name: id, key: k}}, "
        "userPass: {username: u, secretRef: {name: unused, key: k}}}}}"
    )
    (policy,) = derived(vault, write.read("a"))
    assert rules(policy) == {("configmaps", "ca"): ["get"], ("secrets", "id"): ["get"]}
    assert "--service-account" in policy.notes[0]
    assert list(yaml.safe_load_all(policy.text)) == policy.document


def test_what_the_manifests_hold_is_not_read(derived, write):
    vault = write.store("{vault: {server: 'https://v', path: s, auth: {tokenSecretRef: {name: t, key: k}}}}")
    held = "apiVersion: v1\nkind: Secret\nmetadata: {name: t, namespace: team}\nstringData: {k: v}\n---\n"
    assert derived(vault, held, write.read("a")) == []


def test_a_cluster_store_reads_where_it_says(derived, write):
    vault = write.store(
        "{vault: {server: 'https://v', path: s, auth: {kubernetes: {role: r, serviceAccountRef: "
        "{name: sa, namespace: other}}}}}",
        kind="ClusterSecretStore",
    )
    texts = (vault, write.read("a", kind="ClusterSecretStore"))
    (policy,) = derived(*texts, settings=TOKENS, account=("team", "provider"))
    assert rules(policy, "other") == {("serviceaccounts/token", "sa"): ["create"]}
    binding = policy.document[1]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "provider", "namespace": "team"}]
    assert policy.notes == ()


@pytest.mark.parametrize(
    "provider",
    [
        "{aws: {service: SecretsManager, region: r, auth: {jwt: {serviceAccountRef: {name: sa}}}}}",
        "{vault: {server: 'https://v', path: s, auth: {iam: {vaultRole: r, jwt: {serviceAccountRef: {name: sa}}}}}}",
    ],
)
def test_who_an_account_is_in_a_cloud_is_in_its_annotations(derived, write, provider):
    (policy,) = derived(write.store(provider), write.read("a"))
    assert rules(policy) == {("serviceaccounts", "sa"): ["get"]}


def test_templates_and_pushes(derived, write):
    fake = write.store("{fake: {data: [{key: a, value: b}]}}")
    sources = "[{secret: {name: s, items: [{key: k}]}}, {configMap: {name: c, items: [{key: k}]}}]"
    template = f"target: {{template: {{templateFrom: {sources}}}}}"
    made = write.secret(f"{template}, data: [{{secretKey: a, remoteRef: {{key: a}}}}]", name="source-maker")
    (policy,) = derived(fake, made, write.push())
    assert rules(policy) == {("configmaps", "c"): ["get"], ("secrets", "s", "source"): ["get"]}


def test_a_secret_that_an_external_secret_makes_is_not_read(derived, write):
    fake = write.store("{fake: {data: [{key: a, value: b}]}}")
    assert derived(fake, write.read("a", name="source"), write.push()) == []


def test_a_store_of_secrets(derived, write):
    store = write.store("{kubernetes: {remoteNamespace: remote, auth: {serviceAccount: {name: reader}}}}")
    texts = (
        store,
        write.read("one"),
        write.push("deletionPolicy: Delete, data: [{match: {secretKey: a, remoteRef: {remoteKey: r, property: p}}}]"),
    )
    own, remote = derived(*texts, settings=TOKENS)
    assert rules(own) == {("secrets", "source"): ["get"], ("serviceaccounts/token", "reader"): ["create"]}
    assert rules(remote, "remote") == {
        ("secrets", "*"): ["create"],
        ("secrets", "r"): ["delete", "get", "update"],
        ("secrets", "one"): ["get"],
    }
    assert remote.document[1]["subjects"][0] == {"kind": "ServiceAccount", "name": "reader", "namespace": "team"}
    assert remote.name == "kubernetes-team-store"


def test_searches_list_the_namespace(derived, write):
    store = write.store("{kubernetes: {auth: {token: {bearerToken: {name: t, key: k}}}}}")
    _, remote = derived(store, write.find("name: {regexp: ^a}"))
    assert rules(remote, "default") == {("secrets", "*"): ["list"]}
    assert [note for note in remote.notes if "narrow" in note]
    assert [note for note in remote.notes if "bind" in note]
    assert len(remote.document) == 1


def test_in_a_pod_its_own_account_stands_in(derived, write):
    store = write.store("{kubernetes: {auth: {serviceAccount: {name: reader}}}}")
    (own,) = derived(store, write.read("one"), account=("team", "provider"))
    assert rules(own, "default") == {("secrets", "one"): ["get"]}
    assert any("stands in" in note for note in own.notes)


def test_without_a_login_it_is_the_own_account_too(derived, write):
    (own,) = derived(write.store("{kubernetes: {}}"), write.read("one"))
    assert rules(own, "default") == {("secrets", "one"): ["get"]}
