"""OpenSSH's own server on loopback, for the user who runs this. Which keys it lets in changes while it runs."""

from __future__ import annotations

import os
import pwd
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.keys import SshKey, known_hosts_line, ssh_key
from virtrigaud_secrets.testing.servers.processes import (
    ServerProcess,
    Workspace,
    WorkspaceServer,
    find_program,
    on_a_free_port,
)

START_TIMEOUT: Final = timedelta(seconds=30)
"""To listen: a tenth of a second usually."""
_EMPTY_DIRECTORY: Final = Path("/run/sshd")
"""Where sshd of root locks itself in; Debian makes it at boot, which containers skip."""


class SshServer(WorkspaceServer):
    """An sshd of its own, from `with` to the end of the block. It lets nobody in until `authorize`."""

    title: ClassVar[str] = "sshd"

    def __init__(self, *, binary: Path | None = None) -> None:
        """Nothing is started yet.

        Args:
            binary: the `sshd` program; found by itself otherwise.
        """
        super().__init__()
        self._binary: Final = binary
        self._host_key: SshKey = ssh_key(comment="")
        self._port = 0

    @staticmethod
    def missing_reason(binary: Path | None = None) -> str:
        """Why no server can be started here; empty if one can."""
        if find_program("sshd", given=binary) is None:
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
        # In one step: who logs in meanwhile is judged by the old list or by the new one.
        written = self.workspace.write("authorized_keys.new", "".join(f"{key.public}\n" for key in keys))
        written.replace(self.workspace.path / "authorized_keys")

    def launch(self, workspace: Workspace) -> None:
        """Start it, with nobody let in."""
        binary = find_program("sshd", given=self._binary)
        if binary is None:
            raise LocalServerError(self.missing_reason(self._binary))
        if os.geteuid() == 0:
            _EMPTY_DIRECTORY.mkdir(mode=0o755, exist_ok=True)
        workspace.write("host_key", self._host_key.private)
        self.authorize()

        def begin(port: int) -> ServerProcess:
            configuration = workspace.write("sshd_config", self._configuration(workspace.path, port))
            return workspace.start("sshd", [binary, "-D", "-e", "-f", configuration])

        self._port = on_a_free_port(begin, timeout=START_TIMEOUT)

    def _configuration(self, directory: Path, port: int) -> str:
        settings = {
            "ListenAddress": "127.0.0.1",
            "Port": port,
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
