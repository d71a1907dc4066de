"""`dataFrom` and metadata of Azure stores, through the public face."""

from __future__ import annotations

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.settings import Settings

pytestmark = pytest.mark.integration

MANIFESTS = """
{{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {{name: azure, namespace: team}},
 spec: {{provider: {{azurekv: {{vaultUrl: "{url}", authType: ManagedIdentity}}}}}}}}
---
{{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {{name: wanted, namespace: team}},
 spec: {{secretStoreRef: {{name: azure}}, {spec}}}}}
"""


@pytest.fixture
def resolve(key_vault, ca_file, vault_url, tmp_path):
    def run(spec):
        path = tmp_path / "manifests.yaml"
        path.write_text(MANIFESTS.format(url=vault_url, spec=spec))
        settings = Settings(ca_file=ca_file, endpoints=key_vault.endpoints(vault_url))
        with Resolver.from_path(path, settings=settings) as resolver:
            return {key: bytes(value) for key, value in resolver.resolve("wanted", namespace="team").items()}

    return run


def test_extract_splits_a_secret(key_vault, resolve):
    key_vault.set_secret("db", '{"user": "svc", "port": 5432, "nothing": null}')
    assert resolve("dataFrom: [{extract: {key: db}}]") == {"user": b"svc", "port": b"5432", "nothing": b""}


def test_extract_of_metadata(key_vault, resolve):
    key_vault.set_secret("db", "x", tags={"team": "a", "more": '{"b": "c"}'})
    found = resolve("dataFrom: [{extract: {key: db, metadataPolicy: Fetch}}]")
    assert {key: value for key, value in found.items() if "attribute" not in key} == {
        "db_team": b"a",
        "db_more_b": b"c",
    }
    assert sorted(key for key in found if "attribute" in key) == ["db_attribute.created", "db_attribute.updated"]


def test_one_tag(key_vault, resolve):
    key_vault.set_secret("db", "x", tags={"team": "a"})
    spec = "data: [{secretKey: it, remoteRef: {key: db, metadataPolicy: Fetch, property: team}}]"
    assert resolve(spec) == {"it": b"a"}


def test_find(key_vault, resolve):
    for name in ("vm-a", "vm-b", "web"):
        key_vault.set_secret(name, f"value of {name}", tags={"team": "a"})
    key_vault.set_secret("vm-off", "x", tags={"team": "a"}, enabled=False)
    assert resolve('dataFrom: [{find: {name: {regexp: "^vm-"}, tags: {team: a}}}]') == {
        "vm-a": b"value of vm-a",
        "vm-b": b"value of vm-b",
    }
    paths = sorted(request.path for request in key_vault.requests if request.client_id)
    assert paths == ["/secrets", "/secrets/vm-a", "/secrets/vm-b"]


def test_many_entries_of_one_secret_cost_one_request(key_vault, resolve):
    key_vault.set_secret("db", '{"user": "svc", "password": "hunter2"}')
    spec = (
        "data: [{secretKey: user, remoteRef: {key: db, property: user}}, "
        "{secretKey: password, remoteRef: {key: secret/db, property: password}}, "
        "{secretKey: whole, remoteRef: {key: db}}]"
    )
    found = resolve(spec)
    assert (found["user"], found["password"]) == (b"svc", b"hunter2")
    assert [request.path for request in key_vault.requests if request.client_id] == ["/secrets/db"]
