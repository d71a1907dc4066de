"""Programs that are signalled and restarted while their secrets rotate."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery import Directory, Environment, Execution

PROGRAM = """
import os, pathlib, signal, sys, time

log, where = pathlib.Path(sys.argv[1]), sys.argv[2]
def say(word):
    value = os.environ.get("PASSWORD") or pathlib.Path(where, "password").read_text()
    with log.open("a") as file:
        file.write(f"{word} {value}\\n")
def stop(*_):
    say("stop")
    sys.exit(0 if where else 5)
signal.signal(signal.SIGHUP, lambda *_: say("reload"))
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(9))
signal.signal(signal.SIGTERM, stop)
say("start")
while True:
    time.sleep(60)
"""


def secret(number: int) -> Bundle:
    return Bundle({"password": b"canary-%d" % number})


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


class Running:
    """An execution on a thread of its own."""

    def __init__(self, source: object, execution: Execution, log: Path) -> None:
        self.log = log
        self.status: int | None = None
        self._thread = threading.Thread(target=self._run, args=(source, execution))
        self._thread.start()

    def _run(self, source: object, execution: Execution) -> None:
        self.status = execution.run(source)  # type: ignore[arg-type]

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def wait_for(self, *lines: str) -> None:
        wait_for(lambda: self.lines() == list(lines))

    def join(self) -> int | None:
        self._thread.join(20)
        return self.status


@pytest.fixture
def place(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path


def command(place: Path, where: str) -> list[str]:
    return [sys.executable, str(place / "program.py"), str(place / "log"), where]


def program(place: Path) -> int:
    """The process id of the program."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = process.read_bytes().split(b"\0")
        except OSError:
            continue
        if arguments[1:3] == [bytes(place / "program.py"), bytes(place / "log")]:
            return int(process.parent.name)
    raise AssertionError("it does not run")


def end(place: Path, number: signal.Signals) -> None:
    """Have the program end by itself."""
    os.kill(program(place), number)


def test_a_signal_after_the_files_were_exchanged(place: Path, by_hand) -> None:  # type: ignore[no-untyped-def]
    source = by_hand(secret(1))
    with Directory(place / "credentials") as directory:
        execution = Execution(
            command=command(place, str(directory.path)), directory=directory, on_rotation=signal.SIGHUP
        )
        running = Running(source, execution, place / "log")
        running.wait_for("start canary-1")
        source.rotate(secret(2))
        running.wait_for("start canary-1", "reload canary-2")
        end(place, signal.SIGUSR1)
        assert running.join() == 9


def test_a_restart_with_new_variables(place: Path, by_hand) -> None:  # type: ignore[no-untyped-def]
    source = by_hand(secret(1))
    execution = Execution(command=command(place, ""), environment=Environment())
    running = Running(source, execution, place / "log")
    running.wait_for("start canary-1")
    source.rotate(secret(1))
    source.rotate(secret(2))
    running.wait_for("start canary-1", "stop canary-1", "start canary-2")
    end(place, signal.SIGUSR1)
    assert running.join() == 9


def test_a_program_that_does_not_stop_is_killed_and_started_again(place: Path, by_hand) -> None:  # type: ignore[no-untyped-def]
    from datetime import timedelta

    source = by_hand(secret(1))
    execution = Execution(
        command=command(place, ""),
        environment=Environment(),
        stop_signal=signal.SIGCONT,
        stop_timeout=timedelta(seconds=0.2),
    )
    running = Running(source, execution, place / "log")
    running.wait_for("start canary-1")
    source.rotate(secret(2))
    running.wait_for("start canary-1", "start canary-2")
    end(place, signal.SIGUSR1)
    assert running.join() == 9


def test_what_cannot_be_delivered_leaves_the_program_as_it_is(
    place: Path,
    by_hand,  # type: ignore[no-untyped-def]
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = by_hand(secret(1))
    running = Running(source, Execution(command=command(place, ""), environment=Environment()), place / "log")
    running.wait_for("start canary-1")
    source.rotate(Bundle({"password": b"canary-2\0"}))
    wait_for(lambda: "goes on with the secrets it has" in caplog.text)
    source.rotate(secret(3))
    running.wait_for("start canary-1", "stop canary-1", "start canary-3")
    end(place, signal.SIGUSR1)
    assert running.join() == 9
    assert "canary" not in caplog.text


SUPERVISOR = """
import sys
from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery import Environment, Execution

class Source:
    current = Bundle({"password": b"canary-1"})
    def on_change(self, callback):
        return lambda: None

sys.exit(Execution(command=sys.argv[1:], environment=Environment()).run(Source()))
"""


def shown(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


def test_no_argument_and_with_files_no_variable_holds_a_secret(place: Path, by_hand) -> None:  # type: ignore[no-untyped-def]
    with Directory(place / "credentials") as directory:
        ways = [
            (Execution(command=command(place, str(directory.path)), directory=directory), False),
            (Execution(command=command(place, ""), environment=Environment()), True),
        ]
        for number, (execution, in_variables) in enumerate(ways):
            log = place / "log"
            running = Running(by_hand(secret(number)), execution, log)
            running.wait_for(f"start canary-{number}")
            pid = program(place)
            assert b"canary" not in shown(pid, "cmdline") + shown(pid, "comm")
            assert (b"canary" in shown(pid, "environ")) is in_variables
            assert b"canary" not in shown(os.getpid(), "environ") + shown(os.getpid(), "cmdline")
            end(place, signal.SIGUSR1)
            assert running.join() == 9
            log.unlink()


def test_a_program_ends_with_this_process_if_the_kernel_is_told_so(place: Path, require) -> None:  # type: ignore[no-untyped-def]
    require("" if shutil.which("setpriv") else "no setpriv on the PATH, which util-linux brings")
    told = ["setpriv", "--pdeathsig", "TERM", *command(place, "")]
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, *told], stdin=subprocess.DEVNULL)
    log = place / "log"
    wait_for(lambda: log.exists() and "start" in log.read_text())
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: log.read_text().splitlines() == ["start canary-1", "stop canary-1"])


def test_signals_to_this_process_reach_the_program(place: Path) -> None:
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, *command(place, "")], stdin=subprocess.DEVNULL)
    log = place / "log"
    wait_for(lambda: log.exists() and "start" in log.read_text())
    supervisor.send_signal(signal.SIGHUP)
    wait_for(lambda: "reload" in log.read_text())
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(20) == 5
    assert log.read_text().splitlines() == ["start canary-1", "reload canary-1", "stop canary-1"]
