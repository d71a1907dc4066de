"""A program of its own: outlives the process that started servers, ends them and removes their directory.

It is run by path with a bare interpreter, so it imports nothing of this package and nothing outside the standard
library. Its only argument is the directory. On standard input it is told `watch PID SIGNAL` and `forget PID`; the end
of that input means that the starter is finished or dead, however it died. What servers are and how they are started
is not its business.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

GRACE_SECONDS = 3.0
"""How long a server may take to end in its own way. PostgreSQL and OpenBao need a tenth of it."""
PAUSE_SECONDS = 0.02
"""Between two looks at whether a process is gone; a process that is nobody's child cannot be waited for."""


def follow(lines: Iterable[bytes]) -> dict[int, int]:
    """Read orders to the end and return what is left to be ended: process id → the signal it ends on."""
    watched: dict[int, int] = {}
    for line in lines:
        order, *numbers = line.split()
        if order == b"watch":
            watched[int(numbers[0])] = int(numbers[1])
        elif order == b"forget":
            watched.pop(int(numbers[0]), None)
    return watched


def send(pid: int, number: int, *, group: bool = False) -> bool:
    """Send a signal; False when there is nobody to get it."""
    try:
        if group:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def alive(pid: int) -> bool:
    """Whether a process still runs.

    One that ended and was not reaped does not: the first process of some containers never reaps orphans.
    """
    if not send(pid, 0):
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state != b"Z"


def running_below(directory: Path) -> set[int]:
    """Processes whose working directory is below `directory`, where the system can tell.

    Finds what was started and not announced because its starter was interrupted in between.
    """
    found: set[int] = set()
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            place = link.readlink()
        except OSError:
            continue
        if place.is_relative_to(directory):
            found.add(int(link.parent.name))
    return found


def end(watched: dict[int, int]) -> None:
    """End processes: first as they like it, then by force."""
    left = {pid for pid, number in watched.items() if send(pid, number)}
    deadline = time.monotonic() + GRACE_SECONDS
    while left and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
        left = {pid for pid in left if alive(pid)}
    for pid in left:
        send(pid, signal.SIGKILL, group=True)


def main() -> None:
    """Wait for the end of the starter, then clear up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a terminal's Ctrl-C is for the starter; the end of input follows it
    directory = Path(sys.argv[1])
    os.chdir("/")
    watched = follow(sys.stdin.buffer)
    end(watched)
    for pid in running_below(directory):
        send(pid, signal.SIGKILL)
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
