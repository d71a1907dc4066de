"""Where each kind of store is, whom to trust there, which package it needs, and which GET of it changes nothing."""

from __future__ import annotations

import importlib.util
import ssl
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, cast
from urllib.parse import urlsplit

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.models.backends.aws import AWSProvider
from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider
from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider
from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider
from virtrigaud_secrets.models.backends.openbao import OpenBaoProvider
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.models.backends.webhook import WebhookProvider
from virtrigaud_secrets.operations.probe import Target
from virtrigaud_secrets.operations.store_access import StoreAccess
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.cluster_access import ClusterAccess

VAULT_HEALTH: Final = "/v1/sys/health?standbyok=true&perfstandbyok=true"
"""Answers without a login; 503 where the server is sealed, 501 where it is not initialised."""
CLUSTER_VERSION: Final = "/version"
"""Answers every caller, or refuses: both carry a date."""

PACKAGES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "aws": ("aws", ("boto3",)),
        "azurekv": ("azure", ("azure.keyvault.secrets", "azure.identity")),
        "gcpsm": ("gcp", ("google.cloud.secretmanager", "google.auth")),
        "kubernetes": ("kubernetes", ("kubernetes",)),
        "openBao": ("vault", ("hvac",)),
        "vault": ("vault", ("hvac",)),
        "webhook": ("webhook", ("urllib3", "jsonpath")),
    }
)
"""Backend → extra that brings its packages, and the modules that have to be there."""

_AWS_SERVICES: Final = {"SecretsManager": "secretsmanager", "ParameterStore": "ssm", "CertificateManager": "acm"}


def missing_extra(backend: str) -> str:
    """The extra that a backend lacks here; empty where it lacks none."""
    extra, modules = PACKAGES.get(backend, ("", ()))
    return "" if all(map(_is_there, modules)) else extra


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def target_of(store: StoreAccess) -> Target | None:
    """Where a store is; None where there is no server, or none that can be told before a secret is asked for.

    Raises:
        ConfigurationError: its address or its authorities cannot be used.
        StoreError: a cluster that holds references refused or did not answer.
    """
    find = _FINDERS.get(store.backend)
    return None if find is None else find(store)


def cluster_target(access: ClusterAccess) -> Target:
    """A cluster's API.

    Raises:
        ConfigurationError: its authorities or our certificate cannot be used.
    """
    from virtrigaud_secrets.stores.cluster_client import tls_context

    trust = access.origin if access.authorities else "the system"
    return Target(address=access.server, tls=tls_context(access), trust=trust, path=CLUSTER_VERSION)


def as_vault_spec(store: StoreAccess) -> VaultProvider | None:
    """The spec of a Vault or OpenBao store in the one form; None for another backend's."""
    from virtrigaud_secrets.stores.vault.openbao import as_vault

    spec = store.spec
    if isinstance(spec, OpenBaoProvider):
        return as_vault(spec)
    return spec if isinstance(spec, VaultProvider) else None


def _vault(store: StoreAccess) -> Target | None:
    from virtrigaud_secrets.stores.vault import trust

    spec = as_vault_spec(store)
    if spec is None:
        return None
    address = store.context.settings.address(spec.server)
    tls = trust.tls_context(spec, store.context)
    return Target(address=address, tls=tls, trust=trust.source(spec, store.context), path=VAULT_HEALTH)


def cluster_access(store: StoreAccess) -> ClusterAccess | None:
    """The cluster of a `kubernetes` store and who it is there; None for another backend's.

    Raises:
        ConfigurationError: a reference cannot be answered, or what it names cannot be used.
        StoreError: a cluster that holds references refused or did not answer.
    """
    from virtrigaud_secrets.stores.kubernetes.login import access_of

    return access_of(store.spec, store.context) if isinstance(store.spec, KubernetesProvider) else None


def _kubernetes(store: StoreAccess) -> Target | None:
    access = cluster_access(store)
    return None if access is None else cluster_target(access)


def _azure(store: StoreAccess) -> Target:
    return _public(store, cast("AzureKVProvider", store.spec).vault_url)


def _google(store: StoreAccess) -> Target:
    location = cast("GCPSMProvider", store.spec).location
    host = f"secretmanager.{location}.rep.googleapis.com" if location else "secretmanager.googleapis.com"
    return _public(store, f"https://{host}")


def _aws(store: StoreAccess) -> Target:
    spec = cast("AWSProvider", store.spec)
    service = _AWS_SERVICES[spec.service]
    suffix = "amazonaws.com.cn" if spec.region.startswith("cn-") else "amazonaws.com"
    instead = store.context.settings.aws_endpoints.get(service)
    return _public(store, instead or f"https://{service}.{spec.region}.{suffix}")


def _webhook(store: StoreAccess) -> Target | None:
    """Its server, to connect to and no more: what a GET does there, nobody knows."""
    written = cast("WebhookProvider", store.spec).url
    parts = urlsplit(written.partition("?")[0])
    if "{{" in parts.netloc or not parts.netloc:
        return None
    found = _public(store, f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
    return Target(address=found.address, tls=found.tls, trust=found.trust)


def _public(store: StoreAccess, address: str) -> Target:
    settings = store.context.settings
    trust = "the system" if settings.ca_file is None else f"Settings.ca_file ({settings.ca_file})"
    return Target(address=settings.address(address), tls=_trusting(settings), trust=trust, path="/")


def _trusting(settings: Settings) -> ssl.SSLContext | None:
    if settings.ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file))
    except (OSError, ssl.SSLError):
        raise ConfigurationError(f"Settings.ca_file ({settings.ca_file}) holds no PEM certificate to read") from None


_FINDERS: Final[Mapping[str, Callable[[StoreAccess], Target | None]]] = MappingProxyType(
    {
        "aws": _aws,
        "azurekv": _azure,
        "gcpsm": _google,
        "kubernetes": _kubernetes,
        "openBao": _vault,
        "vault": _vault,
        "webhook": _webhook,
    }
)
