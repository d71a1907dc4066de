"""Writes the target Secrets of a cluster's ExternalSecrets, in place of ESO's controller.

`Sync` puts the parts together. Decisions (`queue`, `election`, `inventory`, `status`) are apart from what asks the
cluster (`reflector`, `elector`, `recorder`), and both from the work on one ExternalSecret (`reconciler`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.lazy import lazily

if TYPE_CHECKING:
    from virtrigaud_secrets.operations.sync.controller import Sync
    from virtrigaud_secrets.operations.sync.options import SyncOptions

__all__ = ["Sync", "SyncOptions"]

_HOMES: Final = {"Sync": "controller", "SyncOptions": "options"}
"""Public name → module that defines it."""


__getattr__, __dir__ = lazily(__name__, _HOMES, public=__all__)
