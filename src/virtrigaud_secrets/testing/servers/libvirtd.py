"""libvirt's daemon with a socket of its own. Its test driver has one machine to list and starts none."""

from __future__ import annotations

import os
import shutil
import socket
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers.processes import Workspace, not_root_command

START_TIMEOUT: Final = timedelta(seconds=60)
"""To listen: a second usually."""
_DEBIAN: Final = Path("/usr/sbin/libvirtd")
"""Not on the PATH of everybody."""


class LibvirtDaemon:
    """A daemon from `with` to the end of the block. It is reached over SSH by naming `socket` in the connection URI."""

    def __init__(self, *, binary: Path | None = None) -> None:
        """Nothing is started yet.

        Args:
            binary: the `libvirtd` program; found by itself otherwise.
        """
        self._binary: Final = binary
        self._workspace: Workspace | None = None

    @staticmethod
    def missing_reason(binary: Path | None = None) -> str:
        """Why no daemon can be started here; empty if one can."""
        if _find_binary(binary) is None:
            return "no libvirtd program: install Debian's libvirt-daemon or put it on the PATH"
        if os.geteuid() == 0 and not not_root_command():
            return "libvirtd is not run as root here, and there is no user namespace to run it in"
        return ""

    @property
    def socket(self) -> Path:
        """Its UNIX socket.

        Raises:
            LocalServerError: it was not started.
        """
        if self._workspace is None:
            raise LocalServerError("libvirtd is not running: use it in a with block")
        return self._workspace.path / "libvirt-sock"

    def start(self) -> Self:
        """Start it.

        Raises:
            LocalServerError: there is no program, or it fails; with the end of its log.
        """
        binary = _find_binary(self._binary)
        if binary is None:
            raise LocalServerError(self.missing_reason(self._binary))
        self._workspace = workspace = Workspace()
        try:
            place = workspace.path
            lines = (f'unix_sock_dir = "{place}"', 'auth_unix_rw = "none"', 'auth_unix_ro = "none"')
            configuration = workspace.write("libvirtd.conf", "".join(f"{line}\n" for line in lines))
            # For root it would look after the machine's own networks and devices.
            before = not_root_command() if os.geteuid() == 0 else []
            command: list[str | Path] = [*before, binary, "-f", configuration, "--pid-file", place / "libvirtd.pid"]
            own = {"XDG_RUNTIME_DIR": str(place), "XDG_CACHE_HOME": str(place), "XDG_CONFIG_HOME": str(place)}
            process = workspace.start("libvirtd", command, environment=own)
            process.wait_until(self._listens, timeout=START_TIMEOUT)
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Stop it and remove all its files. The second call does nothing."""
        if self._workspace is not None:
            self._workspace.close()

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def _find_binary(given: Path | None) -> Path | None:
    """The program asked for, on the PATH, or Debian's."""
    if given is not None:
        return given if os.access(given, os.X_OK) else None
    found = shutil.which("libvirtd")
    if found is not None:
        return Path(found)
    return _DEBIAN if os.access(_DEBIAN, os.X_OK) else None
