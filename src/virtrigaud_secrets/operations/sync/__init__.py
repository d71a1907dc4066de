"""Writes the target Secrets of a cluster's ExternalSecrets, in place of ESO's controller.

`Sync` puts the parts together. Decisions (`queue`, `election`, `inventory`, `status`) are apart from what asks the
cluster (`reflector`, `elector`, `recorder`), and both from the work on one ExternalSecret (`reconciler`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from virtrigaud_secrets.operations.sync.controller import Sync
    from virtrigaud_secrets.operations.sync.options import SyncOptions

__all__ = ["Sync", "SyncOptions"]

_HOMES: Final = {"Sync": "controller", "SyncOptions": "options"}
"""Public name → module that defines it."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
