from __future__ import annotations

import json
from pathlib import Path

import pytest

from virtrigaud_secrets.testing.servers.openbao import BINARY_VARIABLE, OpenBao, _audit_entry, _find_binary


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "bao"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_program_asked_for_goes_before_the_environments(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BINARY_VARIABLE, str(tmp_path / "other"))
    assert _find_binary(program) == program
    assert _find_binary(None) is None
    monkeypatch.setenv(BINARY_VARIABLE, str(program))
    assert _find_binary(None) == program


def test_without_a_wheel_the_path_is_searched(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BINARY_VARIABLE, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(program.parent))
    assert _find_binary(None) == program
    assert OpenBao.missing_reason() == ""
    monkeypatch.setenv("PATH", "")
    assert _find_binary(None) is None
    assert BINARY_VARIABLE in OpenBao.missing_reason()


def test_an_audit_line_is_read() -> None:
    line = {
        "type": "response",
        "auth": {"display_name": "kubernetes-a"},
        "request": {"operation": "read", "path": "secret/data/x"},
        "error": "denied",
    }
    entry = _audit_entry(json.dumps(line).encode())
    assert (entry.kind, entry.operation, entry.path, entry.error, entry.login) == (
        "response",
        "read",
        "secret/data/x",
        "denied",
        "kubernetes-a",
    )
    assert entry.raw == line
    assert _audit_entry(b"{}").path == ""


def test_nothing_of_it_shows_a_secret() -> None:
    server = OpenBao()
    assert "oken" not in repr(server)
    assert server.address == "https://127.0.0.1:0"
    assert OpenBao(tls=False).address == "http://127.0.0.1:0"
    assert server.ca_pem == b""
