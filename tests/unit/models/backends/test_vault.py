from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.backends.vault import VaultAuth, VaultProvider

SELECTOR = {"name": "s", "key": "k"}


def test_defaults() -> None:
    provider = VaultProvider.model_validate({"server": "https://v"})

    assert (provider.version, provider.path, provider.namespace, provider.auth) == ("v2", None, None, None)
    assert (provider.read_your_writes, provider.forward_inconsistent, provider.headers) == (False, False, {})


def test_every_login_method() -> None:
    auth = VaultAuth.model_validate(
        {
            "namespace": "ns",
            "tokenSecretRef": SELECTOR,
            "appRole": {"roleRef": SELECTOR, "secretRef": SELECTOR},
            "kubernetes": {"role": "r", "serviceAccountRef": {"name": "a", "audiences": ["x"]}, "secretRef": SELECTOR},
            "ldap": {"username": "u", "secretRef": SELECTOR},
            "userPass": {"username": "u"},
            "jwt": {
                "role": "r",
                "kubernetesServiceAccountToken": {
                    "serviceAccountRef": {"name": "a"},
                    "audiences": ["v"],
                    "expirationSeconds": 600,
                },
            },
            "cert": {"clientCert": SELECTOR, "secretRef": SELECTOR, "vaultRole": "r"},
            "iam": {
                "vaultRole": "r",
                "externalID": "e",
                "vaultAwsIamServerID": "i",
                "secretRef": {"accessKeyIDSecretRef": SELECTOR, "secretAccessKeySecretRef": SELECTOR},
                "jwt": {"serviceAccountRef": {"name": "a"}},
            },
            "gcp": {
                "role": "r",
                "projectID": "p",
                "workloadIdentity": {"serviceAccountRef": {"name": "a"}, "clusterProjectID": "p"},
            },
        }
    )

    assert auth.app_role is not None
    assert auth.kubernetes is not None
    assert auth.ldap is not None
    assert auth.user_pass is not None
    assert auth.jwt is not None
    assert auth.cert is not None
    assert auth.iam is not None
    assert auth.gcp is not None
    paths = (auth.app_role.path, auth.kubernetes.mount_path, auth.ldap.path, auth.user_pass.path, auth.jwt.path)
    assert paths == ("approle", "kubernetes", "ldap", "userpass", "jwt")
    assert (auth.cert.path, auth.gcp.path, auth.iam.path) == ("cert", "gcp", None)
    assert (auth.iam.external_id, auth.iam.vault_aws_iam_server_id) == ("e", "i")


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"server": 5},
        {"server": "s", "version": "v3"},
        {"server": "s", "caBundle": "no base64"},
        {"server": "s", "auth": {"kubernetes": {}}},
        {"server": "s", "auth": {"appRole": {"roleId": "r"}}},
        {"server": "s", "auth": {"ldap": {}}},
        {"server": "s", "auth": {"iam": {}}},
        {"server": "s", "auth": {"gcp": {}}},
        {"server": "s", "headers": {"a": 1}},
        {"server": "s", "caProvider": {"name": "a"}},
    ],
)
def test_what_the_schema_refuses(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        VaultProvider.model_validate(written)


def test_headers_do_not_show() -> None:
    assert "hunter2" not in repr(VaultProvider.model_validate({"server": "s", "headers": {"X-Key": "hunter2"}}))
