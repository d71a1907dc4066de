from __future__ import annotations

import os
from pathlib import Path

import pytest

from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers import postgres
from virtrigaud_secrets.testing.servers.postgres import (
    ACCESS_RULES,
    BINARIES_VARIABLE,
    SETTINGS,
    DatabaseRefusedError,
    Installation,
    PostgreSQL,
    _copy,
    _find_installation,
    _sqlstate,
    _unprivileged_account,
)


def install(directory: Path) -> Path:
    directory.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (directory / name).write_text("#!/bin/sh\n")
        (directory / name).chmod(0o700)
    return directory


def test_the_programs_asked_for_go_before_the_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, named = install(tmp_path / "asked"), install(tmp_path / "named")
    monkeypatch.setenv(BINARIES_VARIABLE, str(named))
    assert _find_installation(asked) == Installation(asked)
    assert _find_installation(None) == Installation(named)
    assert _find_installation(tmp_path) is None


def test_without_a_wheel_the_path_is_searched_and_links_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = install(tmp_path / "lib" / "postgresql" / "bin")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "initdb").symlink_to(real / "initdb")
    monkeypatch.delenv(BINARIES_VARIABLE, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert _find_installation(None) == Installation(real)
    monkeypatch.setenv("PATH", "")
    assert _find_installation(None) is None


def test_the_driver_is_missing_before_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert PostgreSQL.missing_reason() == "the package pg8000 is not installed"


def test_roots_server_needs_another_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = install(tmp_path / "bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(postgres, "_unprivileged_account", lambda: None)
    monkeypatch.setattr(postgres, "not_root_command", list)
    assert "does not run as root" in PostgreSQL.missing_reason(programs)
    monkeypatch.setattr(postgres, "not_root_command", lambda: ["wrapper"])
    assert PostgreSQL.missing_reason(programs) == ""
    monkeypatch.setattr(postgres, "not_root_command", list)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert PostgreSQL.missing_reason(programs) == ""


def test_the_other_account_is_not_root() -> None:
    account = _unprivileged_account()
    assert account is None or account.uid != 0


def test_a_copy_keeps_the_libraries_beside_it_and_opens_it_for_others(tmp_path: Path) -> None:
    package = tmp_path / "site" / "pgserver"
    install(package / "pginstall" / "bin")
    for path in (package / "pginstall" / "lib", package.with_name("pgserver.libs")):
        path.mkdir()
        (path / "libpq.so").write_text("x")
        (path / "libpq.so").chmod(0o600)
    (package / "pginstall" / "lib" / "libpq.a").write_text("for linkers")
    (package / "__init__.py").write_text("")
    copied = _copy(package, tmp_path / "to")
    assert copied == tmp_path / "to" / "pgserver"
    files = {str(path.relative_to(tmp_path / "to")): path.stat().st_mode & 0o777 for path in tmp_path.glob("to/**/*.*")}
    assert files["pgserver.libs/libpq.so"] == 0o644
    assert files["pgserver/pginstall/lib/libpq.so"] == 0o644
    assert "pgserver/pginstall/lib/libpq.a" not in files
    assert "pgserver/__init__.py" not in files
    assert (copied / "pginstall" / "bin" / "postgres").stat().st_mode & 0o777 == 0o755


def test_nobody_gets_in_without_a_password() -> None:
    rules = [line for line in ACCESS_RULES.splitlines() if not line.startswith("#")]
    assert rules == ["host all all 127.0.0.1/32 scram-sha-256"]
    settings = SETTINGS.format(port=5432)
    assert "listen_addresses = '127.0.0.1'" in settings
    assert "unix_socket_directories = ''" in settings


def test_sqlstate_is_taken_from_the_servers_fields() -> None:
    assert _sqlstate(Exception({"C": "28P01", "M": "text"})) == "28P01"
    assert _sqlstate(Exception("text")) == ""
    assert _sqlstate(Exception()) == ""


@pytest.mark.parametrize("state", ["28P01", "28000", "42704"])
def test_a_role_that_was_dropped_is_not_accepted_nor_while_it_is_asked(
    state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise DatabaseRefusedError("refused", state=state)

    server = PostgreSQL()
    monkeypatch.setattr(server, "query", refuse)
    assert not server.accepts("role", Sensitive("canary"))


def test_another_fault_of_the_database_is_not_taken_for_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DatabaseRefusedError("no room", state="53300")

    server = PostgreSQL()
    monkeypatch.setattr(server, "query", fail)
    with pytest.raises(DatabaseRefusedError):
        server.accepts("role", Sensitive("canary"))
