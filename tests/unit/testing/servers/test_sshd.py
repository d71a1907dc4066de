"""What needs no sshd. That it lets in who may is shown in tests/integration/delivery/test_ssh_clients.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing import ssh_key
from virtrigaud_secrets.testing.servers import sshd
from virtrigaud_secrets.testing.servers.sshd import SshServer


def program(path: Path, text: str = "exit 3") -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalServerError, match="no sshd program"):
        SshServer(binary=tmp_path / "absent").start()


def test_a_program_that_fails_is_told_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sshd, "_EMPTY_DIRECTORY", tmp_path / "run")
    with pytest.raises(LocalServerError, match=r"sshd ended with status 3\n  reason"):
        SshServer(binary=program(tmp_path / "sshd", "echo reason; exit 3")).start()


def test_nobody_is_let_in_by_a_server_that_does_not_run() -> None:
    with pytest.raises(LocalServerError, match="not running"):
        SshServer().authorize(ssh_key())
