"""Events as log records. An event holds no value, and so does no record."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from virtrigaud_secrets.events import Event, EventKind

LEVELS: Final[Mapping[EventKind, int]] = {
    EventKind.ERROR: logging.WARNING,
    EventKind.LOST: logging.WARNING,
    EventKind.EXPIRED: logging.ERROR,
    EventKind.STALE_SERVED: logging.WARNING,
    EventKind.TOKEN_LOST: logging.WARNING,
    EventKind.JUMPED: logging.WARNING,
    EventKind.RENEWED: logging.DEBUG,
    EventKind.REFRESHED: logging.DEBUG,
    EventKind.TOKEN_RENEWED: logging.DEBUG,
}
"""Kind of event → level; INFO for the rest."""


class EventLog:
    """An observer that logs every event.

    ```python
    resolver.observe(EventLog())
    ```
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        """Log to `logger`, by default that of `virtrigaud_secrets`."""
        self._log = logger or logging.getLogger("virtrigaud_secrets")

    def on_event(self, event: Event) -> None:
        """Log one event. Its fields are the record's attribute `event` as well."""
        level = LEVELS.get(event.kind, logging.INFO)
        if self._log.isEnabledFor(level):
            self._log.log(level, "%s", text_of(event), extra={"event": event})


def text_of(event: Event) -> str:
    """An event as one line: `kind namespace/name: path, lease, what is left, why`."""
    subject = f"{event.namespace}/{event.name}" if event.name else event.store
    facts = [
        event.path,
        f"lease {event.lease}" if event.lease else "",
        f"{event.remaining:.1f} s left" if event.remaining is not None else "",
        f"attempt {event.attempt}" if event.attempt else "",
        event.reason,
    ]
    said = ", ".join(filter(None, facts))
    return f"{event.kind} {subject}".strip() + (f": {said}" if said else "")
