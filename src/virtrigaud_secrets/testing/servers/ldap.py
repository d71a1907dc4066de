"""A real OpenLDAP directory on loopback, with the people it is told of. Who asks it for what is set up elsewhere."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers.processes import (
    ServerProcess,
    Workspace,
    WorkspaceServer,
    find_program,
    on_a_free_port,
)

BINARY_VARIABLE: Final = "VIRTRIGAUD_SECRETS_SLAPD"
"""Environment variable with the path of a `slapd` program to use instead of the one that is found."""
BASE: Final = "dc=example,dc=org"
"""Where the directory begins."""
PEOPLE: Final = f"ou=people,{BASE}"
"""Where people are."""
MANAGER: Final = f"cn=manager,{BASE}"
"""Who may search for people."""
START_TIMEOUT: Final = timedelta(seconds=30)
"""For the server to listen: a tenth of a second usually."""
LOAD_TIMEOUT: Final = timedelta(seconds=30)
"""To write the entries."""
_SCHEMAS: Final = ("/etc/ldap/schema", "/etc/openldap/schema")
_MODULES: Final = ("/usr/lib/ldap", "/usr/lib/openldap", "/usr/lib64/openldap")


class LdapServer(WorkspaceServer):
    """A directory of its own, from `with` to the end of the block.

    People are found as `uid=NAME,` below `PEOPLE`, and log in by their password.
    """

    title: ClassVar[str] = "slapd"

    def __init__(self, people: Mapping[str, Sensitive], *, binary: Path | None = None) -> None:
        """Nothing is started yet.

        Args:
            people: password of each user name.
            binary: the `slapd` program; found by itself otherwise.
        """
        super().__init__()
        self._people: Final = dict(people)
        self._binary: Final = binary
        self._manager_password: Final = Sensitive(secrets.token_hex(16))
        self._port = 0

    @staticmethod
    def missing_reason(binary: Path | None = None) -> str:
        """Why no server can be started here; empty if one can."""
        if _find_binary(binary) is None:
            return f"no slapd program: install Debian's slapd, put it on the PATH or name it in {BINARY_VARIABLE}"
        return ""

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"ldap://127.0.0.1:{self._port}"

    @property
    def manager_password(self) -> Sensitive:
        """Password of `MANAGER`."""
        return self._manager_password

    def launch(self, workspace: Workspace) -> None:
        """Load the people and listen."""
        binary = _find_binary(self._binary)
        if binary is None:
            raise LocalServerError(self.missing_reason(self._binary))
        (workspace.path / "data").mkdir(mode=0o700)
        configuration = workspace.write("slapd.conf", self._configuration(workspace.path))
        entries = workspace.write("people.ldif", self._entries())
        load: list[str | Path] = [binary, "-T", "add", "-f", configuration, "-l", entries]
        workspace.run("slapadd", load, timeout=LOAD_TIMEOUT)
        entries.unlink()

        def begin(port: int) -> ServerProcess:
            # With a debug level, even none at all, it stays in the foreground.
            command: list[str | Path] = [binary, "-f", configuration, "-h", f"ldap://127.0.0.1:{port}", "-d", "0"]
            return workspace.start("slapd", command)

        self._port = on_a_free_port(begin, timeout=START_TIMEOUT)

    def _configuration(self, directory: Path) -> str:
        schemas = _existing(_SCHEMAS)
        lines = [f"include {schemas}/{name}.schema" for name in ("core", "cosine", "inetorgperson")]
        modules = _existing(_MODULES)
        if any(Path(modules).glob("back_mdb*")):
            lines += [f"modulepath {modules}", "moduleload back_mdb"]
        lines += [
            f"pidfile {directory}/slapd.pid",
            "database mdb",
            f'suffix "{BASE}"',
            f'rootdn "{MANAGER}"',
            f"rootpw {self._manager_password.reveal_text()}",
            f"directory {directory}/data",
            "maxsize 10485760",
            "access to attrs=userPassword by anonymous auth by * none",
            "access to * by * read",
        ]
        return "\n".join(lines) + "\n"

    def _entries(self) -> str:
        blocks = [
            f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: example\n",
            f"dn: {PEOPLE}\nobjectClass: organizationalUnit\n",
        ]
        for name, password in self._people.items():
            encoded = base64.b64encode(password.reveal()).decode()
            blocks.append(
                f"dn: uid={name},{PEOPLE}\nobjectClass: inetOrgPerson\ncn: {name}\nsn: {name}\n"
                f"userPassword:: {encoded}\n"
            )
        return "\n".join(blocks)


def _existing(places: tuple[str, ...]) -> str:
    """The first directory that is there, else the first of them, for slapd to name in its log."""
    return next((place for place in places if Path(place).is_dir()), places[0])


def _find_binary(given: Path | None) -> Path | None:
    """The program asked for, that of the environment, on the PATH, of Debian: the first that can be run."""
    named = given or (Path(os.environ[BINARY_VARIABLE]) if os.environ.get(BINARY_VARIABLE) else None)
    return find_program("slapd", given=named)
