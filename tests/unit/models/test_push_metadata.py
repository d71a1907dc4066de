from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.push_metadata import (
    AzurePushMetadata,
    GCPPushMetadata,
    KubernetesPushMetadata,
    ParameterStorePushMetadata,
    PushSecretMetadataDocument,
    SecretsManagerPushMetadata,
    VaultPushMetadata,
)

EVERYTHING = [
    (VaultPushMetadata, {"customMetadata": {"a": "b"}, "mergePolicy": "Replace"}),
    (
        SecretsManagerPushMetadata,
        {
            "tags": {"a": "b"},
            "description": "d",
            "secretPushFormat": "string",
            "kmsKeyId": "k",
            "resourcePolicy": {
                "blockPublicPolicy": True,
                "policySourceRef": {"kind": "ConfigMap", "name": "n", "key": "k"},
            },
            "replicationLocations": ("eu-west-1",),
        },
    ),
    (
        ParameterStorePushMetadata,
        {
            "secretType": "SecureString",
            "kmsKeyID": "k",
            "tier": {"type": "Advanced", "policies": [{"Type": "Expiration"}]},
            "encodeAsDecoded": True,
            "tags": {"a": "b"},
            "description": "d",
        },
    ),
    (AzurePushMetadata, {"expirationDate": "2026-12-31T20:00:00Z", "contentType": "t", "tags": {"a": "b"}}),
    (
        GCPPushMetadata,
        {
            "annotations": {"a": "b"},
            "labels": {"c": "d"},
            "topics": ("projects/p/topics/t",),
            "mergePolicy": "Merge",
            "cmekKeyName": "k",
            "replicationLocation": "eu",
            "replicationLocations": ("eu", "us"),
        },
    ),
    (
        KubernetesPushMetadata,
        {
            "targetMergePolicy": "Ignore",
            "sourceMergePolicy": "Replace",
            "labels": {"a": "b"},
            "annotations": {"c": "d"},
            "remoteNamespace": "n",
        },
    ),
]


@pytest.mark.parametrize(("model", "written"), EVERYTHING)
def test_every_field(model: type, written: dict[str, object]) -> None:
    assert model.model_validate(written).model_dump(by_alias=True, exclude_unset=True) == written


@pytest.mark.parametrize(("model", "_"), EVERYTHING)
def test_unknown_fields_are_refused(model: type, _: object) -> None:
    with pytest.raises(ValidationError):
        model.model_validate({"extra": 1})


def test_the_document() -> None:
    written = {"apiVersion": "kubernetes.external-secrets.io/v1alpha1", "kind": "PushSecretMetadata", "spec": {"a": 1}}

    assert PushSecretMetadataDocument.model_validate(written).spec == {"a": 1}
