from __future__ import annotations

import os
import subprocess
import sys

import pytest

from virtrigaud_secrets.testing.servers import not_root
from virtrigaud_secrets.testing.servers.processes import not_root_command


def test_the_command_takes_itself_for_another_user() -> None:
    command = not_root_command()
    if not command:
        pytest.skip("this machine allows no user namespaces")
    ids = "import os; print(os.geteuid(), os.getegid())"
    done = subprocess.run(  # this interpreter
        [*command, sys.executable, "-I", "-S", "-c", ids], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{not_root.INNER_USER} {not_root.INNER_USER}\n"
    assert os.geteuid() != not_root.INNER_USER
