from __future__ import annotations

import subprocess
import sys

import pytest

from virtrigaud_secrets.testing import servers


def test_every_public_name_is_there() -> None:
    for name in servers.__all__:
        assert isinstance(getattr(servers, name), type)
    with pytest.raises(AttributeError, match="has no attribute 'Oracle'"):
        _ = servers.Oracle


def test_importing_the_package_loads_nothing_heavy() -> None:
    probe = (
        "import sys, virtrigaud_secrets.testing.servers;"
        "print(sorted({'cryptography', 'hvac', 'pg8000', 'subprocess', 'ssl'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", probe]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # this interpreter
    assert done.stdout == "[]\n"
