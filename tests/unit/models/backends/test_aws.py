from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.backends.aws import AWSProvider

LEAST = {"service": "SecretsManager", "region": "eu-central-1"}


def test_defaults() -> None:
    provider = AWSProvider.model_validate(LEAST)

    assert (provider.session_tags_policy, provider.additional_roles, provider.session_tags) == ("None", (), ())
    assert provider.auth.jwt is None


def test_all_fields() -> None:
    provider = AWSProvider.model_validate(
        LEAST
        | {
            "role": "arn:r",
            "additionalRoles": ["arn:a"],
            "externalID": "e",
            "sessionTags": [{"key": "k", "value": "v"}],
            "transitiveTagKeys": ["k"],
            "sessionTagsPolicy": "Custom",
            "customSessionTags": {"a": "b"},
            "prefix": "p/",
            "secretsManager": {"forceDeleteWithoutRecovery": True, "recoveryWindowInDays": 7},
            "auth": {
                "secretRef": {"accessKeyIDSecretRef": {"name": "a"}, "sessionTokenSecretRef": {"name": "a"}},
                "jwt": {"serviceAccountRef": {"name": "a"}},
            },
        }
    )

    assert provider.external_id == "e"
    assert provider.auth.secret_ref is not None
    assert provider.auth.secret_ref.access_key_id_secret_ref is not None


@pytest.mark.parametrize(
    "written",
    [
        {"service": "SecretsManager"},
        {"region": "r"},
        LEAST | {"service": "S3"},
        LEAST | {"sessionTags": [{"key": "k"}]},
        LEAST | {"secretsManager": {"recoveryWindowInDays": "7"}},
    ],
)
def test_what_the_schema_refuses(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AWSProvider.model_validate(written)


@pytest.mark.parametrize("tag", ["esoNamespace", "esoStoreName", "esoStoreKind"])
def test_tags_that_eso_sets_itself(tag: str) -> None:
    with pytest.raises(ValidationError, match="expected no key esoNamespace"):
        AWSProvider.model_validate(LEAST | {"customSessionTags": {tag: "x"}})
