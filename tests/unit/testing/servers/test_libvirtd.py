"""What needs no libvirtd. That it answers over SSH is shown in tests/docs/test_provider_examples.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers import libvirtd
from virtrigaud_secrets.testing.servers.libvirtd import LibvirtDaemon


def program(path: Path, text: str = "exit 3") -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalServerError, match="no libvirtd program"):
        LibvirtDaemon(binary=tmp_path / "absent").start()


def test_a_program_that_fails_is_told_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libvirtd, "not_root_command", list)
    with pytest.raises(LocalServerError, match=r"libvirtd ended with status 3\n  reason"):
        LibvirtDaemon(binary=program(tmp_path / "libvirtd", "echo reason; exit 3")).start()


def test_there_is_no_socket_before_it_runs() -> None:
    with pytest.raises(LocalServerError, match="not running"):
        _ = LibvirtDaemon().socket
