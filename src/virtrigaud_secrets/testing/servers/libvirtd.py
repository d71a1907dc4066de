"""libvirt's daemon with a socket of its own. Its test driver has one machine to list and starts none."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers.processes import Workspace, WorkspaceServer, find_program, not_root_command

START_TIMEOUT: Final = timedelta(seconds=60)
"""To listen: a second usually."""


class LibvirtDaemon(WorkspaceServer):
    """A daemon from `with` to the end of the block. It is reached over SSH by naming `socket` in the connection URI."""

    title: ClassVar[str] = "libvirtd"

    def __init__(self, *, binary: Path | None = None) -> None:
        """Nothing is started yet.

        Args:
            binary: the `libvirtd` program; found by itself otherwise.
        """
        super().__init__()
        self._binary: Final = binary

    @staticmethod
    def missing_reason(binary: Path | None = None) -> str:
        """Why no daemon can be started here; empty if one can."""
        if find_program("libvirtd", given=binary) is None:
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
        return self.workspace.path / "libvirt-sock"

    def launch(self, workspace: Workspace) -> None:
        """Start it."""
        binary = find_program("libvirtd", given=self._binary)
        if binary is None:
            raise LocalServerError(self.missing_reason(self._binary))
        place = workspace.path
        lines = (f'unix_sock_dir = "{place}"', 'auth_unix_rw = "none"', 'auth_unix_ro = "none"')
        configuration = workspace.write("libvirtd.conf", "".join(f"{line}\n" for line in lines))
        # For root it would look after the machine's own networks and devices.
        before = not_root_command() if os.geteuid() == 0 else []
        command: list[str | Path] = [*before, binary, "-f", configuration, "--pid-file", place / "libvirtd.pid"]
        own = {"XDG_RUNTIME_DIR": str(place), "XDG_CACHE_HOME": str(place), "XDG_CONFIG_HOME": str(place)}
        process = workspace.start("libvirtd", command, environment=own)
        process.wait_until(self._listens, timeout=START_TIMEOUT)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0
