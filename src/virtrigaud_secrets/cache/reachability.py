"""Which stores answered when they were last asked."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from virtrigaud_secrets.errors import StoreSealedError, StoreUnavailableError
from virtrigaud_secrets.stores.base import StoreKey


class Reachability:
    """Remembers it by store. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered: dict[StoreKey, bool] = {}

    def note(self, store: StoreKey, outcome: object) -> None:
        """Take note of what became of a request. A refusal is an answer too; a sealed store gives none."""
        answered = not isinstance(outcome, StoreUnavailableError | StoreSealedError)
        with self._lock:
            self._answered[store] = answered

    def stores(self) -> Mapping[StoreKey, bool]:
        """Every store that was asked, and whether it answered the last time."""
        with self._lock:
            return dict(self._answered)
