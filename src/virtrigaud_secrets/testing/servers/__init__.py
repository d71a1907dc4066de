"""Real servers on loopback, for tests and for the demo; each is a context manager that leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.lazy import lazily

if TYPE_CHECKING:
    from virtrigaud_secrets.testing.servers.aws import AWSServices
    from virtrigaud_secrets.testing.servers.fault_proxy import FaultProxy
    from virtrigaud_secrets.testing.servers.key_vault import KeyVault
    from virtrigaud_secrets.testing.servers.kubernetes import KubernetesAPI
    from virtrigaud_secrets.testing.servers.libvirtd import LibvirtDaemon
    from virtrigaud_secrets.testing.servers.openbao import OpenBao
    from virtrigaud_secrets.testing.servers.postgres import PostgreSQL
    from virtrigaud_secrets.testing.servers.proxmox import ProxmoxNode
    from virtrigaud_secrets.testing.servers.secret_manager import SecretManager
    from virtrigaud_secrets.testing.servers.secret_manager_grpc import SecretManagerGrpc
    from virtrigaud_secrets.testing.servers.sshd import SshServer
    from virtrigaud_secrets.testing.servers.token_review import TokenReviewServer
    from virtrigaud_secrets.testing.servers.vcenter import VCenter

__all__ = [
    "AWSServices",
    "FaultProxy",
    "KeyVault",
    "KubernetesAPI",
    "LibvirtDaemon",
    "OpenBao",
    "PostgreSQL",
    "ProxmoxNode",
    "SecretManager",
    "SecretManagerGrpc",
    "SshServer",
    "TokenReviewServer",
    "VCenter",
]

_HOMES: Final = {
    "AWSServices": "aws",
    "KeyVault": "key_vault",
    "FaultProxy": "fault_proxy",
    "KubernetesAPI": "kubernetes",
    "LibvirtDaemon": "libvirtd",
    "OpenBao": "openbao",
    "PostgreSQL": "postgres",
    "ProxmoxNode": "proxmox",
    "SecretManager": "secret_manager",
    "SecretManagerGrpc": "secret_manager_grpc",
    "SshServer": "sshd",
    "TokenReviewServer": "token_review",
    "VCenter": "vcenter",
}

__getattr__, __dir__ = lazily(__name__, _HOMES, public=__all__)
