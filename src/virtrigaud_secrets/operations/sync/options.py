"""`SyncOptions`: what an administrator decides about a sync."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.operations.sync.election import Terms

CONTROLLER_CLASS: Final = "virtrigaud-secrets"
"""Class of stores that are ours: ESO takes those with its own class and those without any."""

LEASE_NAME: Final = "virtrigaud-secrets-sync"
"""Name of the `Lease` by which the leader is elected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """What is synced, and how."""

    namespaces: tuple[str, ...] = ()
    """Namespaces whose ExternalSecrets are synced; none means all."""
    controller_class: str = CONTROLLER_CLASS
    """Stores with this `spec.controller` are ours, and ExternalSecrets all of whose stores are. `default` takes the
    place of ESO, and then stores without a class are ours too: ESO must not run at the same time."""
    store_namespaces: tuple[str, ...] = ()
    """Namespaces in which a SecretStore is sought that is not in the ExternalSecret's own. ESO has none: everybody who
    may make an ExternalSecret anywhere can read through a store in one of these."""
    concurrency: int = 4
    """ExternalSecrets worked on at a time."""
    leader_election: bool = True
    """Whether to write only while holding the `Lease`. Without it, no second process may run."""
    lease_name: str = LEASE_NAME
    """Name of that Lease."""
    lease_namespace: str = ""
    """Its namespace; empty for that of the pod, outside of a cluster `default`."""
    identity: str = ""
    """This process's name in the Lease, which no other has; empty for one made of host name and chance."""
    terms: Terms = field(default_factory=Terms)
    """How long the election's parts take."""

    def __post_init__(self) -> None:
        """Check.

        Raises:
            ConfigurationError: something cannot work.
        """
        if self.concurrency < 1:
            raise ConfigurationError("concurrency must be at least 1")
        if not self.controller_class:
            raise ConfigurationError(
                "controller_class cannot be empty: name a class of your own, or default to take the place of ESO"
            )
