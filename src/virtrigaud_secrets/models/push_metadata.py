"""`metadata` of a PushSecret: the document of kind PushSecretMetadata, and its `spec` for each backend (ESO §1.6).

Unlike a manifest it is read strictly: an unknown field is a fault, as in ESO.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from virtrigaud_secrets.models.base import Bool, Model

MergePolicy = Literal["Merge", "Replace"]
"""Whether what is there already stays beside what is pushed."""


class PushSecretMetadataDocument(Model):
    """The document around a backend's own part."""

    api_version: Literal["kubernetes.external-secrets.io/v1alpha1"]
    kind: Literal["PushSecretMetadata"]
    spec: object = None


class FakePushMetadata(Model):
    """A secret in memory: there is nothing to say about it."""


class VaultPushMetadata(Model):
    """Custom metadata of a secret in a KV engine of version 2."""

    custom_metadata: Mapping[str, str] = {}
    merge_policy: MergePolicy = "Merge"


class PolicySourceRef(Model):
    """A Secret or ConfigMap that holds a resource policy."""

    kind: Literal["ConfigMap", "Secret"]
    name: str
    key: str


class ResourcePolicy(Model):
    """Who besides the account may use a secret."""

    block_public_policy: Bool | None = None
    policy_source_ref: PolicySourceRef | None = None


class SecretsManagerPushMetadata(Model):
    """A secret in AWS Secrets Manager."""

    tags: Mapping[str, str] = {}
    description: str = ""
    secret_push_format: Literal["binary", "string"] = "binary"  # noqa: S105  # a word, not a secret
    kms_key_id: str = ""
    resource_policy: ResourcePolicy | None = None
    replication_locations: tuple[str, ...] = ()


class ParameterTier(Model):
    """Size class of a parameter."""

    type: Literal["Standard", "Advanced", "Intelligent-Tiering"] = "Standard"
    policies: object = None
    """JSON: when the parameter ends, and who is told."""


class ParameterStorePushMetadata(Model):
    """A parameter in AWS Parameter Store."""

    secret_type: Literal["String", "StringList", "SecureString"] = "String"  # noqa: S105  # a word, not a secret
    kms_key_id: str = Field(default="", alias="kmsKeyID")
    tier: ParameterTier = ParameterTier()
    encode_as_decoded: Bool = False
    """Whether a whole Secret is a JSON object of texts; of base64 otherwise."""
    tags: Mapping[str, str] = {}
    description: str = ""


class AzurePushMetadata(Model):
    """An object in Azure Key Vault."""

    expiration_date: str = ""
    """RFC 3339, such as `2026-12-31T20:00:00Z`."""
    content_type: str = ""
    tags: Mapping[str, str] = {}


class GCPPushMetadata(Model):
    """A secret in Google Secret Manager."""

    annotations: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}
    topics: tuple[str, ...] = ()
    merge_policy: MergePolicy = "Replace"
    cmek_key_name: str = ""
    replication_location: str = ""
    replication_locations: tuple[str, ...] = ()


class KubernetesPushMetadata(Model):
    """Labels and annotations of a Secret in a cluster."""

    target_merge_policy: Literal["Merge", "Replace", "Ignore"] = "Merge"
    source_merge_policy: MergePolicy = "Merge"
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    remote_namespace: str = ""
