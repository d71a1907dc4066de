"""Directories that are safe to put secrets in: whose parents nobody else can change, and private ones in memory.

A private directory is gone at the end of the block, at interpreter exit, and, after a kill, when the next process of
the same user makes one: a lock that dies with its process tells which are left over.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from virtrigaud_secrets.errors import ConfigurationError

MEMORY: Final = Path("/dev/shm")  # noqa: S108  # a private directory is made in it
"""Where Linux, and every pod, has a file system in memory."""

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH

_open: set[PrivateDirectory] = set()
"""Removed at interpreter exit."""


def refuse_unsafe_parents(path: Path) -> None:
    """Refuse a path that another user could put a directory of theirs in the place of.

    Raises:
        ConfigurationError: a parent belongs to somebody else, or others may write to it and it is not sticky.
    """
    for parent in path.parents:
        try:
            found = parent.stat()
        except FileNotFoundError:
            continue
        if found.st_uid not in {0, os.geteuid()}:
            raise ConfigurationError(f"{path}: its parent {parent} belongs to another user, who could replace it")
        if found.st_mode & _OTHERS_WRITE and not found.st_mode & stat.S_ISVTX:
            raise ConfigurationError(f"{path}: others may write to its parent {parent} and could replace it")


def open_own_directory(path: Path, *, mode: int = 0o700) -> int:
    """A descriptor of a directory that belongs to this user and nobody else may write to; made where it is missing.

    Raises:
        ConfigurationError: it is something else.
    """
    with suppress(FileExistsError):
        path.mkdir(mode=mode)
        path.chmod(mode)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        raise ConfigurationError(f"{path} is not a directory, or a link to one") from None
    found = os.fstat(descriptor)
    if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_WRITE:
        os.close(descriptor)
        raise ConfigurationError(f"{path} belongs to another user, or others may write to it")
    return descriptor


class PrivateDirectory:
    """A directory that only this user can look into, in memory where the system has such a place."""

    def __init__(self, *, executable: bool = False, parent: Path | None = None) -> None:
        """Make it, and remove those that processes of this user left when they were killed.

        Args:
            executable: programs are to be run from it. Pods mount memory so that none can be; it is then on disk.
            parent: where to make it, instead of where it is best.

        Raises:
            ConfigurationError: there is no safe place for it.
        """
        base = (parent or _parent(executable=executable)) / f"virtrigaud-secrets-{os.geteuid()}"
        self._base: Final = base
        self._owner: Final = os.getpid()
        self._lock: Final = threading.Lock()
        try:
            with _locked(base):
                _remove_left_over(base)
                self.path: Final = base / secrets.token_hex(8)
                self.path.mkdir(mode=0o700)
                self._descriptor = _claim(self.path)
        except OSError as error:
            raise ConfigurationError(f"no private directory can be made in {base}: {error.strerror}") from None
        _open.add(self)

    def close(self) -> None:
        """Remove it with all that is in it. The second call does nothing, nor does one in a forked child."""
        with self._lock:
            if self._descriptor < 0 or os.getpid() != self._owner:
                return
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._descriptor)
            self._descriptor = -1
        _open.discard(self)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Remove it."""
        self.close()


def _parent(*, executable: bool) -> Path:
    for place in (MEMORY, Path(f"/run/user/{os.geteuid()}")):
        with suppress(OSError):
            usable = os.access(place, os.W_OK | os.X_OK)
            if usable and not (executable and os.statvfs(place).f_flag & os.ST_NOEXEC):
                return place
    return Path(tempfile.gettempdir()).resolve()


@contextmanager
def _locked(base: Path) -> Generator[None]:
    """One process at a time makes or removes directories in `base`: one that is not yet claimed looks left over."""
    refuse_unsafe_parents(base)
    descriptor = open_own_directory(base)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _claim(path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_left_over(base: Path) -> None:
    for path in base.iterdir():
        with suppress(OSError):
            descriptor = _claim(path)
            try:
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)


@atexit.register
def _remove_at_exit() -> None:
    for directory in list(_open):
        directory.close()
