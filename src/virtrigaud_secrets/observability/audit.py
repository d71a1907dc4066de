"""`AuditLog`: every access to a secret as a JSON line, written by one thread to a file or a logger.

Nobody who asks for a secret waits for it, and no fault of it reaches them: what cannot be written is counted.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import uuid
import weakref
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.observability.audit_lines import Hasher, encoded, line_of_access, line_of_read
from virtrigaud_secrets.runtime.accesses import SecretAccess, StoreRead
from virtrigaud_secrets.sensitive import Sensitive

LIMIT: Final = 10_000
"""Lines that wait, at most: a second of a very busy process, and a few megabytes."""
BATCH: Final = 500
"""Lines that are written in one piece."""
RETRY_SECONDS: Final = 1.0
"""Between two tries to write where the file cannot be written."""
CLOSE_SECONDS: Final = 5.0
"""What closing waits for lines that wait."""
SHORTEST_SALT: Final = 16
"""Bytes. With a salt that can be guessed, so can be short values."""

_log = logging.getLogger("virtrigaud_secrets")


class _Sink(Protocol):
    def write(self, lines: list[bytes]) -> None:
        """Write lines.

        Raises:
            OSError: none of those that are still in the list is written.
        """
        ...

    def close(self) -> None:
        """Write no more."""
        ...


class AuditLog:
    """An auditor for `Resolver(auditor=…)`.

    ```python
    with AuditLog(Path("secrets.log"), salt=salt) as audit, Resolver(catalog, auditor=audit) as resolver:
        resolver.resolve("vsphere-credentials")
    ```

    A file is opened for appending and is its owner's alone; one that was renamed or removed is begun anew, so that any
    log rotation works without a signal. Several processes may write one file. In a forked child it goes on by itself.
    """

    def __init__(
        self,
        destination: Path | logging.Logger,
        *,
        salt: Sensitive | bytes | None = None,
        limit: int = LIMIT,
    ) -> None:
        """Nothing is opened before the first line.

        Args:
            destination: a file, or a logger that is given each line as a message of level INFO.
            salt: key of the hashes of values, 16 bytes at least, and as secret as the values. None leaves values out.
            limit: lines that may wait to be written.

        Raises:
            ConfigurationError: the salt is too short.
        """
        self._hasher: Hasher | None = None
        if salt is not None:
            known = salt if isinstance(salt, Sensitive) else Sensitive(salt)
            if len(known.reveal()) < SHORTEST_SALT:
                raise ConfigurationError(f"the audit's salt is shorter than {SHORTEST_SALT} bytes")
            self._hasher = Hasher(known)
        self._destination = destination
        self._limit = limit
        self._begin()
        _open.add(self)

    def _begin(self) -> None:
        """No thread and nothing waiting: at the start, and in a forked child, whose parent writes what waited there."""
        self._changed = threading.Condition()
        self._waiting: deque[SecretAccess | StoreRead] = deque()
        self._unwritten: list[bytes] = []
        self._thread: threading.Thread | None = None
        self._closed = False
        self._busy = False
        self._told = False
        self._untold = 0
        self._pid = os.getpid()
        self._sink: _Sink = (
            _LoggerSink(self._destination)
            if isinstance(self._destination, logging.Logger)
            else _FileSink(self._destination)
        )
        self.dropped = 0
        """Lines that could not be written, in this process."""
        self.written = 0
        """Lines that were."""

    def begin_in_child(self) -> None:
        """For this package's own use: in a forked child."""
        self._sink.close()
        self._begin()

    def accessed(self, access: SecretAccess) -> None:
        """Write a line soon. Never waits for the file, never raises."""
        self._put(access)

    def read(self, read: StoreRead) -> None:
        """Write a line soon. Never waits for the file, never raises."""
        self._put(read)

    def flush(self, timeout: float) -> bool:
        """Wait until every line was written; False where that takes longer than `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy and not self._unwritten, timeout)

    def close(self) -> None:
        """Write what waits, for five seconds at most, and take no more. The second call does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(CLOSE_SECONDS)
        _open.discard(self)
        self._tell_of_the_lost()

    def _tell_of_the_lost(self) -> None:
        """No line comes after the last one to tell of lines before it that are not there."""
        with self._changed:
            waiting, lost = len(self._waiting) + len(self._unwritten), self._untold
            self._untold = 0
        if waiting:
            _log.error("the audit is closed with %d lines or more that were not written yet", waiting)
        if lost:
            _log.error("the audit is closed, and its last %d lines were dropped", lost)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Where it writes."""
        return f"<AuditLog to {self._destination}, {self.written} written, {self.dropped} dropped>"

    def _put(self, item: SecretAccess | StoreRead) -> None:
        with self._changed:
            if self._closed or len(self._waiting) >= self._limit:
                self._drop(1)
                return
            self._waiting.append(item)
            if self._thread is None:
                self._thread = self._started()
            elif not self._busy:
                self._changed.notify_all()

    def _drop(self, count: int) -> None:
        self.dropped += count
        self._untold += count

    def _started(self) -> threading.Thread | None:
        thread = threading.Thread(target=self._work, name="virtrigaud-secrets-audit", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The interpreter ends, or has no room for a thread: the next line tries again.
            self._drop(len(self._waiting))
            self._waiting.clear()
            return None
        return thread

    def _work(self) -> None:
        sink, changed = self._sink, self._changed
        try:
            while self._turn():
                pass
        finally:
            sink.close()
            with changed:
                changed.notify_all()

    def _turn(self) -> bool:
        """Write what waits; False for the last time."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            while not self._waiting and not self._unwritten:
                if self._closed:
                    return False
                self._changed.wait()
            self._busy = True
            items = (
                [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))] if not self._unwritten else []
            )
            closing = self._closed
        self._unwritten += filter(None, map(self._line, items))
        del items
        before = len(self._unwritten)
        try:
            self._sink.write(self._unwritten)
        except OSError as error:
            self._fail(error, before - len(self._unwritten), closing=closing)
            return not closing
        except Exception as error:  # noqa: BLE001  # a logger's handlers are anybody's
            with self._changed:
                self.written += before - len(self._unwritten)
            # Of this line only: what one handler cannot take of it, it may take of the next.
            self._pass_over(error, 1)
            del self._unwritten[:1]
            return True
        with self._changed:
            self.written += before
            self._told = False
        return True

    def _fail(self, error: OSError, written: int, *, closing: bool) -> None:
        if not self._told:
            _log.error("the audit cannot be written: %s; it is tried again", error.strerror or type(error).__name__)
            self._told = True
        with self._changed:
            self.written += written
            self._busy = False
            if closing:
                self._drop(len(self._unwritten) + len(self._waiting))
                self._unwritten.clear()
                self._waiting.clear()
            else:
                self._changed.wait_for(lambda: self._closed, RETRY_SECONDS)

    def _pass_over(self, error: Exception, count: int) -> None:
        _log.error("a line of the audit was left out: %s", type(error).__name__)
        with self._changed:
            self._drop(count)

    def _line(self, item: SecretAccess | StoreRead) -> bytes:
        """The line, empty where none can be made."""
        try:
            if isinstance(item, SecretAccess):
                line = line_of_access(item, number=str(uuid.uuid4()), pid=self._pid, hasher=self._hasher)
            else:
                line = line_of_read(item, pid=self._pid)
            with self._changed:
                untold, self._untold = self._untold, 0
            if untold:
                line["dropped"] = untold
            return encoded(line)
        except Exception as error:  # noqa: BLE001  # the writer must go on, whatever a third party's store named things
            self._pass_over(error, 1)
            return b""


class _FileSink:
    """Appends whole lines to a file, wherever it is at that moment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._torn = False

    def write(self, lines: list[bytes]) -> None:
        """Append lines; those that were are taken out of the list."""
        file = self._opened()
        while lines:
            # A line that was cut off by a full disk is ended first: the next one is whole.
            text = (b"\n" if self._torn else b"") + b"".join(lines)
            done = os.write(file, text)
            rest = text[done:]
            if not rest:
                lines.clear()
                self._torn = False
                return
            self._forget(lines, done - (1 if self._torn else 0))
            self._torn = not text[:done].endswith(b"\n")

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _forget(self, lines: list[bytes], done: int) -> None:
        while lines and done >= len(lines[0]):
            done -= len(lines.pop(0))

    def _opened(self) -> int:
        if self._file >= 0 and not self._is_there():
            self.close()
        if self._file < 0:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file, self._torn = os.open(self._path, flags, 0o600), False
        return self._file

    def _is_there(self) -> bool:
        """Whether the file at the path is still the one that is open."""
        try:
            there = self._path.stat()
        except OSError:
            return False
        mine = os.fstat(self._file)
        return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


class _LoggerSink:
    """Hands lines to a logger."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def write(self, lines: list[bytes]) -> None:
        """Log each line as a message."""
        while lines:
            self._logger.info("%s", lines[0][:-1].decode())
            del lines[0]

    def close(self) -> None:
        """Nothing: the logger is the program's."""


_open: weakref.WeakSet[AuditLog] = weakref.WeakSet()
"""Closed at interpreter exit, begun anew in a forked child."""


@atexit.register
def _close_all() -> None:
    for log in list(_open):
        log.close()


def _begin_anew_in_child() -> None:
    for log in list(_open):
        log.begin_in_child()


os.register_at_fork(after_in_child=_begin_anew_in_child)
