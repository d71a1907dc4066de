"""What an operator runs beside the providers, by hand, by cron or in the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.lazy import lazily

if TYPE_CHECKING:
    from virtrigaud_secrets.operations.diagnosis import Diagnosis, DoctorReport, Level
    from virtrigaud_secrets.operations.doctor import examine
    from virtrigaud_secrets.operations.emergency import Emergency
    from virtrigaud_secrets.operations.emergency_state import LostRevocation, StateFile
    from virtrigaud_secrets.operations.http_endpoint import HttpEndpoint
    from virtrigaud_secrets.operations.managed_secrets import ProviderRule
    from virtrigaud_secrets.operations.monitor import Monitor
    from virtrigaud_secrets.operations.outcomes import Item, OperationReport, Outcome, Step
    from virtrigaud_secrets.operations.rotation import Scope, rotate
    from virtrigaud_secrets.operations.sync import Sync, SyncOptions

__all__ = [
    "Diagnosis",
    "DoctorReport",
    "Emergency",
    "HttpEndpoint",
    "Item",
    "Level",
    "LostRevocation",
    "Monitor",
    "OperationReport",
    "Outcome",
    "ProviderRule",
    "Scope",
    "StateFile",
    "Step",
    "Sync",
    "SyncOptions",
    "examine",
    "rotate",
]

_HOMES: Final = {
    "Diagnosis": "diagnosis",
    "DoctorReport": "diagnosis",
    "Level": "diagnosis",
    "examine": "doctor",
    "Emergency": "emergency",
    "LostRevocation": "emergency_state",
    "StateFile": "emergency_state",
    "HttpEndpoint": "http_endpoint",
    "Item": "outcomes",
    "Monitor": "monitor",
    "OperationReport": "outcomes",
    "Outcome": "outcomes",
    "ProviderRule": "managed_secrets",
    "Scope": "rotation",
    "Step": "outcomes",
    "Sync": "sync",
    "SyncOptions": "sync",
    "rotate": "rotation",
}
"""Public name → module that defines it."""


__getattr__, __dir__ = lazily(__name__, _HOMES, public=__all__)
