"""A model of a Vault server on a clock that is only counted, and a driver that lets the lease core live against it.

A simulated day takes seconds. The server answers as OpenBao does. Nothing here waits, or opens a connection.
"""

from __future__ import annotations

from virtrigaud_secrets.testing.simulation.server import Fault, Refused, Role, SimulatedVault, TokenRole
from virtrigaud_secrets.testing.simulation.world import World

__all__ = ["Fault", "Refused", "Role", "SimulatedVault", "TokenRole", "World"]
