"""Hands a bundle to others: as files, as variables of a child, to an ssh-agent, as a Kubernetes Secret.

All can follow a subscription.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.lazy import lazily

if TYPE_CHECKING:
    from virtrigaud_secrets.delivery.cluster import ClusterSecret
    from virtrigaud_secrets.delivery.directory import Directory
    from virtrigaud_secrets.delivery.environment import Environment, Variables
    from virtrigaud_secrets.delivery.places import PrivateDirectory
    from virtrigaud_secrets.delivery.process import Execution
    from virtrigaud_secrets.delivery.secret_target import SecretTarget
    from virtrigaud_secrets.delivery.ssh_agent import SshAgent
    from virtrigaud_secrets.delivery.ssh_files import SshFiles

__all__ = [
    "ClusterSecret",
    "Directory",
    "Environment",
    "Execution",
    "PrivateDirectory",
    "SecretTarget",
    "SshAgent",
    "SshFiles",
    "Variables",
]

_HOMES: Final = {
    "ClusterSecret": "cluster",
    "Directory": "directory",
    "Environment": "environment",
    "Execution": "process",
    "PrivateDirectory": "places",
    "SecretTarget": "secret_target",
    "SshAgent": "ssh_agent",
    "SshFiles": "ssh_files",
    "Variables": "environment",
}
"""Public name → module that defines it."""


__getattr__, __dir__ = lazily(__name__, _HOMES, public=__all__)
