from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from virtrigaud_secrets.errors import LocalServerError, MissingDependencyError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers import PostgreSQL
from virtrigaud_secrets.testing.servers.postgres import DatabaseRefusedError, _find_installation
from virtrigaud_secrets.testing.servers.processes import Account, not_root_command

pytestmark = pytest.mark.integration


def test_every_login_needs_its_password(postgres: PostgreSQL) -> None:
    postgres.query("CREATE ROLE test_login LOGIN PASSWORD 'right'")
    assert postgres.accepts("test_login", Sensitive("right"))
    assert not postgres.accepts("test_login", Sensitive("wrong"))
    assert not postgres.accepts("test_login", Sensitive(""))
    assert not postgres.accepts("test_nobody", Sensitive("right"))
    assert not postgres.accepts("postgres", Sensitive("postgres"))
    assert postgres.accepts("postgres", postgres.password)


def test_a_role_that_ended_is_refused(postgres: PostgreSQL) -> None:
    postgres.query("CREATE ROLE test_ended LOGIN PASSWORD 'right' VALID UNTIL '2001-01-01'")
    assert not postgres.accepts("test_ended", Sensitive("right"))
    postgres.query("ALTER ROLE test_ended VALID UNTIL 'infinity'")
    assert postgres.accepts("test_ended", Sensitive("right"))
    postgres.query("DROP ROLE test_ended")
    assert not postgres.accepts("test_ended", Sensitive("right"))


def test_a_refused_statement_shows_its_state_and_no_words(postgres: PostgreSQL) -> None:
    with pytest.raises(DatabaseRefusedError) as caught:
        postgres.query("CREATE ROLE test_syntax LOGIN PASSWORD 'planted-value' NONSENSE")
    assert caught.value.state == "42601"
    assert "planted-value" not in str(caught.value)
    assert not postgres.process.logged("planted-value")


def test_passwords_are_kept_as_scram(postgres: PostgreSQL) -> None:
    rows = postgres.query("SELECT left(rolpassword, 13) FROM pg_authid WHERE rolname = 'postgres'")
    assert rows == [["SCRAM-SHA-256"]]


def test_nothing_of_it_shows_the_password(postgres: PostgreSQL) -> None:
    directory = postgres.process.log.parent
    assert directory.stat().st_mode & 0o777 == 0o700
    password = postgres.password.reveal()
    assert not [path for path in directory.rglob("*") if path.is_file() and password in path.read_bytes()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            assert password not in (process / "cmdline").read_bytes()
        except OSError:
            continue


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server must change its account")
def test_roots_server_does_not_run_as_root(postgres: PostgreSQL) -> None:
    assert Path(f"/proc/{postgres.process.pid}").stat().st_uid != 0


def test_programs_out_of_the_accounts_reach_are_copied(
    postgres: PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _find_installation(None)
    if found is None or found.package is None:
        pytest.skip("PostgreSQL comes from the system here, not from a wheel")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    for place in (found.package, found.package.with_name(f"{found.package.name}.libs")):
        shutil.copytree(place, private / place.name)
    (private / found.package.name / "__init__.py").write_text("raise AssertionError('programs only, no import')")
    monkeypatch.syspath_prepend(private)
    with PostgreSQL() as server:
        assert server.accepts("postgres", server.password)
        copied = (server.process.log.parent / "programs").exists()
    assert copied is (os.geteuid() == 0)


def test_a_restart_keeps_port_and_data_and_leaves_no_file(postgres: PostgreSQL) -> None:
    with PostgreSQL() as server:
        port, directory = server.port, server.process.log.parent
        server.query("CREATE TABLE kept (a int)")
        server.stop()
        with pytest.raises(LocalServerError, match="PostgreSQL does not answer"):
            server.query("SELECT 1")
        server.restart()
        assert server.port == port
        assert server.query("SELECT count(*) FROM kept") == [[0]]
        process = server.process
    assert not process.running
    assert not directory.exists()


def test_where_home_and_working_directory_cannot_be_written(
    postgres: PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.chdir("/")
    with PostgreSQL() as server:
        assert server.query("SELECT 1") == [[1]]


def test_programs_that_are_not_there_are_missing(tmp_path: Path) -> None:
    assert "no initdb and postgres programs" in PostgreSQL.missing_reason(tmp_path)
    with pytest.raises(MissingDependencyError), PostgreSQL(programs=tmp_path):
        pass


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every account can look into; those of pytest are the user's own."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def test_programs_that_fail_show_their_last_words(open_directory: Path) -> None:
    for name in ("initdb", "postgres"):
        (open_directory / name).write_text("#!/bin/sh\n[ $1 = --version ] && exit 0\necho no room >&2\nexit 4\n")
        (open_directory / name).chmod(0o755)
    server = PostgreSQL(programs=open_directory)
    with pytest.raises(LocalServerError, match=r"initdb failed with status 4\n  no room"):
        server.start()


def test_not_started_it_says_so() -> None:
    server = PostgreSQL()
    with pytest.raises(LocalServerError, match="use it in a with block"):
        _ = server.process
    with pytest.raises(LocalServerError, match="use it in a with block"):
        server.restart()
    server.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server must change its account")
def test_root_that_can_become_nobody_else_uses_a_namespace(
    postgres: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not not_root_command():
        pytest.skip("this machine allows no user namespaces")
    monkeypatch.setattr(Account, "can_be_used", lambda self: False)
    with PostgreSQL() as server:
        assert server.accepts("postgres", server.password)
        assert not server.accepts("postgres", Sensitive("wrong"))
        status = Path(f"/proc/{server.process.pid}/uid_map").read_text()
        assert status.split()[2] == "1"
