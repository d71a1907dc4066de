"""Models of the values below `spec.provider`, one file a backend, and which name has which model."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel

from virtrigaud_secrets.models.backends import registered

BACKENDS: Final = MappingProxyType(
    {
        "aws": ("aws", "AWSProvider"),
        "azurekv": ("azurekv", "AzureKVProvider"),
        "fake": ("fake", "FakeProvider"),
        "files": ("files", "FilesProvider"),
        "gcpsm": ("gcpsm", "GCPSMProvider"),
        "kubernetes": ("kubernetes", "KubernetesProvider"),
        "openBao": ("openbao", "OpenBaoProvider"),
        "vault": ("vault", "VaultProvider"),
        "webhook": ("webhook", "WebhookProvider"),
    }
)
"""Key under `spec.provider` → module here and model in it. Imported when a manifest first names it."""

KNOWN_TO_ESO: Final = frozenset(
    {
        "akeyless",
        "alibaba",
        "aws",
        "azurekv",
        "barbican",
        "beyondtrust",
        "beyondtrustworkloadcredentials",
        "bitwardensecretsmanager",
        "chef",
        "cloudrusm",
        "conjur",
        "crd",
        "delinea",
        "device42",
        "doppler",
        "dvls",
        "fake",
        "fortanix",
        "gcpsm",
        "github",
        "gitlab",
        "ibm",
        "infisical",
        "keepersecurity",
        "kubernetes",
        "nebiusmysterybox",
        "ngrok",
        "onboardbase",
        "onepassword",
        "onepasswordSDK",
        "openBao",
        "oracle",
        "ovh",
        "passbolt",
        "passworddepot",
        "previder",
        "pulumi",
        "scaleway",
        "secretserver",
        "senhasegura",
        "vault",
        "volcengine",
        "webhook",
        "yandexcertificatemanager",
        "yandexlockbox",
    }
)
"""Every key that ESO's v1 and v1beta1 have under `spec.provider` (ESO §1.3)."""


def backend_model(name: str) -> type[BaseModel] | None:
    """The model of `spec.provider.<name>`: this library's, else an installed package's; None where none has it."""
    if name not in BACKENDS:
        return registered.spec_model(name)
    module, attribute = BACKENDS[name]
    model: type[BaseModel] = getattr(import_module(f"{__name__}.{module}"), attribute)
    return model


def is_known(name: str) -> bool:
    """Whether a store of that name can be read or at least kept: by ESO, by this library or by an installed package."""
    return name in KNOWN_TO_ESO or name in BACKENDS or registered.is_registered(name)
