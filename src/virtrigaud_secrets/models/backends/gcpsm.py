"""`spec.provider.gcpsm`: Google Secret Manager (ESO §1.4)."""

from typing import Annotated

from pydantic import Field, StringConstraints

from virtrigaud_secrets.models.base import Key, Model, Name, Namespace
from virtrigaud_secrets.models.references import SecretKeySelector, ServiceAccountSelector

AwsRegion = Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=r"^[a-z0-9-]+$")]
"""Name of an AWS region."""

ServiceAccountEmail = Annotated[str, StringConstraints(min_length=1, pattern=r"^.*@.*\.iam\.gserviceaccount\.com$")]
"""Address of a Google service account."""


class GCPSMAuthSecretRef(Model):
    """A service account's key."""

    secret_access_key_secret_ref: SecretKeySelector | None = None


class GCPWorkloadIdentity(Model):
    """Google identity of a Kubernetes service account."""

    service_account_ref: ServiceAccountSelector
    cluster_location: str | None = None
    cluster_name: str | None = None
    cluster_project_id: str | None = Field(default=None, alias="clusterProjectID")


class ConfigMapReference(Model):
    """One key of a ConfigMap."""

    name: Name
    namespace: Namespace | None = None
    key: Key


class SecretReference(Model):
    """A Secret as a whole."""

    name: Name
    namespace: Namespace | None = None


class AwsCredentialsConfig(Model):
    """AWS identity that is exchanged for a Google one."""

    region: AwsRegion
    aws_credentials_secret_ref: SecretReference


class GCPWorkloadIdentityFederation(Model):
    """Google identity in exchange for another provider's."""

    cred_config: ConfigMapReference | None = None
    service_account_ref: ServiceAccountSelector | None = None
    aws_security_credentials: AwsCredentialsConfig | None = None
    audience: str | None = None
    external_token_endpoint: str | None = None
    gcp_service_account_email: ServiceAccountEmail | None = None


class GCPSMAuth(Model):
    """Who asks. Empty means the process's own Google identity."""

    secret_ref: GCPSMAuthSecretRef | None = None
    workload_identity: GCPWorkloadIdentity | None = None
    workload_identity_federation: GCPWorkloadIdentityFederation | None = None


class GCPSMProvider(Model):
    """The secrets of one project."""

    guide_spellings = {"projectId": ("projectID",)}  # noqa: RUF012  # declared in the base

    auth: GCPSMAuth = Field(default_factory=GCPSMAuth)
    project_id: str | None = Field(default=None, alias="projectID")
    location: str | None = None
    """Location of regional secrets."""
    secret_version_selection_policy: str = "LatestOrFail"  # noqa: S105  # a policy
