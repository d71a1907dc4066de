"""Typed credentials: a bundle as the arguments that a provider's client library wants. No connection is made here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.lazy import lazily

if TYPE_CHECKING:
    from virtrigaud_secrets.credentials.base import Arguments, Credentials
    from virtrigaud_secrets.credentials.endpoint import Endpoint
    from virtrigaud_secrets.credentials.libvirt import LibvirtCredentials
    from virtrigaud_secrets.credentials.proxmox import ProxmoxCredentials
    from virtrigaud_secrets.credentials.rotating_tls import (
        rotating_client_context,
        rotating_grpc_server_credentials,
        rotating_server_context,
    )
    from virtrigaud_secrets.credentials.s3 import S3Credentials
    from virtrigaud_secrets.credentials.ssh import SshLogin
    from virtrigaud_secrets.credentials.tls import TLSCredentials
    from virtrigaud_secrets.credentials.vsphere import VSphereCredentials

_HOMES: Final = {
    "Arguments": "base",
    "Credentials": "base",
    "Endpoint": "endpoint",
    "LibvirtCredentials": "libvirt",
    "ProxmoxCredentials": "proxmox",
    "S3Credentials": "s3",
    "SshLogin": "ssh",
    "TLSCredentials": "tls",
    "VSphereCredentials": "vsphere",
    "rotating_client_context": "rotating_tls",
    "rotating_grpc_server_credentials": "rotating_tls",
    "rotating_server_context": "rotating_tls",
}
"""Public name → module that defines it."""

__all__ = [
    "Arguments",
    "Credentials",
    "Endpoint",
    "LibvirtCredentials",
    "ProxmoxCredentials",
    "S3Credentials",
    "SshLogin",
    "TLSCredentials",
    "VSphereCredentials",
    "rotating_client_context",
    "rotating_grpc_server_credentials",
    "rotating_server_context",
]


__getattr__, __dir__ = lazily(__name__, _HOMES, public=__all__)
