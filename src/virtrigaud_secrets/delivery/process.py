"""Runs a program with secrets in files or variables, and signals or restarts it when they rotate."""

from __future__ import annotations

import logging
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from virtrigaud_secrets.delivery.directory import Directory
from virtrigaud_secrets.delivery.environment import Environment, Variables
from virtrigaud_secrets.delivery.following import follow
from virtrigaud_secrets.errors import ConfigurationError, SecretsError, forget_locals
from virtrigaud_secrets.settings import inherited_environment

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle
    from virtrigaud_secrets.runtime.subscription import Subscription

STOP_TIMEOUT: Final = timedelta(seconds=30)
"""How long a program may take to end before it is killed: a pod's grace period."""

_PASSED_ON: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT)
"""Signals to this process that are meant for the program it runs."""

_log = logging.getLogger("virtrigaud_secrets")


@dataclass(frozen=True, slots=True)
class _Rotated:
    """There is a new bundle."""


@dataclass(frozen=True, slots=True)
class _Ended:
    child: subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class _Signalled:
    number: int


_Event = _Rotated | _Ended | _Signalled


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A program and how it gets its secrets.

    ```python
    with Directory("/run/credentials") as directory:
        execution = Execution(command=["/provider"], directory=directory, on_rotation=signal.SIGHUP)
        sys.exit(execution.run(subscription))
    ```
    """

    command: Sequence[str]
    """Program and arguments. Never a secret: every user of the machine sees arguments."""
    directory: Directory | None = None
    """Where to put the secrets as files, before the program starts and at every rotation."""
    environment: Environment | None = None
    """How to put them into the program's variables, beside those of this process."""
    on_rotation: Literal["restart"] | signal.Signals = "restart"
    """What to do when a secret rotated: end the program and start it again, or send it a signal."""
    stop_signal: signal.Signals = signal.SIGTERM
    """What ends the program in an orderly way."""
    stop_timeout: timedelta = STOP_TIMEOUT
    """How long that may take before it is killed."""
    base_environment: Mapping[str, str] | None = field(default=None, repr=False)
    """The program's other variables; None for those of this process."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ConfigurationError: no command, nowhere to put the secrets, or a signal that would leave old variables.
        """
        if not self.command:
            raise ConfigurationError("there is no command to run")
        if self.directory is None and self.environment is None:
            raise ConfigurationError("the secrets go nowhere: give a directory, an environment, or both")
        if self.environment is not None and self.on_rotation != "restart":
            raise ConfigurationError(
                "a signal does not change the variables of a running program: restart it, or use files"
            )

    def run(self, subscription: Subscription[Bundle]) -> int:
        """Run the program until it ends by itself, and return its status: -N where signal N ended it.

        Signals to this process that a program expects (`SIGTERM`, `SIGHUP`, `SIGINT`, `SIGUSR1`, `SIGUSR2`) are passed
        on, if this is the main thread. However this ends, the program has ended before.

        Raises:
            SecretsError: there is nothing valid to begin with, or it cannot be delivered.
            ConfigurationError: the program cannot be run.
        """
        try:
            return self._run(subscription)
        except BaseException as error:
            forget_locals(error)
            raise

    def _run(self, subscription: Subscription[Bundle]) -> int:
        events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        latest: list[Bundle] = []

        def rotated(bundle: Bundle) -> None:
            latest[:] = [bundle]
            events.put(_Rotated())

        end = follow(subscription, rotated, what=f"what {self.command[0]} is given")
        child: subprocess.Popen[bytes] | None = None
        delivered: Bundle | None = None
        try:
            with _passing_on(events):
                while True:
                    match events.get():
                        case _Ended(ended) if ended is child:
                            return ended.returncode
                        case _Signalled(number) if child is None:
                            return -number
                        case _Signalled(number) if child is not None:
                            child.send_signal(number)
                        case _Rotated() if delivered != latest[0]:
                            # Of several rotations while a program was ended, the last one counts.
                            delivered = latest[0]
                            child = self._renewed(child, delivered, events)
                        case _:
                            continue
        finally:
            end()
            if child is not None:
                self._stop(child)

    def _renewed(
        self, child: subprocess.Popen[bytes] | None, bundle: Bundle, events: queue.SimpleQueue[_Event]
    ) -> subprocess.Popen[bytes]:
        """Deliver, then start the program, signal it or start it again."""
        try:
            variables = Variables() if self.environment is None else self.environment.variables(bundle)
            if self.directory is not None:
                self.directory.write(bundle)
        except (SecretsError, OSError) as error:
            if child is None:
                raise
            forget_locals(error)
            reason = error if isinstance(error, SecretsError) else error.strerror
            _log.warning("%s goes on with the secrets it has: %s", self.command[0], reason)
            return child
        if child is not None and self.on_rotation != "restart":
            child.send_signal(self.on_rotation)
            return child
        if child is not None:
            self._stop(child)
        return self._start(variables, events)

    def _start(self, variables: Variables, events: queue.SimpleQueue[_Event]) -> subprocess.Popen[bytes]:
        base = inherited_environment() if self.base_environment is None else self.base_environment
        try:
            whole = Variables({**base, **variables})
            child = subprocess.Popen(list(self.command), env=whole)  # noqa: S603  # the caller's program, no shell
        except OSError as error:
            raise ConfigurationError(f"{self.command[0]} cannot be run: {error.strerror}") from None

        def wait() -> None:
            child.wait()
            events.put(_Ended(child))

        threading.Thread(target=wait, name="virtrigaud-secrets-child", daemon=True).start()
        return child

    def _stop(self, child: subprocess.Popen[bytes]) -> None:
        if child.poll() is None:
            child.send_signal(self.stop_signal)
            try:
                child.wait(self.stop_timeout.total_seconds())
            except subprocess.TimeoutExpired:
                child.kill()
        child.wait()


@contextmanager
def _passing_on(events: queue.SimpleQueue[_Event]) -> Generator[None]:
    """Signals to this process become events. Outside the main thread Python can set no handler."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def pass_on(number: int, _frame: object) -> None:
        # A terminal sends Ctrl-C to the program as well.
        if number != signal.SIGINT or not sys.stdin.isatty():
            events.put(_Signalled(number))

    before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
