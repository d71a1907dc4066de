"""What manifests ask, gathered per store without asking anything."""

import pytest

from virtrigaud_secrets.stores.base import Query


@pytest.fixture
def vault(write):
    return write.store("{vault: {server: 'https://vault', path: secret}}")


def test_equal_requests_are_one_with_all_who_ask(demand, write, vault):
    found = demand(vault, write.read("app", name="b"), write.read("secret/app", name="a"))
    ((preview, asked),) = found.reads
    assert preview.path == "secret/data/app"
    assert asked.manifests == ("ExternalSecret team/a", "ExternalSecret team/b")


def test_searches_and_writes(demand, write, vault):
    entry = "{match: {secretKey: a, remoteRef: {remoteKey: r, property: p}}}"
    found = demand(vault, write.find("name: {regexp: x}"), write.push(f"deletionPolicy: Delete, data: [{entry}]"))
    ((query, _),) = found.searches
    assert query == Query(store=found.key, name="x")
    ((written, asked),) = found.writes
    assert (written.key, written.property, written.deletes, written.metadata) == ("r", "p", True, False)
    assert asked.manifests == ("PushSecret team/push",)


def test_keys_that_only_the_secret_knows_are_a_note(demand, write, vault):
    found = demand(vault, write.push("dataTo: [{storeRef: {name: store}}]"))
    assert found.asked == ()
    assert "dataTo" in found.notes[0]


def test_one_remote_key_for_all_is_a_write(demand, write, vault):
    found = demand(vault, write.push("dataTo: [{storeRef: {name: store}, remoteKey: all}]"))
    assert [written.key for written, _ in found.writes] == ["all"]


def test_names_choose(demands, write, vault):
    texts = (vault, write.read("app", name="a"), write.read("db", name="b"), write.push())
    found = demands(*texts, names=[("team", "b")])
    assert [preview.path for preview, _ in found.stores[0].reads] == ["secret/data/db"]
    assert found.pushes == ()


def test_a_manifest_that_cannot_be_planned_is_a_fault(demands, write, vault):
    found = demands(vault, write.read("app"), write.read("x", name="other", kind="ClusterSecretStore"))
    assert len(found.stores) == 1
    assert len(found.faults) == 1
    assert "ExternalSecret team/other" in str(found.faults[0])


def test_a_push_of_a_generators_values_asks_the_generator(demands, write, vault):
    made = """
apiVersion: generators.external-secrets.io/v1alpha1
kind: Password
metadata: {name: made, namespace: team}
spec: {length: 12, allowRepeat: true, noUpper: false}
---
"""
    pushed = write.push().replace("secret: {name: source}", "generatorRef: {kind: Password, name: made}")
    assert [str(found.key) for found in demands(vault, made, pushed).stores] == [
        "Password team/made",
        "SecretStore team/store",
    ]
