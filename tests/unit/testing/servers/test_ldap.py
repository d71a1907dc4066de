from __future__ import annotations

import base64
from pathlib import Path

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers.ldap import BINARY_VARIABLE, PEOPLE, LdapServer, _find_binary


def program(path: Path) -> Path:
    path.write_text("#!/bin/sh\nexit 3\n")
    path.chmod(0o700)
    return path


def test_the_program_asked_for_goes_before_the_environments_and_the_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, named, found = (program(tmp_path / name) for name in ("asked", "named", "slapd"))
    monkeypatch.setenv(BINARY_VARIABLE, str(named))
    assert (_find_binary(asked), _find_binary(None)) == (asked, named)
    monkeypatch.setenv(BINARY_VARIABLE, str(tmp_path / "absent"))
    assert _find_binary(None) is None
    monkeypatch.delenv(BINARY_VARIABLE)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _find_binary(None) == found


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    assert BINARY_VARIABLE in LdapServer.missing_reason(tmp_path / "absent")
    with pytest.raises(LocalServerError, match="no slapd program"):
        LdapServer({}, binary=tmp_path / "absent").start()


def test_a_program_that_fails_leaves_nothing(tmp_path: Path) -> None:
    server = LdapServer({}, binary=program(tmp_path / "slapd"))
    with pytest.raises(LocalServerError, match="slapadd failed with status 3"):
        server.start()
    assert not server.workspace.path.exists()


def test_people_are_written_with_any_password() -> None:
    entries = LdapServer({"anna": Sensitive("pä ss\n")})._entries()
    assert f"dn: uid=anna,{PEOPLE}\n" in entries
    assert "userPassword:: " + base64.b64encode("pä ss\n".encode()).decode() in entries
