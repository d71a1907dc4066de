from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider

AWS = {"region": "us-east-1", "awsCredentialsSecretRef": {"name": "a"}}


def test_defaults() -> None:
    provider = GCPSMProvider.model_validate({})

    assert provider.secret_version_selection_policy == "LatestOrFail"
    assert provider.project_id is None


def test_all_fields() -> None:
    provider = GCPSMProvider.model_validate(
        {
            "projectID": "p",
            "location": "l",
            "auth": {
                "secretRef": {"secretAccessKeySecretRef": {"name": "a", "key": "k"}},
                "workloadIdentity": {"serviceAccountRef": {"name": "a"}, "clusterLocation": "c", "clusterName": "n"},
                "workloadIdentityFederation": {
                    "credConfig": {"name": "c", "key": "k"},
                    "awsSecurityCredentials": AWS,
                    "audience": "a",
                    "gcpServiceAccountEmail": "x@p.iam.gserviceaccount.com",
                },
            },
        }
    )

    assert provider.auth.workload_identity is not None
    assert provider.auth.workload_identity_federation is not None


@pytest.mark.parametrize(
    "federation",
    [
        {"gcpServiceAccountEmail": "x@example.org"},
        {"credConfig": {"name": "c"}},
        {"awsSecurityCredentials": AWS | {"region": "US"}},
        {"awsSecurityCredentials": AWS | {"region": "a" * 51}},
    ],
)
def test_what_the_schema_refuses(federation: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GCPSMProvider.model_validate({"auth": {"workloadIdentityFederation": federation}})
