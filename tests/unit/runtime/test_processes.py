"""Faults 31 and 32: the end of a process, and a second one by fork. Each runs in an interpreter of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HERE = Path(__file__).parent

PRELUDE = """
import importlib.util, os, pathlib, signal, sys, tempfile, threading, time
spec = importlib.util.spec_from_file_location("lab_of_tests", {conftest!r})
lab_of_tests = importlib.util.module_from_spec(spec)
sys.modules["lab_of_tests"] = lab_of_tests
spec.loader.exec_module(lab_of_tests)
from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.stores import fake

lab = lab_of_tests.Lab(SystemClock())
fake.FACTORY = lab_of_tests.LabFactory(lab)
place = pathlib.Path({place!r})
(place / "manifests.yaml").write_text(lab_of_tests.MANIFESTS)

def closed(revoke):
    os.write(1, f"closed {{os.getpid() == parent}} {{revoke}} {{len(lab.leases)}}\\n".encode())

parent = os.getpid()
forget = lab_of_tests.LabClient.close
def close(self, *, revoke=True):
    closed(revoke)
    forget(self, revoke=revoke)
lab_of_tests.LabClient.close = close
resolver = Resolver.from_path(place, settings=Settings())
"""


FORK_WARNING = "ignore:This process:DeprecationWarning"


def run(tmp_path: Path, program: str, *, signal: int = 0) -> list[str]:
    """What a program printed; it has to end well and say nothing on standard error."""
    prelude = PRELUDE.format(conftest=str(HERE / "conftest.py"), place=str(tmp_path))
    done = subprocess.run(
        # Python warns of every fork with threads since 3.12: what a child does then is what is tested here.
        [sys.executable, "-W", "error::ResourceWarning", "-W", FORK_WARNING, "-c", prelude + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == signal
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "program",
    [
        """
        subscription = resolver.subscribe("db")
        subscription.on_change(lambda new, old: None)
        resolver.wait_ready(timeout=__import__("datetime").timedelta(seconds=20))
        """,
        """
        resolver.resolve("db")
        del resolver
        """,
        """
        resolver.resolve("db")
        sys.exit(0)
        """,
    ],
    ids=["with threads", "nobody holds it", "by sys.exit"],
)
def test_fault_31_exit_without_close_hands_back(tmp_path, program):
    assert run(tmp_path, program) == ["closed True True 1"]


def test_fault_31_sigterm_with_a_handler_that_exits(tmp_path):
    lines = run(
        tmp_path,
        """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with resolver:
            subscription = resolver.subscribe("db")
            resolver.wait_ready(timeout=__import__("datetime").timedelta(seconds=20))
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(30)
        """,
    )
    assert lines == ["closed True True 1"]


def test_fault_31_an_exit_while_a_request_hangs(tmp_path):
    lines = run(
        tmp_path,
        """
        resolver.resolve("db")
        lab.troubles["get", "kv/a"] = lambda: time.sleep(3600)
        threading.Thread(target=resolver.resolve, args=["kv"], daemon=True).start()
        time.sleep(0.2)
        """,
    )
    assert lines == ["closed True True 1"]


def test_fault_32_a_forked_child_begins_anew_and_ends_nothing_of_the_parents(tmp_path):
    """The parent forks while its threads resolve, take locks and wait for requests."""
    lines = run(
        tmp_path,
        """
        stop = threading.Event()
        subscription = resolver.subscribe("db")
        subscription.on_change(lambda new, old: time.sleep(0.001))
        resolver.wait_ready(timeout=__import__("datetime").timedelta(seconds=20))
        mine = subscription.current
        def work():
            while not stop.is_set():
                resolver.resolve("kv-too")
                resolver.refresh("kv")
                resolver.health()
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        children = []
        for number in range(5):
            time.sleep(0.02)
            child = os.fork()
            if not child:
                ok = subscription.current is mine
                lab.lock = threading.Lock()
                lab.troubles.clear()
                with subscription.use() as borrowed:
                    ok = ok and borrowed is not None
                ok = ok and dict(resolver.resolve("kv"))["a"] is not None
                own = resolver.resolve("db")
                ok = ok and own["username"] != mine["username"] and lab.made == 2
                until = time.monotonic() + 20
                while subscription.current is mine and time.monotonic() < until:
                    time.sleep(0.005)
                ok = ok and subscription.current is own
                os.write(1, f"child {ok}\\n".encode())
                resolver.close()
                os._exit(0)
            children.append(child)
        for child in children:
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        for thread in threads:
            thread.join(20)
        assert subscription.current is mine
        os.write(1, f"parent {len(lab.leases)}\\n".encode())
        """,
    )
    assert lines.count("child True") == 5
    assert [line for line in lines if line.startswith("closed False")] == ["closed False True 2"] * 5
    assert lines[-2:] == ["parent 1", "closed True True 1"]


def test_fault_32_a_child_that_never_uses_it_ends_nothing(tmp_path):
    lines = run(
        tmp_path,
        """
        resolver.resolve("db")
        child = os.fork()
        if not child:
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """,
    )
    assert lines == ["closed True True 1"]


def test_fault_32_a_borrowed_value_is_asked_for_once_however_often_it_is_looked_at(tmp_path):
    lines = run(
        tmp_path,
        """
        subscription = resolver.subscribe("db")
        resolver.wait_ready(timeout=__import__("datetime").timedelta(seconds=20))
        mine = subscription.current
        child = os.fork()
        if not child:
            lab.lock = threading.Lock()
            lab.down("get")
            asked = len(lab.asked)
            until = time.monotonic() + 0.4
            while time.monotonic() < until:
                assert subscription.current is mine
            os.write(1, f"{len(lab.asked) - asked}\\n".encode())
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """,
    )
    assert int(lines[0]) <= 2
    assert lines[1:] == ["closed True True 1"]


def test_fault_32_jitter_differs(tmp_path):
    lines = run(
        tmp_path,
        """
        resolver.resolve("kv")
        for _ in range(2):
            child = os.fork()
            if not child:
                lab.lock = threading.Lock()
                resolver.resolve("kv")
                entry, = resolver.keeper.entries.all()
                os.write(1, f"{entry.snapshot.refresh_at - entry.snapshot.read_at}\\n".encode())
                os._exit(0)
            os.waitpid(child, 0)
        """,
    )
    assert lines[0] != lines[1]
    assert lines[2:] == ["closed True True 0"]
