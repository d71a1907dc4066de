"""The one thread that waits for what is due. Decides nothing and sends nothing: it calls `step`."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from typing import Final

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import forget_locals

LONGEST_WAIT: Final = 30.0
"""Seconds between two looks at the clocks: a wait does not count suspended time."""
AFTER_A_FAULT: Final = 1.0
"""Seconds until the next step after one that raised."""

_log = logging.getLogger("virtrigaud_secrets")


class Scheduler:
    """Calls `step` whenever something is due. Its thread is a convenience: whoever asks checks deadlines."""

    def __init__(self, clock: Clock, step: Callable[[], float]) -> None:
        """No thread yet.

        Args:
            clock: time.
            step: does what is due and gives when the next is, on the clock that never steps.
        """
        self._clock = clock
        self._step = step
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._woken = False
        self._closed = False
        self.stepped_at = -math.inf
        """When `step` was done last, on the clock that never steps."""

    @property
    def running(self) -> bool:
        """Whether the thread runs."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    @property
    def started(self) -> bool:
        """Whether it was ever needed."""
        return self._thread is not None

    def is_well(self, now: float) -> bool:
        """Whether the thread runs and looked at the clocks lately."""
        return self.running and now - self.stepped_at < 2 * LONGEST_WAIT

    def start(self) -> None:
        """Start the thread unless it runs. Where the interpreter ends and starts none, nothing happens."""
        if self.running:
            return
        with self._changed:
            if self._closed or self.running:
                return
            self.stepped_at = self._clock.elapsed()
            thread = threading.Thread(target=self._run, name="virtrigaud-secrets-scheduler", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return
            self._thread = thread

    def wake(self) -> None:
        """Something may be due sooner than was known."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """Step no more. What a step began is not waited for."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        while not self._closed:
            due_at = self._stepped()
            with self._changed:
                seconds = min(due_at - self._clock.elapsed(), LONGEST_WAIT)
                if seconds > 0 and not self._woken and not self._closed:
                    self._clock.wait(self._changed, seconds)
                self._woken = False

    def _stepped(self) -> float:
        try:
            due_at = self._step()
        except Exception as error:  # noqa: BLE001  # leases are renewed by the steps after it
            forget_locals(error)
            _log.error("a step of the scheduler raised %s; it goes on", type(error).__name__)
            return self._clock.elapsed() + AFTER_A_FAULT
        self.stepped_at = self._clock.elapsed()
        return due_at
