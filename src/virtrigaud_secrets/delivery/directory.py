"""A bundle as files in a directory, exchanged as a whole the way the kubelet does for a mounted Secret.

```
credentials/
├── ..2026_11_26_18_00_00.4f1d2c/password    one version
├── ..data     → ..2026_11_26_18_00_00.4f1d2c
└── password   → ..data/password
```

A new version is written beside the old one, and then `..data` is renamed over: a reader sees one version or the other.
One that resolves `..data` once and reads below it sees all files of one version.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.delivery.contents import file_contents
from virtrigaud_secrets.delivery.following import follow
from virtrigaud_secrets.delivery.places import open_own_directory, refuse_unsafe_parents
from virtrigaud_secrets.errors import ClosedError, ConfigurationError

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle
    from virtrigaud_secrets.runtime.subscription import Subscription
    from virtrigaud_secrets.sensitive import Sensitive

DATA: Final = "..data"
"""The link to the current version, by the kubelet's name."""

DEFAULT_MODE: Final = 0o600
"""Mode of files: what ssh wants of a key, and the guide's `defaultMode`."""

RETENTION: Final = timedelta(seconds=2)
"""How long an old version stays: a reader that has just found it still reads all of it."""

MAX_VERSIONS: Final = 1000
"""Old versions that are kept at most, however fast they come: a pod's memory file system has 64 MB."""

_TEMPORARY: Final = "..data_tmp"
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class _Retired:
    name: str
    since: float


class Directory:
    """A directory that holds a bundle as files. One process writes it; any number read it.

    ```python
    with Directory("/run/credentials") as directory:
        directory.follow(resolver.subscribe("vsphere-credentials", namespace="vsphere-providers"))
    ```

    Leaving the block stops following; the files stay for their readers. `remove` takes them away.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        mode: int = DEFAULT_MODE,
        exact: bool = False,
        allow_unsafe_parents: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """Take over the directory, or make it; its parent has to be there. What it holds stays until the first `write`.

        Args:
            path: the directory. Nobody else may write to it.
            mode: of files, as a volume's `defaultMode`. Who may read them may enter the directory.
            exact: leave every byte as it is, instead of trimming words and ending keys with a newline.
            allow_unsafe_parents: take a path that another user of the machine could replace, such as one in an emptyDir
                volume of a pod that nobody else is in.
            clock: time; by default the system's.

        Raises:
            ConfigurationError: the path is unsafe, another process writes it, or the mode lets others write.
        """
        if mode & ~0o777 or mode & _OTHERS_WRITE or not mode & stat.S_IRUSR:
            raise ConfigurationError("the mode of files must let their owner read and nobody else write, as 0o600")
        self.path: Final = Path(os.path.abspath(path))  # noqa: PTH100  # a link is to be refused, not followed
        self._mode: Final = mode
        # Who may read a file may look it up.
        self._directory_mode: Final = mode | stat.S_IWUSR | (mode & 0o444) >> 2
        self._exact: Final = exact
        self._clock: Final[Clock] = clock or SystemClock()
        self._lock: Final = threading.RLock()
        self._retired: deque[_Retired] = deque()
        self._timer: threading.Timer | None = None
        self._followed: list[Callable[[], None]] = []
        self._closed = False
        if not allow_unsafe_parents:
            refuse_unsafe_parents(self.path)
        try:
            self._descriptor: Final = open_own_directory(self.path, mode=self._directory_mode)
        except OSError as error:
            raise ConfigurationError(f"{self.path} cannot be made: {error.strerror}") from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise ConfigurationError(f"{self.path}: another process or another Directory writes it") from None
        self._remove_left_over()

    def write(self, bundle: Bundle) -> bool:
        """Exchange the files for those of `bundle`. Where nothing changed, nothing is touched.

        Returns:
            Whether anything changed.

        Raises:
            ConfigurationError: a key cannot be a file's name, or a file not made here is in the way. Old files stay.
            OSError: the file system refuses. The old files stay.
            ClosedError: it was closed.
        """
        return self._exchange(file_contents(bundle, exact=self._exact))

    def follow(self, subscription: Subscription[Bundle]) -> None:
        """Write what a subscription holds, now and after every rotation, until `close`.

        Raises:
            SecretsError: as `write`, and where the subscription holds nothing valid.
        """
        end = follow(subscription, self.write, what=f"the directory {self.path}")
        with self._lock:
            self._followed.append(end)

    def close(self) -> None:
        """Stop following and remove old versions. The current files stay. The second call does nothing."""
        for end in self._followed:
            end()
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._followed.clear()
            if self._timer is not None:
                self._timer.cancel()
            self._remove_retired(all_of_them=True)
            os.close(self._descriptor)

    def remove(self) -> None:
        """Close, and remove the files and the directory."""
        self.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """The path."""
        return f"<Directory {self.path}>"

    def _exchange(self, contents: Mapping[str, Sensitive]) -> bool:
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self.path} was closed")
            self._refuse_foreign_files(contents)
            old = self._current()
            if old is not None and self._holds(old, contents):
                return False
            new = self._written(contents)
            self._link(new, DATA)
            for key in contents:
                self._link(f"{DATA}/{key}", key)
            for name in self._own_links():
                if name not in contents:
                    os.unlink(name, dir_fd=self._descriptor)
            if old is not None:
                self._retire(old)
            return True

    def _written(self, contents: Mapping[str, Sensitive]) -> str:
        name = f"..{self._clock.now():%Y_%m_%d_%H_%M_%S}.{secrets.token_hex(6)}"
        os.mkdir(name, mode=0o700, dir_fd=self._descriptor)
        version = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self._descriptor)
        try:
            for key, content in contents.items():
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
                with os.fdopen(os.open(key, flags, 0o600, dir_fd=version), "wb") as file:
                    file.write(content.reveal())
                    os.fchmod(file.fileno(), self._mode)
            os.fchmod(version, self._directory_mode)
        except BaseException:
            self._remove_version(name)
            raise
        finally:
            os.close(version)
        return name

    def _link(self, target: str, name: str) -> None:
        """Make or exchange a link in one step."""
        with suppress(FileNotFoundError):
            if os.readlink(name, dir_fd=self._descriptor) == target:
                return
        with suppress(FileNotFoundError):
            os.unlink(_TEMPORARY, dir_fd=self._descriptor)
        os.symlink(target, _TEMPORARY, dir_fd=self._descriptor)
        os.rename(_TEMPORARY, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def _current(self) -> str | None:
        try:
            return os.readlink(DATA, dir_fd=self._descriptor)
        except OSError:
            return None

    def _holds(self, version: str, contents: Mapping[str, Sensitive]) -> bool:
        try:
            place = self.path / version
            found = {file.name for file in place.iterdir()}
            return found == set(contents) == set(self._own_links()) and all(
                content.reveal() == (place / key).read_bytes()
                and self._mode == stat.S_IMODE((place / key).stat().st_mode)
                for key, content in contents.items()
            )
        except OSError:
            return False

    def _own_links(self) -> list[str]:
        """Links that a version before made."""
        return [name for name in self._names() if not name.startswith("..") and self._target(name) == f"{DATA}/{name}"]

    def _names(self) -> list[str]:
        return os.listdir(self._descriptor)  # noqa: PTH208  # by the descriptor: the path may have been exchanged

    def _target(self, name: str) -> str:
        try:
            return os.readlink(name, dir_fd=self._descriptor)
        except OSError:
            return ""

    def _refuse_foreign_files(self, contents: Mapping[str, Sensitive]) -> None:
        present = set(self._names())
        for key in contents:
            if key in present and self._target(key) != f"{DATA}/{key}":
                raise ConfigurationError(f"{self.path}/{key} is in the way: it was not made here, and is not replaced")

    def _retire(self, version: str) -> None:
        self._retired.append(_Retired(version, self._clock.elapsed()))
        self._remove_retired()
        self._sweep_later()

    def _sweep_later(self) -> None:
        if self._timer is None and self._retired:
            self._timer = threading.Timer(RETENTION.total_seconds(), self._sweep)
            self._timer.daemon = True
            self._timer.start()

    def _sweep(self) -> None:
        with self._lock:
            self._timer = None
            if not self._closed:
                self._remove_retired()
                self._sweep_later()

    def _remove_retired(self, *, all_of_them: bool = False) -> None:
        now = self._clock.elapsed()
        while self._retired and (
            all_of_them
            or len(self._retired) > MAX_VERSIONS
            or now - self._retired[0].since >= RETENTION.total_seconds()
        ):
            self._remove_version(self._retired.popleft().name)

    def _remove_left_over(self) -> None:
        """Versions of a process that was killed."""
        current = self._current()
        for name in self._names():
            if name.startswith("..") and name not in {DATA, current}:
                self._remove_version(name)

    def _remove_version(self, name: str) -> None:
        with suppress(OSError):
            os.unlink(name, dir_fd=self._descriptor)
            return
        shutil.rmtree(name, ignore_errors=True, dir_fd=self._descriptor)
