from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers import processes
from virtrigaud_secrets.testing.servers.processes import (
    PORT_ATTEMPTS,
    ServerProcess,
    Workspace,
    WorkspaceServer,
    find_program,
    free_port,
    listens,
    on_a_free_port,
)

WAIT = timedelta(seconds=30)
READY = "import time; print('ready', flush=True); time.sleep(600)"


def python(script: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", script]


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with Workspace() as opened:
        yield opened


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port())):
        pass


def test_only_the_owner_can_look_into_it(workspace: Workspace) -> None:
    assert workspace.path.stat().st_mode & 0o777 == 0o700
    path = workspace.write("a", "text")
    assert path.stat().st_mode & 0o777 == 0o600
    assert workspace.write("a", b"x").read_bytes() == b"x"


def test_a_link_in_the_way_is_not_followed(workspace: Workspace, tmp_path: Path) -> None:
    (workspace.path / "a").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic link"):
        workspace.write("a", b"x")
    assert not (tmp_path / "victim").exists()


def test_a_program_runs_without_the_users_variables(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "planted")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    process = workspace.start("env", python("import os; print(sorted(os.environ), os.getcwd())"))
    assert process.wait(WAIT) == 0
    shown = process.log.read_text()
    assert "VAULT_TOKEN" not in shown
    assert "PROXY" not in shown
    assert str(workspace.path) in shown


def test_closing_ends_programs_and_removes_the_directory() -> None:
    workspace = Workspace()
    process = workspace.start("server", python(READY))
    process.wait_until(lambda: process.logged("ready"), timeout=WAIT)
    assert process.running
    workspace.close()
    assert process.wait(WAIT) == -signal.SIGTERM
    assert not workspace.path.exists()
    workspace.close()
    with pytest.raises(LocalServerError, match="its directory was removed"):
        workspace.start("late", python("pass"))


def test_a_program_ends_by_the_signal_it_asks_for(workspace: Workspace) -> None:
    process = workspace.start("server", python(READY), stop_signal=signal.SIGINT)
    process.wait_until(lambda: process.logged("ready"), timeout=WAIT)
    process.stop()
    assert not process.running
    assert process.logged("KeyboardInterrupt")
    process.stop()


def test_a_frozen_program_can_be_stopped(workspace: Workspace) -> None:
    process = workspace.start("server", python(READY))
    process.freeze()
    process.stop()
    assert not process.running


def test_killing_takes_children_along(workspace: Workspace) -> None:
    os.mkfifo(workspace.path / "held")
    child = "[sys.executable, '-S', '-c', 'import time; time.sleep(600)']"
    script = f"import subprocess, sys; subprocess.Popen({child}, stdout=open('held', 'w')).wait()"
    process = workspace.start("server", python(script))
    with (workspace.path / "held").open() as held:
        process.kill()
        assert held.read() == ""  # the end comes when nobody has the other side open, the child included


def test_a_program_that_ends_early_shows_its_last_words(workspace: Workspace) -> None:
    process = workspace.start("server", python("print('one'); print('no luck'); raise SystemExit(7)"))
    with pytest.raises(LocalServerError, match=r"^server ended with status 7\n  one\n  no luck$"):
        process.wait_until(lambda: False, timeout=WAIT)


def test_waiting_has_an_end(workspace: Workspace) -> None:
    process = workspace.start("server", python(READY))
    with pytest.raises(LocalServerError, match="server is not ready after 0 s"):
        process.wait_until(lambda: False, timeout=timedelta(milliseconds=20))


def test_run_waits_for_success(workspace: Workspace) -> None:
    workspace.run("tool", python("open('made', 'w').close()"), timeout=WAIT)
    assert (workspace.path / "made").exists()
    with pytest.raises(LocalServerError, match=r"tool failed with status 3"):
        workspace.run("tool", python("raise SystemExit(3)"), timeout=WAIT)
    with pytest.raises(LocalServerError, match="tool did not finish within 0 s"):
        workspace.run("tool", python(READY), timeout=timedelta(milliseconds=20))


def test_a_program_that_is_not_there_is_an_error_of_ours(workspace: Workspace) -> None:
    with pytest.raises(LocalServerError, match=r"server cannot be run: .*No such file"):
        workspace.start("server", ["/nonexistent/program"])


def test_a_forked_child_leaves_everything_alone(workspace: Workspace) -> None:
    process = workspace.start("server", python(READY))
    child = os.fork()
    if child == 0:
        workspace.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert process.running
    assert workspace.path.exists()


def program(path: Path) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o700)
    return path


def test_the_program_asked_for_goes_before_the_path_and_that_before_debians(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "debian").mkdir()
    asked, found, debian = (program(tmp_path / name) for name in ("asked", "server", "debian/server"))
    monkeypatch.setattr(processes, "_DEBIAN", debian.parent)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [find_program("server", given=given) for given in (asked, None, tmp_path / "absent")] == [asked, found, None]
    monkeypatch.setenv("PATH", "")
    assert (find_program("server"), find_program("another")) == (debian, None)


LISTEN = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(600)"
TAKEN = "print('Address already in use', flush=True); raise SystemExit(1)"


def test_a_port_that_somebody_took_is_replaced_by_another(workspace: Workspace) -> None:
    tried: list[int] = []

    def begin(port: int) -> ServerProcess:
        tried.append(port)
        return workspace.start(f"server{len(tried)}", [*python(TAKEN if len(tried) < 3 else LISTEN), str(port)])

    port = on_a_free_port(begin, timeout=WAIT)
    assert (len(tried), tried[-1], listens(port)) == (3, port, True)


def test_ports_are_not_tried_for_ever_nor_after_another_fault(workspace: Workspace) -> None:
    tried: list[int] = []

    def begin(script: str, port: int) -> ServerProcess:
        tried.append(port)
        return workspace.start(f"server{len(tried)}", python(script))

    with pytest.raises(LocalServerError, match="already in use"):
        on_a_free_port(lambda port: begin(TAKEN, port), timeout=WAIT)
    assert len(tried) == PORT_ATTEMPTS
    with pytest.raises(LocalServerError, match="another fault"):
        on_a_free_port(lambda port: begin("raise SystemExit('another fault')", port), timeout=WAIT)
    assert len(tried) == PORT_ATTEMPTS + 1


class Server(WorkspaceServer):
    title = "the server"

    def __init__(self, script: str) -> None:
        super().__init__()
        self.script = script

    def launch(self, workspace: Workspace) -> None:
        process = workspace.start("server", python(self.script))
        process.wait_until(lambda: process.logged("ready"), timeout=WAIT)


def test_a_server_runs_for_the_block() -> None:
    server = Server(READY)
    with pytest.raises(LocalServerError, match="the server is not running"):
        server.workspace  # noqa: B018  # asking is the point
    server.close()
    with server as started:
        assert started is server
        assert server.workspace.path.is_dir()
    assert not server.workspace.path.exists()


def test_a_server_that_does_not_start_leaves_nothing() -> None:
    server = Server("raise SystemExit('why')")
    with pytest.raises(LocalServerError, match="why"):
        server.start()
    assert not server.workspace.path.exists()
