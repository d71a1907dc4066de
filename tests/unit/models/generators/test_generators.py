from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.external_secret import GeneratorRef
from virtrigaud_secrets.models.generators import GENERATORS, generator_model

SELECTOR = {"name": "s", "key": "k"}
ACCOUNT = {"name": "a", "audiences": ["x"]}
AWS_AUTH = {"secretRef": {"accessKeyIDSecretRef": SELECTOR, "secretAccessKeySecretRef": SELECTOR}, "jwt": {}}
SPECS: dict[str, dict[str, Any]] = {
    "ACRAccessToken": {
        "auth": {
            "servicePrincipal": {"secretRef": {"clientId": SELECTOR, "clientSecret": SELECTOR}},
            "managedIdentity": {"identityId": "i"},
            "workloadIdentity": {"serviceAccountRef": ACCOUNT},
        },
        "registry": "r.azurecr.io",
        "tenantId": "t",
        "scope": "repository:a:pull",
        "environmentType": "ChinaCloud",
    },
    "BeyondtrustWorkloadCredentialsDynamicSecret": {
        "controller": "c",
        "provider": {
            "auth": {"apikey": {"token": SELECTOR}},
            "server": {"apiUrl": "https://b", "siteId": "s"},
            "folderPath": "f",
            "caBundle": "YQ==",
            "caProvider": {"type": "Secret", "name": "n", "key": "k"},
        },
        "retrySettings": {"maxRetries": 1, "retryInterval": "1s"},
    },
    "CloudsmithAccessToken": {"apiUrl": "u", "orgSlug": "o", "serviceSlug": "s", "serviceAccountRef": ACCOUNT},
    "ClusterGenerator": {"kind": "UUID", "generator": {"uuidSpec": {}}},
    "ECRAuthorizationToken": {"region": "r", "auth": AWS_AUTH, "role": "a", "scope": "public"},
    "Fake": {"controller": "c", "data": {"k": "v"}},
    "GCRAccessToken": {
        "auth": {
            "secretRef": {"secretAccessKeySecretRef": SELECTOR},
            "workloadIdentity": {
                "serviceAccountRef": ACCOUNT,
                "clusterLocation": "l",
                "clusterName": "n",
                "clusterProjectID": "p",
            },
            "workloadIdentityFederation": {"audience": "a"},
        },
        "projectID": "p",
    },
    "GeneratorState": {"garbageCollectionDeadline": "2026-01-01T00:00:00Z", "resource": {"a": None}, "state": [1]},
    "GithubAccessToken": {
        "url": "u",
        "appID": "1",
        "installID": "2",
        "repositories": ["r"],
        "permissions": {"contents": "read"},
        "auth": {"privateKey": {"secretRef": SELECTOR}},
    },
    "GitlabDeployToken": {
        "url": "u",
        "projectID": "p",
        "name": "n",
        "username": "u",
        "scopes": ["read_registry"],
        "expiresAt": "2026-01-01T00:00:00.5+01:00",
        "auth": {"token": {"secretRef": SELECTOR}},
    },
    "Grafana": {
        "url": "u",
        "auth": {"token": SELECTOR, "basic": {"username": "u", "password": SELECTOR}},
        "serviceAccount": {"name": "n", "role": "Viewer", "secondsToLive": 60},
    },
    "MFA": {"secret": SELECTOR, "length": 8, "timePeriod": 60, "algorithm": "sha256", "when": "2026-01-01T00:00:00Z"},
    "Password": {
        "length": 8,
        "digits": 1,
        "symbols": 1,
        "symbolCharacters": "-",
        "noUpper": True,
        "allowRepeat": True,
        "secretKeys": ["a"],
        "encoding": "hex",
    },
    "QuayAccessToken": {"url": "u", "robotAccount": "r", "serviceAccountRef": ACCOUNT},
    "SSHKey": {"keyType": "ecdsa", "keySize": 384, "comment": "c"},
    "STSSessionToken": {
        "region": "r",
        "auth": AWS_AUTH,
        "role": "a",
        "requestParameters": {"sessionDuration": 900, "serialNumber": "s", "tokenCode": "t"},
    },
    "UUID": {},
    "VaultDynamicSecret": {
        "controller": "c",
        "method": "POST",
        "parameters": {"common_name": "x", "deep": [None, 1.5]},
        "getParameters": {"a": ["b", "c"]},
        "resultType": "Raw",
        "provider": {"server": "https://v"},
        "path": "pki/issue/x",
        "allowEmptyResponse": True,
        "retrySettings": {"maxRetries": 1, "retryInterval": "1s"},
    },
    "Webhook": {
        "method": "POST",
        "url": "https://w",
        "headers": {"a": "b"},
        "auth": {"ntlm": {"usernameSecret": SELECTOR, "passwordSecret": SELECTOR}},
        "body": "b",
        "timeout": "5s",
        "result": {"jsonPath": "$.a"},
        "secrets": [{"name": "n", "secretRef": SELECTOR}],
        "caBundle": "YQ==",
        "caProvider": {"type": "ConfigMap", "name": "n"},
    },
}
"""One spec of each kind with every field set."""


def manifest(kind: str, spec: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "generators.external-secrets.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": "g", "namespace": "n"},
        "spec": SPECS[kind] if spec is None else spec,
    }


def model(kind: str, spec: dict[str, Any] | None = None) -> Any:  # as many types as kinds
    found = generator_model(kind)
    assert found is not None
    return found.model_validate(manifest(kind, spec), by_alias=True, by_name=False)


def without(spec: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != name}


def test_every_kind_that_a_manifest_may_name_has_a_model() -> None:
    named = get_args(GeneratorRef.model_fields["kind"].annotation)

    assert set(named) | {"GeneratorState"} == set(GENERATORS) == set(SPECS)


def test_an_unknown_kind_has_none() -> None:
    assert generator_model("Passphrase") is None


@pytest.mark.parametrize("kind", GENERATORS)
def test_every_field_is_kept(kind: str) -> None:
    written = model(kind).model_dump(mode="json", by_alias=True, exclude_unset=True)

    assert written == manifest(kind)


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_field_more_is_refused(kind: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        model(kind, SPECS[kind] | {"zzz": 1})


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("ACRAccessToken", "auth"),
        ("ACRAccessToken", "registry"),
        ("BeyondtrustWorkloadCredentialsDynamicSecret", "provider"),
        ("CloudsmithAccessToken", "orgSlug"),
        ("CloudsmithAccessToken", "serviceSlug"),
        ("CloudsmithAccessToken", "serviceAccountRef"),
        ("ClusterGenerator", "kind"),
        ("ClusterGenerator", "generator"),
        ("ECRAuthorizationToken", "region"),
        ("GCRAccessToken", "auth"),
        ("GCRAccessToken", "projectID"),
        ("GeneratorState", "resource"),
        ("GeneratorState", "state"),
        ("GithubAccessToken", "appID"),
        ("GithubAccessToken", "installID"),
        ("GithubAccessToken", "auth"),
        ("GitlabDeployToken", "name"),
        ("GitlabDeployToken", "scopes"),
        ("GitlabDeployToken", "auth"),
        ("Grafana", "url"),
        ("Grafana", "auth"),
        ("Grafana", "serviceAccount"),
        ("MFA", "secret"),
        ("QuayAccessToken", "robotAccount"),
        ("QuayAccessToken", "serviceAccountRef"),
        ("STSSessionToken", "region"),
        ("VaultDynamicSecret", "provider"),
        ("VaultDynamicSecret", "path"),
        ("Webhook", "url"),
        ("Webhook", "result"),
    ],
)
def test_required_fields(kind: str, field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model(kind, without(SPECS[kind], field))
    assert [(error["type"], error["loc"]) for error in caught.value.errors()] == [("missing", ("spec", field))]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("ACRAccessToken", {"environmentType": "MoonCloud"}),
        ("GCRAccessToken", {"auth": {"workloadIdentity": {"serviceAccountRef": ACCOUNT, "clusterName": "n"}}}),
        ("GeneratorState", {"garbageCollectionDeadline": "tomorrow"}),
        ("Grafana", {"serviceAccount": {"name": "n", "role": "r", "secondsToLive": 0}}),
        ("Grafana", {"auth": {"token": {"name": "s", "namespace": "other"}}}),
        ("MFA", {"when": "2026-02-30T00:00:00Z"}),
        ("MFA", {"length": "6"}),
        ("Password", {"secretKeys": []}),
        ("Password", {"encoding": "base16"}),
        ("Password", {"length": 24.5}),
        ("SSHKey", {"keyType": "dsa"}),
        ("SSHKey", {"keySize": 255}),
        ("SSHKey", {"keySize": 8193}),
        ("VaultDynamicSecret", {"resultType": "data"}),
        ("VaultDynamicSecret", {"getParameters": {"a": "b"}}),
        ("Webhook", {"secrets": [{"name": "n"}]}),
    ],
)
def test_wrong_values(kind: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model(kind, SPECS[kind] | changes)


@pytest.mark.parametrize("kind", ["Fake", "Password", "SSHKey", "UUID"])
def test_a_kind_that_needs_nothing_needs_no_spec(kind: str) -> None:
    found = generator_model(kind)
    assert found is not None

    assert found.model_validate(without(manifest(kind), "spec")).kind == kind  # type: ignore[attr-defined]


def test_defaults() -> None:
    password, key = model("Password", {}).spec, model("SSHKey", {}).spec

    assert (password.length, password.no_upper, password.allow_repeat, password.encoding) == (24, False, False, "raw")
    assert (key.key_type, key.key_size) == ("rsa", None)
    assert model("ACRAccessToken", {"auth": {}, "registry": "r"}).spec.environment_type == "PublicCloud"
    dynamic = model("VaultDynamicSecret", {"provider": {"server": "s"}, "path": "p"}).spec
    assert (dynamic.result_type, dynamic.allow_empty_response, dynamic.parameters) == ("Data", False, None)
