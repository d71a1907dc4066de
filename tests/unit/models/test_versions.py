from __future__ import annotations

import pytest

from virtrigaud_secrets.models.cluster_external_secret import ClusterExternalSecret
from virtrigaud_secrets.models.external_secret import ExternalSecret
from virtrigaud_secrets.models.remarks import field_path
from virtrigaud_secrets.models.secret_store import SecretStore
from virtrigaud_secrets.models.versions import (
    OLD,
    ONLY_NEW_GENERATORS,
    ONLY_NEW_PROVIDERS,
    ONLY_OLD_PROVIDERS,
    judge_version,
)

NEW = "external-secrets.io/v1"
LEAST: dict[str, dict[str, object]] = {
    "alibaba": {"auth": {}, "regionID": "r"},
    "barbican": {"auth": {}},
    "beyondtrustworkloadcredentials": {
        "auth": {"apikey": {"token": {}}},
        "server": {"apiUrl": "https://b", "siteId": "s"},
    },
    "crd": {"resource": {"group": "", "version": "v1", "kind": "A"}, "authRef": {"name": "a"}},
    "device42": {"auth": {"secretRef": {}}, "host": "h"},
    "dvls": {"auth": {"secretRef": {"appId": {}, "appSecret": {}}}, "serverUrl": "https://d"},
    "nebiusmysterybox": {"auth": {}, "apiDomain": "d"},
    "ngrok": {"auth": {"apiKey": {}}, "vault": {"name": "v"}},
    "onepasswordSDK": {"auth": {"serviceAccountSecretRef": {}}, "vault": "v"},
    "ovh": {"auth": {}, "server": "https://o", "okmsid": "i"},
    "volcengine": {"region": "r"},
}
"""As little as each of these providers must say."""


def external_secret(version: str, **spec: object) -> list[str]:
    document = {"apiVersion": version, "metadata": {"name": "a"}, "spec": spec}
    alone = [field_path(remark.location) for remark in judge_version(ExternalSecret.model_validate(document))]
    everywhere = ClusterExternalSecret.model_validate(document | {"spec": {"externalSecretSpec": spec}})
    moved = [place.replace("spec.", "spec.externalSecretSpec.", 1) for place in alone]
    assert [field_path(remark.location) for remark in judge_version(everywhere)] == moved
    return alone


def store(version: str, provider: dict[str, object], **spec: object) -> list[str]:
    document = {"apiVersion": version, "metadata": {"name": "a"}, "spec": {"provider": provider, **spec}}
    return [field_path(remark.location) for remark in judge_version(SecretStore.model_validate(document))]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"target": {"creationPolicy": "CreateOrMerge"}}, "spec.target.creationPolicy"),
        (
            {"target": {"template": {"templateFrom": [{"literal": "a"}, {"literal": "a", "target": "data"}]}}},
            "spec.target.template.templateFrom[1].target",
        ),
        (
            {"dataFrom": [{"sourceRef": {"generatorRef": {"kind": "MFA", "name": "m"}}}]},
            "spec.dataFrom[0].sourceRef.generatorRef.kind",
        ),
        (
            {"dataFrom": [{"find": {}, "rewrite": [{"transform": {"template": ""}}, {"merge": {}}]}]},
            "spec.dataFrom[0].rewrite[1]",
        ),
        (
            {
                "data": [
                    {
                        "secretKey": "k",
                        "remoteRef": {"key": "x"},
                        "sourceRef": {"generatorRef": {"kind": "GitlabDeployToken", "name": "m"}},
                    }
                ]
            },
            "spec.data[0].sourceRef.generatorRef.kind",
        ),
    ],
)
def test_what_an_old_external_secret_may_not_say(spec: dict[str, object], field: str) -> None:
    assert external_secret(OLD, **spec) == [field]
    assert external_secret(NEW, **spec) == []


def test_what_both_versions_have() -> None:
    template = {"templateFrom": [{"literal": "a", "target": "Labels"}]}
    sources = [
        {"find": {}, "rewrite": [{"regexp": {"source": "a", "target": "b"}}, {"transform": {"template": ""}}]},
        {"sourceRef": {"generatorRef": {"kind": "UUID", "name": "m"}}},
        {"sourceRef": {"storeRef": {}}},
    ]

    assert external_secret(OLD, target={"template": template}, dataFrom=sources) == []
    assert ONLY_NEW_GENERATORS


@pytest.mark.parametrize(
    ("provider", "field"),
    [
        ({"aws": {"service": "CertificateManager", "region": "r"}}, "spec.provider.aws.service"),
        (
            {"azurekv": {"vaultUrl": "u", "environmentType": "AzureStackCloud"}},
            "spec.provider.azurekv.environmentType",
        ),
        (
            {"doppler": {"auth": {"oidcConfig": {"identity": "i", "serviceAccountRef": {"name": "a"}}}}},
            "spec.provider.doppler.auth.secretRef",
        ),
        (
            {"pulumi": {"organization": "o", "project": "p", "environment": "e", "auth": {"accessToken": {}}}},
            "spec.provider.pulumi.accessToken",
        ),
        ({"webhook": {"url": "u"}}, "spec.provider.webhook.result"),
        ({"openBao": {"server": "u"}}, "spec.provider.openBao"),
    ],
)
def test_what_an_old_store_may_not_say(provider: dict[str, object], field: str) -> None:
    assert store(OLD, provider) == [field]
    assert store(NEW, provider) == []


@pytest.mark.parametrize("name", sorted(ONLY_OLD_PROVIDERS))
def test_providers_that_are_gone(name: str) -> None:
    spec = LEAST[name]

    assert store(NEW, {name: spec}) == [f"spec.provider.{name}"]
    assert store(OLD, {name: spec}) == []


@pytest.mark.parametrize("name", sorted(ONLY_NEW_PROVIDERS - {"openBao"}))
def test_providers_that_came_later(name: str) -> None:
    assert store(OLD, {name: LEAST[name]}) == [f"spec.provider.{name}"]
    assert store(NEW, {name: LEAST[name]}) == []


def test_how_often_an_old_store_is_validated() -> None:
    vault: dict[str, object] = {"vault": {"server": "https://v"}}

    assert store(OLD, vault, refreshInterval=60) == []
    assert store(OLD, vault, refreshInterval="60s") == ["spec.refreshInterval"]
    assert store(NEW, vault, refreshInterval="60s") == []


def test_old_spellings_of_good_stores() -> None:
    assert store(OLD, {"aws": {"service": "ParameterStore", "region": "r"}}) == []
    assert store(OLD, {"azurekv": {"vaultUrl": "u"}}) == []
    assert store(OLD, {"webhook": {"url": "u", "result": {}}}) == []
    assert store(OLD, {"kubernetes": {"auth": {"serviceAccount": {"name": "a"}}}}) == []
    assert store(OLD, {"kubernetes": {"authRef": {"name": "kubeconfig"}}}) == []
