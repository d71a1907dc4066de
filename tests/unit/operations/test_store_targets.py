"""Where each kind of store is. Nothing is sent."""

from __future__ import annotations

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.operations import store_targets
from virtrigaud_secrets.operations.store_access import store_access
from virtrigaud_secrets.operations.store_targets import as_vault_spec, missing_extra, target_of
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.contract import NoReferences


@pytest.fixture
def store(tmp_path):
    def make(provider, **settings):
        (tmp_path / "store.yaml").write_text(
            "{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: s, namespace: ns}, "
            f"spec: {{provider: {provider}}}}}"
        )
        (document,) = load(tmp_path / "store.yaml").stores
        return store_access(document, settings=Settings(**settings), clock=SystemClock(), references=NoReferences())

    return make


@pytest.mark.parametrize(
    ("provider", "settings", "address", "path"),
    [
        (
            "{vault: {server: 'https://v:8200/'}}",
            {},
            "https://v:8200",
            "/v1/sys/health?standbyok=true&perfstandbyok=true",
        ),
        ("{vault: {server: 'https://v'}}", {"endpoints": {"https://v": "https://w"}}, "https://w", "/v1/sys/health"),
        ("{openBao: {server: 'https://b'}}", {}, "https://b", "/v1/sys/health"),
        (
            "{aws: {service: SecretsManager, region: eu-west-1}}",
            {},
            "https://secretsmanager.eu-west-1.amazonaws.com",
            "/",
        ),
        ("{aws: {service: ParameterStore, region: cn-north-1}}", {}, "https://ssm.cn-north-1.amazonaws.com.cn", "/"),
        (
            "{aws: {service: ParameterStore, region: eu-west-1}}",
            {"aws_endpoints": {"ssm": "http://127.0.0.1:1"}},
            "http://127.0.0.1:1",
            "/",
        ),
        ("{azurekv: {vaultUrl: 'https://kv.vault.azure.net'}}", {}, "https://kv.vault.azure.net", "/"),
        ("{gcpsm: {projectID: p}}", {}, "https://secretmanager.googleapis.com", "/"),
        ("{gcpsm: {projectID: p, location: l}}", {}, "https://secretmanager.l.rep.googleapis.com", "/"),
        # What a GET does at a webhook, nobody knows: no path, so that none is sent.
        ("{webhook: {url: 'https://u:p@hook/{{ .x }}?a=b', result: {jsonPath: $}}}", {}, "https://hook", ""),
    ],
)
def test_where_a_store_is(store, provider, settings, address, path):
    target = target_of(store(provider, **settings))
    assert target.address == address
    assert target.path.startswith(path)
    assert bool(target.path) is bool(path)
    assert target.trust


@pytest.mark.parametrize(
    "provider",
    ["{fake: {data: [{key: a, value: b}]}}", "{webhook: {url: 'https://{{ .x }}/y', result: {jsonPath: $}}}"],
)
def test_what_has_no_server_to_look_at(store, provider):
    assert target_of(store(provider)) is None


def test_an_authority_that_cannot_be_read(store, tmp_path):
    with pytest.raises(ConfigurationError, match="ca_file"):
        target_of(store("{gcpsm: {projectID: p}}", ca_file=tmp_path / "absent"))


def test_which_stores_are_vaults(store):
    assert as_vault_spec(store("{openBao: {server: 'https://b'}}")).server == "https://b"
    assert as_vault_spec(store("{gcpsm: {projectID: p}}")) is None


def test_packages(monkeypatch):
    assert missing_extra("fake") == ""
    monkeypatch.setattr(store_targets.importlib.util, "find_spec", lambda name: None)
    assert missing_extra("openBao") == "vault"
    assert missing_extra("aws") == "aws"

    def broken(name):
        raise ImportError(name)

    monkeypatch.setattr(store_targets.importlib.util, "find_spec", broken)
    assert missing_extra("gcpsm") == "gcp"
