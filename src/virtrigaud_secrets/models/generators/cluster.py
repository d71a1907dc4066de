"""`ClusterGenerator`: a generator that every namespace may use (ESO §1.7)."""

from typing import Literal, Self

from pydantic import ConfigDict, model_validator

from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.generators.acr import ACRAccessTokenSpec
from virtrigaud_secrets.models.generators.base import GeneratorManifest
from virtrigaud_secrets.models.generators.beyondtrust import BeyondtrustWorkloadCredentialsDynamicSecretSpec
from virtrigaud_secrets.models.generators.cloudsmith import CloudsmithAccessTokenSpec
from virtrigaud_secrets.models.generators.ecr import ECRAuthorizationTokenSpec
from virtrigaud_secrets.models.generators.fake import FakeSpec
from virtrigaud_secrets.models.generators.gcr import GCRAccessTokenSpec
from virtrigaud_secrets.models.generators.github import GithubAccessTokenSpec
from virtrigaud_secrets.models.generators.gitlab import GitlabDeployTokenSpec
from virtrigaud_secrets.models.generators.grafana import GrafanaSpec
from virtrigaud_secrets.models.generators.mfa import MFASpec
from virtrigaud_secrets.models.generators.password import PasswordSpec
from virtrigaud_secrets.models.generators.quay import QuayAccessTokenSpec
from virtrigaud_secrets.models.generators.ssh_key import SSHKeySpec
from virtrigaud_secrets.models.generators.sts import STSSessionTokenSpec
from virtrigaud_secrets.models.generators.uuids import UUIDSpec
from virtrigaud_secrets.models.generators.vault_dynamic_secret import VaultDynamicSecretSpec
from virtrigaud_secrets.models.generators.webhook import WebhookSpec
from virtrigaud_secrets.models.rules import ONE_FIELD, exactly_one

ClusterGeneratorKind = Literal[
    "ACRAccessToken",
    "BeyondtrustWorkloadCredentialsDynamicSecret",
    "CloudsmithAccessToken",
    "ECRAuthorizationToken",
    "Fake",
    "GCRAccessToken",
    "GithubAccessToken",
    "GitlabDeployToken",
    "Grafana",
    "MFA",
    "Password",
    "QuayAccessToken",
    "SSHKey",
    "STSSessionToken",
    "UUID",
    "VaultDynamicSecret",
    "Webhook",
]
"""The kinds that a ClusterGenerator may stand for."""


class GeneratorSpec(Model):
    """The spec of one generator: exactly one of the fields is set."""

    model_config = ConfigDict(json_schema_extra=ONE_FIELD)

    acr_access_token_spec: ACRAccessTokenSpec | None = None
    beyondtrust_workload_credentials_dynamic_secret_spec: BeyondtrustWorkloadCredentialsDynamicSecretSpec | None = None
    cloudsmith_access_token_spec: CloudsmithAccessTokenSpec | None = None
    ecr_authorization_token_spec: ECRAuthorizationTokenSpec | None = None
    fake_spec: FakeSpec | None = None
    gcr_access_token_spec: GCRAccessTokenSpec | None = None
    github_access_token_spec: GithubAccessTokenSpec | None = None
    gitlab_deploy_token_spec: GitlabDeployTokenSpec | None = None
    grafana_spec: GrafanaSpec | None = None
    mfa_spec: MFASpec | None = None
    password_spec: PasswordSpec | None = None
    quay_access_token_spec: QuayAccessTokenSpec | None = None
    ssh_key_spec: SSHKeySpec | None = None
    sts_session_token_spec: STSSessionTokenSpec | None = None
    uuid_spec: UUIDSpec | None = None
    vault_dynamic_secret_spec: VaultDynamicSecretSpec | None = None
    webhook_spec: WebhookSpec | None = None

    @model_validator(mode="after")
    def _one_generator(self) -> Self:
        aliases = [field.alias or name for name, field in type(self).model_fields.items()]
        return exactly_one(self, *aliases)

    @property
    def chosen(self) -> Model:
        """The spec that is set."""
        specs: list[Model | None] = [getattr(self, name) for name in type(self).model_fields]
        return next(spec for spec in specs if spec is not None)


class ClusterGeneratorSpec(Model):
    """A kind and its spec. That they agree is checked when it is used, as ESO does."""

    kind: ClusterGeneratorKind
    generator: GeneratorSpec


class ClusterGenerator(GeneratorManifest):
    """A manifest of kind ClusterGenerator."""

    kind: Literal["ClusterGenerator"] = "ClusterGenerator"
    spec: ClusterGeneratorSpec
