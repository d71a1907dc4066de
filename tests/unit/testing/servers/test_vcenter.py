"""What needs no simulator. What it does is shown in tests/integration/servers/test_vcenter.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers.vcenter import CACHE_DIRECTORY, VCenter, _find_binary


def program(path: Path, text: str = "exit 3") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


def test_the_newest_of_the_cache_counts_unless_another_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _find_binary(None) is None
    old, new = (program(tmp_path / CACHE_DIRECTORY / version / "vcsim") for version in ("v0.52.0-a", "v0.52.0-b"))
    os.utime(old, (1, 1))
    assert _find_binary(None) == new
    given = program(tmp_path / "given")
    assert _find_binary(given) == given
    assert _find_binary(tmp_path / "absent") is None


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    assert "tests/tools/build-vcsim" in VCenter.missing_reason(tmp_path / "absent")
    with pytest.raises(LocalServerError, match="no vcsim program"):
        VCenter(binary=tmp_path / "absent").start()


def test_a_program_that_fails_is_told_with_its_log(tmp_path: Path) -> None:
    failing = program(tmp_path / "vcsim", "echo reason; exit 3")
    with pytest.raises(LocalServerError, match=r"vcsim ended with status 3\n  reason"):
        VCenter(binary=failing).start()


def test_orders_need_a_running_server() -> None:
    with pytest.raises(LocalServerError, match="not running"):
        VCenter().logins()
