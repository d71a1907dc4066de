"""Child processes in a private directory that are gone, with the directory, however this process ends.

Knows nothing of any server; which program runs and how to tell that it is ready is said by its module.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import LocalServerError

STOP_TIMEOUT: Final = timedelta(seconds=10)
"""How long a server may take to end before it is killed. A slow machine under load needs a few seconds."""
FIRST_PAUSE: Final = timedelta(milliseconds=5)
"""Wait between the first two looks at whether a server is ready: the fastest is up in a tenth of a second."""
LONGEST_PAUSE: Final = timedelta(milliseconds=100)
"""Wait between later looks."""
LOG_TAIL_LINES: Final = 12
"""How much of a server's log an error shows: enough for the reason, which comes last."""
PORT_ATTEMPTS: Final = 5
"""How often a server is started again because somebody else took its port in between."""

BASE_ENVIRONMENT: Final = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What a server inherits. Nothing else: no token, no proxy, no locale."""


_DEBIAN: Final = Path("/usr/sbin")
"""Where Debian keeps servers: not on the PATH of everybody."""
_ANY_PROGRAM: Final = "/bin/true" if Path("/bin/true").exists() else "/usr/bin/true"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of this machine to run a program as."""

    name: str
    """Its name."""
    uid: int
    """Its number."""
    gid: int
    """Its group."""

    def can_be_used(self) -> bool:
        """Whether this process can run programs as that account."""
        return _succeeds([_ANY_PROGRAM], user=self.uid, group=self.gid, extra_groups=[])


def free_port() -> int:
    """A port of the loopback interface that nobody uses now. Somebody may take it before you do: be ready to retry."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Workspace:
    """A private temporary directory and the processes that run in it.

    Leaving the `with` block ends the processes and removes the directory. So does the end of this process, whether
    by an exception, a signal or SIGKILL: a guard process watches for it. Safe to use from several threads.
    """

    def __init__(self, *, account: Account | None = None) -> None:
        """Make the directory.

        Args:
            account: who may look into it besides root; None for who runs this.

        Raises:
            LocalServerError: the directory cannot be made, or `account` could not reach it.
        """
        parent = None if account is None else _parent_open_to_all()
        try:
            self.path: Final = Path(tempfile.mkdtemp(prefix="virtrigaud-secrets-", dir=parent)).resolve()
        except OSError as error:
            raise LocalServerError(f"no temporary directory can be made: {error.strerror}") from error
        if account is not None:
            self._give_to(account)
        self._account: Final = account
        self._lock: Final = threading.Lock()
        self._owner: Final = os.getpid()
        self._processes: list[ServerProcess] = []
        self._closed = False
        self._guard: Final = subprocess.Popen(  # noqa: S603  # this interpreter and a file of this package
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")), str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def write(self, name: str, data: bytes | str) -> Path:
        """Write a file that only the directory's owner can read, and return where."""
        path = self.path / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if self._account is not None:
                os.fchown(descriptor, self._account.uid, self._account.gid)
            file.write(data.encode() if isinstance(data, str) else data)
        return path

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> ServerProcess:
        """Start a program in the directory, with its output in `<name>.log` there.

        Args:
            name: what errors call it.
            command: program and arguments. Never a secret: every user of the machine sees arguments.
            environment: variables besides `BASE_ENVIRONMENT`.
            stop_signal: what ends it in an orderly way.

        Raises:
            LocalServerError: the program cannot be run.
        """
        with self._lock:
            if self._closed:
                raise LocalServerError(f"{name} cannot start: its directory was removed")
            process = ServerProcess(
                name,
                self._spawn(name, command, environment or {}),
                log=self.path / f"{name}.log",
                stop_signal=stop_signal,
                on_end=self._forget,
            )
            self._processes.append(process)
            self._tell(f"watch {process.pid} {int(stop_signal)}")
        return process

    def run(self, name: str, command: Sequence[str | Path], *, timeout: timedelta) -> None:
        """Run a program to its end.

        Raises:
            LocalServerError: it cannot be run, fails, or takes longer than `timeout`.
        """
        process = self.start(name, command)
        try:
            status = process.wait(timeout)
        finally:
            process.stop()
        if status is None:
            raise LocalServerError(f"{name} did not finish within {timeout.total_seconds():.0f} s{process.log_tail()}")
        if status != 0:
            raise LocalServerError(f"{name} failed with status {status}{process.log_tail()}")

    def close(self) -> None:
        """End every process and remove the directory. The second call does nothing, nor does one in a forked child."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            if self._closed:
                return
            self._closed = True
            processes = list(reversed(self._processes))
        try:
            for process in processes:
                process.stop()
        finally:
            self._dismiss_guard()

    def _give_to(self, account: Account) -> None:
        try:
            os.chown(self.path, account.uid, account.gid)
        except OSError as error:
            self.path.rmdir()
            raise LocalServerError(f"a directory cannot be given to {account.name}: {error.strerror}") from error

    def _dismiss_guard(self) -> None:
        if self._guard.stdin is not None:
            with suppress(OSError):
                self._guard.stdin.close()
        try:
            self._guard.wait(STOP_TIMEOUT.total_seconds())
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        shutil.rmtree(self.path, ignore_errors=True)  # for the case that somebody killed the guard

    def _spawn(
        self, name: str, command: Sequence[str | Path], environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        inherited = {key: os.environ[key] for key in BASE_ENVIRONMENT if key in os.environ}
        log = self.write(f"{name}.log", b"")
        with log.open("ab") as output:
            try:
                return subprocess.Popen(  # noqa: S603  # programs are chosen by this package, no shell
                    [str(part) for part in command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self.path,
                    env={**inherited, "HOME": str(self.path), "LC_ALL": "C", **environment},
                    start_new_session=True,
                    user=None if self._account is None else self._account.uid,
                    group=None if self._account is None else self._account.gid,
                    extra_groups=None if self._account is None else [],
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise LocalServerError(f"{name} cannot be run: {error}") from error

    def _forget(self, process: ServerProcess) -> None:
        self._processes = [other for other in self._processes if other is not process]
        self._tell(f"forget {process.pid}")

    def _tell(self, order: str) -> None:
        if self._guard.stdin is not None:
            with suppress(OSError, ValueError):  # a guard that was killed cannot help; `close` still does
                self._guard.stdin.write(order.encode() + b"\n")
                self._guard.stdin.flush()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


class ServerProcess:
    """A running program of a `Workspace`."""

    def __init__(
        self,
        name: str,
        process: subprocess.Popen[bytes],
        *,
        log: Path,
        stop_signal: signal.Signals,
        on_end: Callable[[ServerProcess], None],
        clock: Clock | None = None,
    ) -> None:
        self.name: Final = name
        """What errors call it."""
        self.log: Final = log
        """File with everything it printed."""
        self._process: Final = process
        self._stop_signal: Final = stop_signal
        self._on_end: Final = on_end
        self._clock: Final[Clock] = clock or SystemClock()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait(self, timeout: timedelta) -> int | None:
        """Its exit status, or None if it still runs after `timeout`."""
        try:
            return self._process.wait(timeout.total_seconds())
        except subprocess.TimeoutExpired:
            return None

    def wait_until(self, ready: Callable[[], bool], *, timeout: timedelta) -> None:
        """Wait until `ready()`.

        Raises:
            LocalServerError: the process ended, or `timeout` passed; with the end of its log.
        """
        deadline = self._clock.elapsed() + timeout.total_seconds()
        pause = FIRST_PAUSE
        while not ready():
            status = self.wait(pause)
            if status is not None:
                raise LocalServerError(f"{self.name} ended with status {status}{self.log_tail()}")
            if self._clock.elapsed() > deadline:
                raise LocalServerError(
                    f"{self.name} is not ready after {timeout.total_seconds():.0f} s{self.log_tail()}"
                )
            pause = min(pause * 2, LONGEST_PAUSE)

    def freeze(self) -> None:
        """Stop it in its tracks: it accepts connections and never answers."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it in an orderly way, by force if it takes too long. Does nothing if it ended already."""
        if self._process.poll() is None:
            self.thaw()
            self._process.send_signal(self._stop_signal)
            if self.wait(STOP_TIMEOUT) is None:
                self.kill()
        self._on_end(self)

    def kill(self) -> None:
        """End it and its children at once, as a crash would."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._on_end(self)

    def log_tail(self) -> str:
        """The end of its log, indented, to be put behind an error's message."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return "".join(f"\n  {line}" for line in lines[-LOG_TAIL_LINES:])

    def logged(self, text: str) -> bool:
        """Whether it printed `text`."""
        try:
            return text in self.log.read_text(errors="replace")
        except OSError:
            return False


class WorkspaceServer(ABC):
    """A server of processes in a workspace of its own, from `with` to the end of the block."""

    title: ClassVar[str]
    """What it is, for errors."""

    def __init__(self) -> None:
        """Nothing is started yet."""
        self._running_in: Workspace | None = None

    @property
    def workspace(self) -> Workspace:
        """Where it runs.

        Raises:
            LocalServerError: it was not started.
        """
        if self._running_in is None:
            raise LocalServerError(f"{self.title} is not running: use it in a with block")
        return self._running_in

    @abstractmethod
    def launch(self, workspace: Workspace) -> None:
        """Start its processes and wait until it listens. What fails is cleared up by `start`.

        Raises:
            LocalServerError: there is no program, or it fails; with the end of its log.
        """

    def start(self) -> Self:
        """Start it.

        Raises:
            LocalServerError: there is no program, or it fails; with the end of its log.
        """
        self._running_in = Workspace()
        try:
            self.launch(self._running_in)
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Stop it and remove all its files. The second call does nothing."""
        if self._running_in is not None:
            self._running_in.close()

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def listens(port: int) -> bool:
    """Whether somebody does on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def on_a_free_port(start: Callable[[int], ServerProcess], *, timeout: timedelta) -> int:
    """Start a server on a free port, again where somebody else took it in between, and return the port.

    Args:
        start: starts it on the port that it is given.
        timeout: for it to listen.

    Raises:
        LocalServerError: it ended, or does not listen in time; with the end of its log.
    """
    for attempt in range(PORT_ATTEMPTS):
        port = free_port()
        process = start(port)
        try:
            process.wait_until(partial(listens, port), timeout=timeout)
        except LocalServerError:
            if process.logged("Address already in use") and attempt + 1 < PORT_ATTEMPTS:
                continue
            raise
        return port
    raise LocalServerError("no port was left")


def find_program(name: str, *, given: Path | None = None) -> Path | None:
    """The program `given`; else that of this name on the PATH, or among those of Debian's servers."""
    if given is not None:
        return given if os.access(given, os.X_OK) else None
    found = shutil.which(name)
    place = Path(found) if found is not None else _DEBIAN / name
    return place if os.access(place, os.X_OK) else None


def not_root_command() -> list[str]:
    """What to put before a command so that it takes itself for another user than root; empty where that fails."""
    command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("not_root.py"))]
    return command if _succeeds([*command, _ANY_PROGRAM]) else []


def _succeeds(
    command: Sequence[str],
    *,
    user: int | None = None,
    group: int | None = None,
    extra_groups: Sequence[int] | None = None,
) -> bool:
    quiet = subprocess.DEVNULL
    try:
        return not subprocess.call(  # noqa: S603  # programs are chosen by this module, no shell
            command, stdin=quiet, stdout=quiet, stderr=quiet, cwd="/", user=user, group=group, extra_groups=extra_groups
        )
    except (OSError, subprocess.SubprocessError):
        return False


def _parent_open_to_all() -> Path:
    candidates = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108  # a private directory is made in it
    for candidate in candidates:
        place = candidate.resolve()
        if place.is_dir() and all(step.stat().st_mode & 0o001 for step in (place, *place.parents)):
            return place
    raise LocalServerError("no temporary directory is open to the account that the server must run as")
