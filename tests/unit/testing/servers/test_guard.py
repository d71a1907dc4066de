from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from virtrigaud_secrets.testing.servers import guard


def test_what_was_watched_and_not_forgotten_is_left() -> None:
    orders = [b"watch 11 15\n", b"watch 12 2\n", b"forget 11\n", b"forget 99\n", b"nonsense 3\n"]
    assert guard.follow(orders) == {12: 2}
    assert guard.follow([]) == {}


def test_imports_nothing_outside_the_standard_library() -> None:
    probe = "import runpy, sys; runpy.run_path(sys.argv[1]); print(sorted(m for m in sys.modules if 'virtrigaud' in m))"
    command = [sys.executable, "-I", "-S", "-c", probe, guard.__file__]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # this interpreter
    assert done.stdout == "[]\n"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="this system cannot tell what was not reaped")
def test_a_process_that_ended_is_not_alive_whether_reaped_or_not() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert guard.alive(child.pid)
        child.kill()
        while guard.alive(child.pid):
            pass
        assert guard.send(child.pid, 0)  # still there for its parent
    assert not guard.alive(child.pid)


def test_signals_to_nobody_are_told_apart() -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    assert guard.send(child.pid, 0)
    child.communicate(b"\n")
    assert not guard.send(child.pid, 0)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="this system cannot tell working directories")
def test_finds_processes_below_a_directory(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, cwd=tmp_path)
    assert guard.running_below(tmp_path) == {child.pid}
    child.communicate(b"\n")
    assert guard.running_below(tmp_path) == set()
