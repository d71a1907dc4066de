"""What is to be said of a write: condition and events of the ExternalSecret, in ESO's words (ESO §2.11).

Data only: whoever keeps the ExternalSecret's status writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The condition `Ready` of an ExternalSecret."""

    status: Literal["True", "False"]
    """Whether the last attempt worked."""
    reason: str
    """One word of ESO's."""
    message: str
    """A sentence of ESO's. Why something failed is only in the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event about an ExternalSecret."""

    type: Literal["Normal", "Warning"]
    """How grave."""
    reason: str
    """One word of ESO's."""
    message: str
    """What happened. Holds no value."""


SYNCED: Final = Condition(status="True", reason="SecretSynced", message="secret synced")
RETAINED: Final = Condition(
    status="True", reason="SecretSynced", message="secret retained due to DeletionPolicy=Retain"
)
DELETED: Final = Condition(status="True", reason="SecretDeleted", message="secret deleted due to DeletionPolicy=Delete")
MISSING: Final = Condition(
    status="True", reason="SecretMissing", message="secret will not be created due to CreationPolicy=Merge"
)


def _failing(message: str) -> Condition:
    return Condition(status="False", reason="SecretSyncedError", message=message)


NOT_RESOLVED: Final = _failing("could not get secret data from provider")
NOT_DELETED: Final = _failing("could not delete secret")
ORPHANS_LEFT: Final = _failing("could not delete orphaned secrets")
NOT_WRITTEN: Final = _failing("could not update secret")
IMMUTABLE: Final = _failing("could not update secret, target is immutable")
OWNED_BY_ANOTHER_CONTROLLER: Final = _failing("failed to take ownership of target secret")
OWNED_BY_ANOTHER: Final = _failing("target is owned by another ExternalSecret")

CREATION: Final = Event(type="Normal", reason="Created", message="secret created")
UPDATE: Final = Event(type="Normal", reason="Updated", message="secret updated")
DELETION: Final = Event(type="Normal", reason="Deleted", message="secret deleted due to DeletionPolicy=Delete")
ORPHAN_DELETION: Final = Event(type="Normal", reason="Deleted", message="secret deleted because it was orphaned")


def missing_event(place: str) -> Event:
    """The event that says what the stores have nothing for."""
    message = f"secret does not exist at provider using {place}"
    return Event(type="Normal", reason="MissingProviderSecret", message=message)


def failure_event(error: Exception) -> Event:
    """The event that says why something failed."""
    return Event(type="Warning", reason="UpdateFailed", message=str(error))
