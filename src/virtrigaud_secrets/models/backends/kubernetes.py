"""`spec.provider.kubernetes`: Secrets of this or another cluster (ESO §1.4)."""

from typing import Self

from pydantic import ConfigDict, Field, model_validator

from virtrigaud_secrets.models.base import Base64, Model, Namespace
from virtrigaud_secrets.models.references import CAProvider, SecretKeySelector, ServiceAccountSelector
from virtrigaud_secrets.models.rules import ONE_FIELD, exactly_one


class KubernetesServer(Model):
    """Address and authority of the cluster's API."""

    url: str = "kubernetes.default"
    ca_bundle: Base64 | None = Field(default=None, repr=False)
    ca_provider: CAProvider | None = None


class CertAuth(Model):
    """Login with a client certificate."""

    client_cert: SecretKeySelector = Field(default_factory=SecretKeySelector)
    client_key: SecretKeySelector = Field(default_factory=SecretKeySelector)


class TokenAuth(Model):
    """Login with a token."""

    bearer_token: SecretKeySelector = Field(default_factory=SecretKeySelector)


class KubernetesAuth(Model):
    """How to log in: exactly one of its fields is set."""

    model_config = ConfigDict(json_schema_extra=ONE_FIELD)

    cert: CertAuth | None = None
    token: TokenAuth | None = None
    service_account: ServiceAccountSelector | None = None

    @model_validator(mode="after")
    def _one_method(self) -> Self:
        return exactly_one(self, "cert", "token", "serviceAccount")


class KubernetesProvider(Model):
    """The Secrets of one namespace."""

    server: KubernetesServer = Field(default_factory=KubernetesServer)
    auth: KubernetesAuth | None = None
    auth_ref: SecretKeySelector | None = None
    """A kubeconfig, in place of `server` and `auth`."""
    remote_namespace: Namespace = "default"
