"""OpenSSH's own server on loopback, for the user who runs this. Which keys it lets in changes while it runs."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.keys import SshKey, known_hosts_line, ssh_key
from virtrigaud_secrets.testing.servers.processes import PORT_ATTEMPTS, Workspace, free_port

START_TIMEOUT: Final = timedelta(seconds=30)
"""To listen: a tenth of a second usually."""
_DEBIAN: Final = Path("/usr/sbin/sshd")
"""Not on the PATH of everybody."""
_EMPTY_DIRECTORY: Final = Path("/run/sshd")
"""Where sshd of root locks itself in; Debian makes it at boot, which containers skip."""


class SshServer:
    """An sshd of its own, from `with` to the end of the block. It lets nobody in until `authorize`."""

    def __init__(self, *, binary: Path | None = None) -> None:
        """Nothing is started yet.

        Args:
            binary: the `sshd` program; found by itself otherwise.
        """
        self._binary: Final = binary
        self._host_key: SshKey = ssh_key(comment="")
        self._workspace: Workspace | None = None
        self._port = 0

    @staticmethod
    def missing_reason(binary: Path | None = None) -> str:
        """Why no server can be started here; empty if one can."""
        if _find_binary(binary) is None:
            return "no sshd program: install Debian's openssh-server or put it on the PATH"
        return ""

    @property
    def address(self) -> str:
        """Where it listens, `host:port`."""
        return f"127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """The port of `address`."""
        return self._port

    @property
    def user(self) -> str:
        """The only user it knows: who runs this."""
        return pwd.getpwuid(os.geteuid()).pw_name

    @property
    def known_hosts(self) -> str:
        """Text of known_hosts with its host key."""
        return known_hosts_line(self._host_key, f"[127.0.0.1]:{self._port}") + "\n"

    def authorize(self, *keys: SshKey) -> None:
        """The keys that are let in from now on; none of them shuts everybody out. Open connections stay.

        Raises:
            LocalServerError: it is not running.
        """
        if self._workspace is None:
            raise LocalServerError("sshd is not running: use it in a with block")
        # In one step: who logs in meanwhile is judged by the old list or by the new one.
        written = self._workspace.write("authorized_keys.new", "".join(f"{key.public}\n" for key in keys))
        written.replace(self._workspace.path / "authorized_keys")

    def start(self) -> Self:
        """Start it.

        Raises:
            LocalServerError: there is no program, or it fails; with the end of its log.
        """
        binary = _find_binary(self._binary)
        if binary is None:
            raise LocalServerError(self.missing_reason(self._binary))
        if os.geteuid() == 0:
            _EMPTY_DIRECTORY.mkdir(mode=0o755, exist_ok=True)
        self._workspace = workspace = Workspace()
        try:
            workspace.write("host_key", self._host_key.private)
            self.authorize()
            self._launch(workspace, binary)
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Stop it and remove all its files. The second call does nothing."""
        if self._workspace is not None:
            self._workspace.close()

    def _launch(self, workspace: Workspace, binary: Path) -> None:
        for attempt in range(PORT_ATTEMPTS):
            self._port = free_port()
            configuration = workspace.write("sshd_config", self._configuration(workspace.path))
            process = workspace.start("sshd", [binary, "-D", "-e", "-f", configuration])
            try:
                process.wait_until(self._listens, timeout=START_TIMEOUT)
            except LocalServerError:
                if process.logged("Address already in use") and attempt + 1 < PORT_ATTEMPTS:
                    continue
                raise
            return

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def _configuration(self, directory: Path) -> str:
        settings = {
            "ListenAddress": "127.0.0.1",
            "Port": self._port,
            "HostKey": directory / "host_key",
            "AuthorizedKeysFile": directory / "authorized_keys",
            "AllowUsers": self.user,
            "PermitRootLogin": "prohibit-password",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            # The directory above is the system's own for temporary files, which anybody may write to.
            "StrictModes": "no",
            "UsePAM": "no",
            "PidFile": "none",
            "MaxStartups": "100",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

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
    found = shutil.which("sshd")
    if found is not None:
        return Path(found)
    return _DEBIAN if os.access(_DEBIAN, os.X_OK) else None
