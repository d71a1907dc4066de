"""Models of group generators.external-secrets.io, one file a kind, and which kind has which model (ESO §1.7)."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from virtrigaud_secrets.models.generators.base import GeneratorManifest

GENERATORS: Final = MappingProxyType(
    {
        "ACRAccessToken": "acr",
        "BeyondtrustWorkloadCredentialsDynamicSecret": "beyondtrust",
        "CloudsmithAccessToken": "cloudsmith",
        "ClusterGenerator": "cluster",
        "ECRAuthorizationToken": "ecr",
        "Fake": "fake",
        "GCRAccessToken": "gcr",
        "GeneratorState": "generator_state",
        "GithubAccessToken": "github",
        "GitlabDeployToken": "gitlab",
        "Grafana": "grafana",
        "MFA": "mfa",
        "Password": "password",
        "QuayAccessToken": "quay",
        "SSHKey": "ssh_key",
        "STSSessionToken": "sts",
        "UUID": "uuids",
        "VaultDynamicSecret": "vault_dynamic_secret",
        "Webhook": "webhook",
    }
)
"""Kind → module here, whose class has the kind's name. Imported when a manifest first names the kind."""


def generator_model(kind: str) -> type[GeneratorManifest] | None:
    """The model of a kind of generator, None where ESO has none of that name."""
    if kind not in GENERATORS:
        return None
    model: type[GeneratorManifest] = getattr(import_module(f"{__name__}.{GENERATORS[kind]}"), kind)
    return model
