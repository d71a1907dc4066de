"""`spec.provider.vault`: HashiCorp Vault and what speaks its API (ESO §1.4)."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from virtrigaud_secrets.models.backends.aws import AWSAuthSecretRef
from virtrigaud_secrets.models.backends.gcpsm import GCPSMAuthSecretRef, GCPWorkloadIdentity
from virtrigaud_secrets.models.base import Base64, Bool, Int64, Model
from virtrigaud_secrets.models.references import CAProvider, SecretKeySelector, ServiceAccountSelector


class VaultAppRole(Model):
    """Login with a role id and a secret id."""

    path: str = "approle"
    role_id: str | None = None
    role_ref: SecretKeySelector | None = None
    secret_ref: SecretKeySelector


class VaultKubernetesAuth(Model):
    """Login with a service account's token."""

    mount_path: str = "kubernetes"
    role: str
    service_account_ref: ServiceAccountSelector | None = None
    secret_ref: SecretKeySelector | None = None
    """A Secret that holds the token; its key is `token` where none is named."""


class VaultLdapAuth(Model):
    """Login with an LDAP user."""

    path: str = "ldap"
    username: str
    secret_ref: SecretKeySelector | None = None


class VaultUserPassAuth(Model):
    """Login with user name and password."""

    path: str = "userpass"
    username: str
    secret_ref: SecretKeySelector | None = None


class VaultKubernetesServiceAccountToken(Model):
    """A service account's token as JWT."""

    service_account_ref: ServiceAccountSelector
    audiences: tuple[str, ...] | None = None
    expiration_seconds: Int64 | None = None


class VaultJwtAuth(Model):
    """Login with a JWT."""

    path: str = "jwt"
    role: str | None = None
    secret_ref: SecretKeySelector | None = None
    kubernetes_service_account_token: VaultKubernetesServiceAccountToken | None = None


class VaultCertAuth(Model):
    """Login with a client certificate."""

    path: str = "cert"
    vault_role: str | None = None
    client_cert: SecretKeySelector | None = None
    secret_ref: SecretKeySelector | None = None
    """The certificate's key."""


class VaultAwsJWTAuth(Model):
    """AWS identity of a service account."""

    service_account_ref: ServiceAccountSelector | None = None


class VaultIamAuth(Model):
    """Login with an AWS identity."""

    path: str | None = None
    region: str | None = None
    role: str | None = None
    """ARN of an AWS role to assume first."""
    vault_role: str
    external_id: str | None = Field(default=None, alias="externalID")
    vault_aws_iam_server_id: str | None = Field(default=None, alias="vaultAwsIamServerID")
    secret_ref: AWSAuthSecretRef | None = None
    jwt: VaultAwsJWTAuth | None = None


class VaultGCPAuth(Model):
    """Login with a Google identity."""

    path: str = "gcp"
    role: str
    project_id: str | None = Field(default=None, alias="projectID")
    location: str | None = None
    secret_ref: GCPSMAuthSecretRef | None = None
    workload_identity: GCPWorkloadIdentity | None = None
    service_account_ref: ServiceAccountSelector | None = None


class VaultAuth(Model):
    """How to log in. The schema lets several methods be named; the store takes the first in ESO's order."""

    namespace: str | None = None
    """Vault namespace to log in at; None means the provider's."""
    token_secret_ref: SecretKeySelector | None = None
    app_role: VaultAppRole | None = None
    kubernetes: VaultKubernetesAuth | None = None
    ldap: VaultLdapAuth | None = None
    user_pass: VaultUserPassAuth | None = None
    jwt: VaultJwtAuth | None = None
    cert: VaultCertAuth | None = None
    iam: VaultIamAuth | None = None
    gcp: VaultGCPAuth | None = None


class VaultClientTLS(Model):
    """Client certificate of the connection."""

    cert_secret_ref: SecretKeySelector | None = None
    key_secret_ref: SecretKeySelector | None = None


class VaultCheckAndSet(Model):
    """Whether writes name the version they replace."""

    required: Bool = False


class VaultProvider(Model):
    """A Vault server and the KV engine that keys without a mount of their own belong to."""

    auth: VaultAuth | None = None
    server: str
    path: str | None = None
    """Mount path of the KV engine."""
    version: Literal["v1", "v2"] = "v2"
    namespace: str | None = None
    """Vault (Enterprise) namespace, none of Kubernetes'."""
    ca_bundle: Base64 | None = Field(default=None, repr=False)
    ca_provider: CAProvider | None = None
    tls: VaultClientTLS | None = None
    read_your_writes: Bool = False
    forward_inconsistent: Bool = False
    headers: Mapping[str, str] = Field(default={}, repr=False)
    check_and_set: VaultCheckAndSet | None = None
