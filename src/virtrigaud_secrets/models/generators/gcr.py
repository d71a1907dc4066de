"""`GCRAccessToken`: a Google access token, good for its container registries (ESO §1.7)."""

from typing import Literal

from pydantic import Field

from virtrigaud_secrets.models.backends.gcpsm import GCPSMAuthSecretRef, GCPWorkloadIdentityFederation
from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.generators.base import GeneratorManifest
from virtrigaud_secrets.models.references import ServiceAccountSelector


class GCRWorkloadIdentity(Model):
    """Google identity of a Kubernetes service account. Unlike a store's, it must name the cluster."""

    service_account_ref: ServiceAccountSelector
    cluster_location: str
    cluster_name: str
    cluster_project_id: str | None = Field(default=None, alias="clusterProjectID")


class GCPAuth(Model):
    """Who asks. Empty means the process's own Google identity."""

    secret_ref: GCPSMAuthSecretRef | None = None
    workload_identity: GCRWorkloadIdentity | None = None
    workload_identity_federation: GCPWorkloadIdentityFederation | None = None


class GCRAccessTokenSpec(Model):
    """Which project, and who asks."""

    auth: GCPAuth
    project_id: str = Field(alias="projectID")


class GCRAccessToken(GeneratorManifest):
    """A manifest of kind GCRAccessToken."""

    kind: Literal["GCRAccessToken"] = "GCRAccessToken"
    spec: GCRAccessTokenSpec
