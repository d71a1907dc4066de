"""Tells observers and callbacks, on one thread of their own: who is slow or raises holds nobody up."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

LIMIT: Final = 1000
"""Notices that wait. Beyond it the oldest that may be left out goes, and then the oldest."""

_log = logging.getLogger("virtrigaud_secrets")


@dataclass(frozen=True, slots=True)
class Notice:
    """One call to make."""

    call: Callable[[], None]
    """The call."""
    what: str
    """What it is, for the log; holds no value."""
    droppable: bool = False
    """Whether it is no loss where there are too many, such as one renewal of many."""


class Notices:
    """Makes calls in the order in which they were posted. Its thread starts with the first."""

    def __init__(self) -> None:
        self._waiting: deque[Notice] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._busy = False
        self._closed = False
        self.dropped = 0
        """Notices that were left out."""

    def post(self, notice: Notice) -> None:
        """Make a call soon. Never waits, never raises."""
        with self._changed:
            if self._closed:
                return
            if len(self._waiting) >= LIMIT:
                self._make_room()
            self._waiting.append(notice)
            if self._thread is None:
                self._thread = self._started()
            self._changed.notify_all()

    def drain(self, timeout: float) -> bool:
        """Wait until every call was made; False if that took longer than `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def close(self) -> None:
        """Make the calls that wait, and no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _started(self) -> threading.Thread | None:
        thread = threading.Thread(target=self._work, name="virtrigaud-secrets-notices", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The interpreter ends: there is nobody left to be told.
            self._waiting.clear()
            return None
        return thread

    def _make_room(self) -> None:
        victim = next((notice for notice in self._waiting if notice.droppable), self._waiting[0])
        self._waiting.remove(victim)
        self.dropped += 1

    def _work(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                while not self._waiting:
                    if self._closed:
                        return
                    self._changed.wait()
                notice = self._waiting.popleft()
                self._busy = True
            try:
                notice.call()
            except BaseException as error:  # noqa: BLE001  # theirs, whatever it is: SystemExit would end all telling
                # Not the traceback: a callback's frames hold what it was given.
                _log.error("%s raised %s; it was told and is passed over", notice.what, type(error).__name__)
            del notice
