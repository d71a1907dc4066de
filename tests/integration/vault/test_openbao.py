"""The `openBao` provider, from manifest to bundle, at a real server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import PropertyNotFoundError, SecretNotFoundError, SecretsError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.servers import OpenBao

pytestmark = pytest.mark.integration

STORE_REF = {"name": "bao", "kind": "SecretStore"}


@pytest.fixture(scope="module")
def server(openbao: OpenBao) -> OpenBao:
    openbao.ask("POST", "sys/mounts/manifests", {"type": "kv", "options": {"version": "1"}})
    openbao.ask("POST", "manifests/team/vsphere", {"username": "u", "a.b": "dots", "nested": {"x": 1.50}})
    return openbao


@pytest.fixture
def resolve(server: OpenBao, tmp_path: Path) -> Callable[..., dict[str, str]]:
    def make(*data: dict[str, object], policy: str = "Retain") -> dict[str, str]:
        provider = {"openBao": {"server": server.address, "path": "manifests", "version": "v1"}}
        store = {"kind": "SecretStore", "metadata": {"name": "bao", "namespace": "n"}, "spec": {"provider": provider}}
        entries = [{"secretKey": f"key{number}", "remoteRef": ref} for number, ref in enumerate(data)]
        secret = {
            "kind": "ExternalSecret",
            "metadata": {"name": "vsphere", "namespace": "n"},
            "spec": {"secretStoreRef": STORE_REF, "target": {"deletionPolicy": policy}, "data": entries},
        }
        documents = [json.dumps({"apiVersion": "external-secrets.io/v1", **one}) for one in (store, secret)]
        (tmp_path / "all.yaml").write_text("\n---\n".join(documents))
        settings = Settings(vault_token=server.root_token, ca_file=server.ca_file)
        with Resolver.from_path(tmp_path, settings=settings) as resolver:
            bundle = resolver.resolve("vsphere", namespace="n")
            return {name: bundle.text(name) for name in bundle}

    return make


def test_properties_and_the_whole(resolve):
    key = "team/vsphere"
    found = resolve({"key": key, "property": "username"}, {"key": key, "property": "a.b"}, {"key": key})
    assert found["key0"] == "u"
    assert found["key1"] == "dots"
    assert json.loads(found["key2"]) == {"username": "u", "a.b": "dots", "nested": {"x": 1.5}}


def test_there_are_no_paths_into_values(resolve):
    with pytest.raises(PropertyNotFoundError):
        resolve({"key": "team/vsphere", "property": "nested.x"})


def test_what_is_not_there_is_an_error_even_where_missing_secrets_are_skipped(resolve):
    with pytest.raises(SecretNotFoundError):
        resolve({"key": "absent", "property": "x"}, policy="Merge")


def test_a_key_with_the_mount_is_below_the_mount(resolve):
    with pytest.raises(SecretsError, match="manifests/manifests/team/vsphere"):
        resolve({"key": "manifests/team/vsphere"})
