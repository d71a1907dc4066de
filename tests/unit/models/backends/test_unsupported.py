from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.backends import BACKENDS, KNOWN_TO_ESO
from virtrigaud_secrets.models.backends.unsupported import (
    FIELDS,
    KnownProvider,
    UnsupportedProvider,
    unsupported_model,
)

SECRET = {"name": "s", "key": "k"}
RESOURCE = {"group": "", "version": "v1", "kind": "ConfigMap"}


def complaints(name: str, spec: object) -> list[str]:
    try:
        unsupported_model(name).model_validate(spec, by_alias=True, by_name=False)
    except ValidationError as error:
        return [".".join(str(part) for part in details["loc"]) for details in error.errors()]
    return []


def test_every_provider_that_is_not_supported_is_here() -> None:
    assert KNOWN_TO_ESO - set(BACKENDS) == set(FIELDS)
    assert not set(FIELDS) & set(BACKENDS)


@pytest.mark.parametrize("name", FIELDS)
def test_a_model_of_each(name: str) -> None:
    model = unsupported_model(name)

    assert issubclass(model, KnownProvider)
    assert complaints(name, {"zzz": 1})
    assert {field.alias for field in model.model_fields.values()} == {written.rstrip("!") for written in FIELDS[name]}


def test_one_whose_fields_are_not_known() -> None:
    assert unsupported_model("acme") is UnsupportedProvider
    assert complaints("acme", {"anything": [None]}) == []


@pytest.mark.parametrize(
    ("name", "spec", "wrong"),
    [
        ("akeyless", {"akeylessGWApiURL": "u", "authSecretRef": {}}, []),
        (
            "akeyless",
            {"akeylessGWApiURL": "u", "authSecretRef": {"kubernetesAuth": {"accessID": "i"}}},
            ["authSecretRef.kubernetesAuth.k8sConfName"],
        ),
        ("barbican", {"username": {"secretRef": SECRET}}, ["auth", "username"]),
        ("barbican", {"auth": {"username": {"value": "u"}, "password": {"secretRef": SECRET}}}, []),
        (
            "barbican",
            {"auth": {"username": {"value": "u", "secretRef": SECRET}, "password": {}}},
            ["auth.username", "auth.password.secretRef"],
        ),
        (
            "barbican",
            {
                "auth": {
                    "authType": "applicationCredential",
                    "applicationCredentialID": {"secretRef": SECRET},
                    "applicationCredentialSecret": {"secretRef": SECRET},
                }
            },
            [],
        ),
        (
            "barbican",
            {"auth": {"authType": "token", "applicationCredentialID": {}, "applicationCredentialSecret": {}}},
            ["auth.authType", "auth.applicationCredentialID", "auth.applicationCredentialSecret.secretRef"],
        ),
        (
            "bitwardensecretsmanager",
            {"auth": {"secretRef": {"credentials": SECRET}}, "organizationID": "o"},
            ["projectID"],
        ),
        ("conjur", {"url": "u", "auth": {}, "caBundle": "no base64"}, []),
        ("crd", {"resource": RESOURCE, "serviceAccountRef": {"name": "a"}}, []),
        ("crd", {"resource": RESOURCE, "authRef": SECRET, "serviceAccountRef": {"name": "a"}}, []),
        ("crd", {"resource": RESOURCE}, [""]),
        ("crd", {"resource": RESOURCE, "authRef": SECRET, "auth": {"serviceAccount": {"name": "a"}}}, [""]),
        (
            "crd",
            {"resource": {"version": "", "kind": "K"}, "authRef": SECRET, "whitelist": {"rules": [{"properties": 1}]}},
            ["resource.group", "resource.version", "whitelist.rules.0.properties"],
        ),
        ("doppler", {"auth": {}}, ["auth"]),
        ("doppler", {"auth": {"secretRef": {"dopplerToken": SECRET}}, "format": "toml"}, ["format"]),
        (
            "onepasswordSDK",
            {"vault": "v", "auth": {"serviceAccountSecretRef": SECRET}, "cache": {"maxSize": 0}},
            ["cache.maxSize"],
        ),
        ("pulumi", {"organization": "o", "project": "p", "environment": "e"}, [""]),
        ("pulumi", {"organization": "o", "project": "p", "environment": "e", "accessToken": {}}, []),
        ("pulumi", {"organization": "o", "project": "p", "environment": "e", "auth": {}}, ["auth"]),
        ("github", {"appID": "1", "installationID": 2, "organization": "o", "auth": {"privateKey": SECRET}}, ["appID"]),
        (
            "gitlab",
            {"auth": {"SecretRef": {"accessToken": {"name": "<your-secret>"}}}},
            ["auth.SecretRef.accessToken.name"],
        ),
        ("gitlab", {"auth": {"SecretRef": {}}, "projectID": 5}, ["projectID"]),
        ("gitlab", {"auth": {"SecretRef": {}}, "groupIDs": ["a", 5]}, ["groupIDs.1"]),
        ("ibm", {"auth": {}}, ["auth"]),
        ("ibm", {"auth": {"secretRef": {}, "containerAuth": {"profile": "p"}}}, ["auth"]),
        ("ibm", {"auth": {"containerAuth": {"profile": "p"}}}, []),
        (
            "onepassword",
            {"auth": {"secretRef": {"connectTokenSecretRef": SECRET}}, "connectHost": "h", "vaults": {"v": "1"}},
            ["vaults.v"],
        ),
        (
            "onepassword",
            {"auth": {"secretRef": {"connectTokenSecretRef": SECRET}}, "connectHost": "h", "vaults": {"v": 1}},
            [],
        ),
        ("oracle", {"region": "r", "vault": "v", "principalType": ""}, []),
        (
            "scaleway",
            {"region": "r", "projectId": "p", "accessKey": {"value": "v"}, "secretKey": {"secretRef": SECRET}},
            [],
        ),
        ("secretserver", {"serverURL": "u", "username": {"value": "v"}, "password": {"secretRef": SECRET}}, []),
        ("secretserver", {"serverURL": "u", "token": {"secretRef": SECRET}}, []),
        ("secretserver", {"serverURL": "u", "username": {"value": "v"}}, [""]),
        (
            "yandexlockbox",
            {"auth": {"authorizedKeySecretRef": SECRET}, "fetching": {"byName": {}}},
            ["fetching.byName.folderID"],
        ),
        ("yandexlockbox", {"auth": {"authorizedKeySecretRef": SECRET}, "fetching": {"byID": {}}}, []),
    ],
)
def test_what_eso_would_say(name: str, spec: dict[str, object], wrong: list[str]) -> None:
    assert complaints(name, spec) == wrong


def test_values_are_kept_and_not_shown() -> None:
    written = {"region": "r", "projectId": "p", "accessKey": {"value": "hunter2"}, "secretKey": {"value": "hunter3"}}
    spec = unsupported_model("scaleway").model_validate(written, by_alias=True, by_name=False)

    assert "hunter" not in repr(spec)
    assert spec.model_dump(by_alias=True, exclude_unset=True) == written
