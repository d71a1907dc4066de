"""govmomi's vCenter simulator on loopback, with TLS. Accounts, passwords and sessions change while it runs."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final, cast

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers.certificates import Authority
from virtrigaud_secrets.testing.servers.processes import ServerProcess, Workspace, WorkspaceServer

CACHE_DIRECTORY: Final = "virtrigaud-secrets/vcsim"
"""Below the user's cache: one directory per version, filled by `tests/tools/build-vcsim`."""
START_TIMEOUT: Final = timedelta(seconds=60)
"""To make its inventory and listen: a second usually."""
ORDER_SECONDS: Final = 30.0
"""For one order to be carried out."""


class VCenter(WorkspaceServer):
    """A vCenter of its own, from `with` to the end of the block. It has virtual machines to list, and no account.

    ```python
    with VCenter() as vcenter:
        vcenter.set_accounts({"svc@vsphere.local": [Sensitive("first")]})
    ```
    """

    title: ClassVar[str] = "vcsim"

    def __init__(self, *, binary: Path | None = None) -> None:
        """Nothing is started yet.

        Args:
            binary: the program that `tests/tools/build-vcsim` builds; found by itself otherwise.
        """
        super().__init__()
        self._binary: Final = binary
        self._authority: Final = Authority.create("vCenter CA")
        self._process: ServerProcess | None = None
        self._address = ""

    @staticmethod
    def missing_reason(binary: Path | None = None) -> str:
        """Why no server can be started here; empty if one can."""
        if _find_binary(binary) is None:
            return "no vcsim program: build it with tests/tools/build-vcsim, which needs Go"
        return ""

    @property
    def address(self) -> str:
        """Where it listens, `host:port`."""
        return self._address

    @property
    def ca_pem(self) -> bytes:
        """The authority of its certificate."""
        return self._authority.pem

    def launch(self, workspace: Workspace) -> None:
        """Start it, without an account."""
        binary = _find_binary(self._binary)
        if binary is None:
            raise LocalServerError(self.missing_reason(self._binary))
        issued = self._authority.issue()
        certificate = workspace.write("server.crt", issued.certificate)
        key = workspace.write("server.key", issued.key.reveal())
        command: list[str | Path] = [binary, "-cert", certificate, "-key", key, "-control", self._control]
        self._process = workspace.start("vcsim", command)
        self._process.wait_until(self._answers, timeout=START_TIMEOUT)

    def set_accounts(self, accounts: Mapping[str, Iterable[Sensitive]]) -> None:
        """The accounts there are from now on, each with every password that is good. Open sessions stay."""
        passwords = {user: [password.reveal_text() for password in good] for user, good in accounts.items()}
        self._order({"accounts": passwords})

    def end_sessions(self, *users: str) -> None:
        """End every session of these users, as the revocation of an account does."""
        self._order({"terminate": list(users)})

    def logins(self) -> Mapping[str, int]:
        """How often each user has logged in."""
        return cast("dict[str, int]", self._order({})["logins"])

    @property
    def _control(self) -> Path:
        return self.workspace.path / "control.sock"

    def _answers(self) -> bool:
        try:
            self._address = str(self._order({})["address"])
        except LocalServerError:
            return False
        return True

    def _order(self, order: Mapping[str, object]) -> Mapping[str, object]:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(ORDER_SECONDS)
                connection.connect(str(self._control))
                connection.sendall(json.dumps(order).encode() + b"\n")
                connection.shutdown(socket.SHUT_WR)
                with connection.makefile("rb") as answers:
                    answer = answers.readline()
        except OSError as error:
            raise LocalServerError(f"vcsim takes no orders: {error.strerror or error}") from None
        if not answer:
            tail = "" if self._process is None else self._process.log_tail()
            raise LocalServerError(f"vcsim did not carry out an order{tail}")
        return cast("dict[str, object]", json.loads(answer))


def _find_binary(given: Path | None) -> Path | None:
    """The program asked for, or the newest in the cache."""
    if given is not None:
        return given if os.access(given, os.X_OK) else None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / CACHE_DIRECTORY
    built = [path for path in cache.glob("v*/vcsim") if os.access(path, os.X_OK)]
    return max(built, key=lambda path: path.stat().st_mtime, default=None)
