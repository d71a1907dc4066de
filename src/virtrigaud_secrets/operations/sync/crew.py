"""The threads that look at ExternalSecrets while this process leads: a bounded number, each key on one at a time."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import ClosedError, forget_locals
from virtrigaud_secrets.operations.sync.queue import Ticket, WorkQueue
from virtrigaud_secrets.operations.sync.reconciler import Look

if TYPE_CHECKING:
    from virtrigaud_secrets.clock import Clock
    from virtrigaud_secrets.operations.sync.inventory import Key

LONGEST_WAIT: Final = 1.0
"""Seconds between two looks of an idle worker at the queue: leading begins and ends without a notice."""

AFTER_CLOSING: Final = 1.0
"""Seconds before another look after one that met a resolver which was just closed for a new one."""

_log: Final = logging.getLogger("virtrigaud_secrets.sync")


class Crew:
    """A queue and those who work it off."""

    def __init__(
        self, look: Callable[[Key, float], Look], *, leads: Callable[[], bool], size: int, clock: Clock
    ) -> None:
        """Nobody works yet.

        Args:
            look: works on one key.
            leads: whether there is work to do for this process.
            size: threads.
            clock: time.
        """
        self._look = look
        self._leads = leads
        self._clock = clock
        self._changed = threading.Condition()
        self._queue: WorkQueue[Key] = WorkQueue()
        self._ended = False
        self._threads = [
            threading.Thread(target=self._work, name="virtrigaud-secrets-sync", daemon=True) for _ in range(size)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def enqueue(self, keys: Iterable[Key]) -> None:
        """Have keys looked at as soon as may be."""
        now = self._clock.elapsed()
        with self._changed:
            for key in keys:
                self._queue.add(key, now)
            self._changed.notify_all()

    def waiting(self) -> int:
        """How many keys wait for their turn or their time, or are being looked at."""
        with self._changed:
            return len(self._queue)

    def end(self, grace: float) -> None:
        """Take up nothing more, and wait so many seconds for what is under way."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        until = self._clock.elapsed() + grace
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(until - self._clock.elapsed(), 0.0))

    def work_one(self, ticket: Ticket[Key]) -> None:
        """Look at one key, and note when it is to be looked at again."""
        try:
            look = self._look(ticket.key, ticket.due)
        except ClosedError:
            look = Look(self._clock.elapsed() + AFTER_CLOSING)
        except Exception as error:  # noqa: BLE001  # one manifest must not end the work on all others
            forget_locals(error)
            # The text of a foreign error may hold anything, so only its type is told.
            _log.error("defect in the sync of ExternalSecret %s/%s: %s", *ticket.key, type(error).__name__)
            look = Look(failed=True, retry=True)
        with self._changed:
            self._queue.done(ticket.key)
            if look.retry:
                self._queue.retry(ticket.key, self._clock.elapsed())
                return
            if not look.failed:
                self._queue.succeeded(ticket.key)
            if look.next_at < math.inf:
                self._queue.add(ticket.key, look.next_at)

    def take(self) -> Ticket[Key] | None:
        """What is due now, if there is anything for this process."""
        with self._changed:
            return None if self._ended or not self._leads() else self._queue.take(self._clock.elapsed())

    def _work(self) -> None:
        while True:
            ticket = self.take()
            if ticket is not None:
                self.work_one(ticket)
                continue
            with self._changed:
                if self._ended:
                    return
                left = self._queue.next_at() - self._clock.elapsed()
                if left > 0:
                    self._clock.wait(self._changed, min(left, LONGEST_WAIT))
                elif not self._leads():
                    self._clock.wait(self._changed, LONGEST_WAIT)
