"""What is left when the process that started servers dies: nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

STARTER = """
import os, signal, subprocess, sys
from virtrigaud_secrets.testing.servers.processes import Workspace
workspace = Workspace()
stubborn = "import signal, time; signal.signal(15, signal.{handling}); open('held', 'w').close(); time.sleep(600)"
servers = [workspace.start(name, [sys.executable, "-S", "-c", "import time; time.sleep(600)"]) for name in "ab"]
servers.append(workspace.start("c", [sys.executable, "-S", "-c", stubborn]))
servers[2].wait_until((workspace.path / "held").exists, timeout=__import__("datetime").timedelta(seconds=30))
# As when the starter is interrupted before it could tell the guard.
servers.append(subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], cwd=workspace.path))
print(workspace.path, os.getpid(), *(server.pid for server in servers), flush=True)
{ending}
"""

ENDINGS = {
    "SIGKILL": "signal.pause()",
    "SIGTERM": "signal.pause()",
    "SIGINT": "signal.pause()",
    "exit": "sys.exit(0)",
    "exception": "raise RuntimeError('starter fails')",
    "_exit": "os._exit(1)",
}


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody reaped yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
@pytest.mark.parametrize("ending", ENDINGS)
def test_servers_and_files_go_with_their_starter(ending: str) -> None:
    handling = "SIG_IGN" if ending == "SIGKILL" else "SIG_DFL"  # a server that does not want to end costs time
    command = [sys.executable, "-c", STARTER.format(ending=ENDINGS[ending], handling=handling)]
    starter = subprocess.Popen(  # this interpreter
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert starter.stdout is not None
    directory, pid, *servers = starter.stdout.readline().split()
    starter.stdout.close()
    if ending.startswith("SIG"):
        os.kill(int(pid), getattr(signal, ending))
    starter.wait()
    deadline = time.monotonic() + 30
    while Path(directory).exists() or not all(gone(int(server)) for server in servers):
        assert time.monotonic() < deadline, "something is left"
        time.sleep(0.02)
