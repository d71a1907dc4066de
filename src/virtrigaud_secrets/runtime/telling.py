"""From what the core or keeper says happened to the event that observers are given. No value is in either."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from datetime import datetime

from virtrigaud_secrets.cache.entries import SecretName
from virtrigaud_secrets.events import Event, EventKind, Observer
from virtrigaud_secrets.leases.actions import Happened
from virtrigaud_secrets.runtime.notices import Notice, Notices
from virtrigaud_secrets.stores.base import Fetch


def event_of(happened: Happened, name: SecretName | None, *, at: datetime) -> Event:
    """The event for one ExternalSecret; None for what concerns none."""
    fetch = happened.key if isinstance(happened.key, Fetch) else None
    store = happened.store if fetch is None else fetch.store
    remaining = happened.remaining
    return Event(
        kind=happened.kind,
        at=at,
        name=name.name if name is not None else "",
        namespace=name.namespace if name is not None else "",
        store=str(store) if store is not None else "",
        path=fetch.key if fetch is not None else "",
        lease=hashlib.sha256(happened.lease_id.encode()).hexdigest()[:12] if happened.lease_id else "",
        remaining=remaining if remaining is not None and math.isfinite(remaining) else None,
        attempt=happened.attempt,
        reason=happened.reason,
    )


def tell_observers(
    observers: Iterable[Observer], notices: Notices, happened: Happened, name: SecretName | None, *, at: datetime
) -> None:
    """Have each observer told, on the notices' thread."""
    event = event_of(happened, name, at=at)
    for observer in observers:
        notices.post(Notice(_call(observer, event), "an observer", droppable=event.kind is EventKind.RENEWED))


def _call(observer: Observer, event: Event) -> Callable[[], None]:
    return lambda: observer.on_event(event)
