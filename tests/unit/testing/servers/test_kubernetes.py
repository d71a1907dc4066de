from __future__ import annotations

import os
from pathlib import Path

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers.kubernetes import ASSETS_VARIABLE, KubernetesAPI


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any server: PATH, assets and cache are directories below this one."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(ASSETS_VARIABLE, raising=False)
    return tmp_path


def program(path: Path, *, mtime: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    path.chmod(0o755)
    os.utime(path, (mtime, mtime))
    return path


def test_what_is_missing_is_named_with_the_way_to_get_it(machine: Path) -> None:
    reason = KubernetesAPI.missing_reason()
    assert "tests/tools/build-kube-apiserver" in reason
    assert "etcd-server" in reason
    program(machine / "bin" / "etcd")
    assert "etcd-server" not in KubernetesAPI.missing_reason()
    with pytest.raises(LocalServerError, match="no kube-apiserver"):
        KubernetesAPI().start()


@pytest.mark.parametrize("place", ["bin", "assets", "cache/virtrigaud-secrets/kube-apiserver/v1.34.4"])
def test_a_program_is_found_on_the_path_among_assets_and_in_the_cache(
    machine: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv(ASSETS_VARIABLE, str(machine / "assets"))
    program(machine / "bin" / "etcd")
    found = program(machine / place / "kube-apiserver")
    assert KubernetesAPI.missing_reason() == ""
    found.chmod(0o644)
    assert "no kube-apiserver" in KubernetesAPI.missing_reason()


def test_a_program_that_was_named_and_cannot_be_run_is_not_replaced_by_another(machine: Path) -> None:
    program(machine / "bin" / "etcd")
    program(machine / "bin" / "kube-apiserver")
    assert KubernetesAPI.missing_reason() == ""
    assert "no kube-apiserver" in KubernetesAPI.missing_reason(apiserver=machine / "nowhere")
    assert "no etcd" in KubernetesAPI.missing_reason(etcd=machine / "nowhere")


def test_a_server_that_was_not_started_says_so() -> None:
    server = KubernetesAPI()
    for ask in (server.kubeconfig, lambda: server.process):
        with pytest.raises(LocalServerError, match="is not running: use it in a with block"):
            ask()
    server.close()


def test_the_administrators_token_does_not_show() -> None:
    server = KubernetesAPI()
    assert server.admin_token.reveal_text() not in repr(server) + repr(vars(server))
