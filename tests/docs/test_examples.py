"""The examples are run."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_custom_script():
    run = subprocess.run(
        [sys.executable, "-W", "error", "main.py"],
        cwd=EXAMPLES / "custom-script",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == [
        "would connect to https://vcenter.example.com/sdk as svc-virtrigaud@vsphere.local",
        "password: secrets/vsphere/password",
        "server: secrets/vsphere/server",
        "url: secrets/vsphere/server",
        "username: secrets/vsphere/username",
    ]
    assert "only-an-example" not in run.stdout


def test_every_example_is_listed():
    listed = (EXAMPLES / "README.md").read_text()
    for directory in EXAMPLES.iterdir():
        if directory.is_dir():
            assert f"[{directory.name}]" in listed
