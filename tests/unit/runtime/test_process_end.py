from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

from virtrigaud_secrets.runtime import process_end


class Resolver:
    def __init__(self, name: str = "") -> None:
        self.name = name
        self.begun = 0

    def close(self) -> None:
        print("closed", self.name)  # noqa: T201  # read by the test that runs it

    def begin_in_child(self) -> None:
        self.begun += 1


PROGRAM = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("here", sys.argv[1])
here = importlib.util.module_from_spec(spec)
spec.loader.exec_module(here)
from virtrigaud_secrets.runtime import process_end
kept, gone, done = here.Resolver("kept"), here.Resolver("gone"), here.Resolver("done")
connections, ended = here.Resolver("connections"), here.Resolver("ended")
for resolver in (kept, gone, done):
    process_end.opened(resolver)
process_end.used(connections)
process_end.used(ended)
process_end.closed(done, ended)
del gone, connections
"""


def test_at_exit_what_is_open_or_was_used_is_closed_and_nothing_twice():
    run = subprocess.run([sys.executable, "-c", PROGRAM, __file__], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == ["closed kept", "closed connections"]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # other tests' threads may be there
def test_in_a_forked_child_each_open_one_begins_anew():
    resolver, done = Resolver(), Resolver()
    process_end.opened(resolver)
    process_end.opened(done)
    process_end.closed(done, done)
    gc.collect()
    child = os.fork()
    if child == 0:
        os._exit(10 * resolver.begun + done.begun)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 10
    assert resolver.begun == 0
    process_end.closed(resolver, resolver)
