"""The examples are run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.manifests import inspect, load

TESTS = Path(__file__).parents[1]
EXAMPLES = TESTS.parent / "examples"


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


def test_what_the_script_reads_shows_nowhere(tmp_path):
    canary = "canary-" + "7d02c5"
    shutil.copytree(EXAMPLES / "custom-script", tmp_path / "script")
    (tmp_path / "script/secrets/vsphere/password").write_text(canary)
    (tmp_path / "temporary").mkdir()
    run = subprocess.run(
        [sys.executable, "main.py"],
        cwd=tmp_path / "script",
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert canary not in run.stdout + run.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


def test_every_example_is_listed_and_has_a_test():
    listed = (EXAMPLES / "README.md").read_text()
    tests = "".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    for directory in EXAMPLES.iterdir():
        if directory.is_dir():
            assert f"[{directory.name}]" in listed
            assert re.search(rf"[\"/]{directory.name}[\"/]", tests)


# The store of third-party-store is known once its package is installed: test_third_party_store.py does that.
OWN = [path for path in sorted(EXAMPLES.glob("*/manifests")) if path.parent.name != "third-party-store"]


@pytest.mark.parametrize("manifests", OWN, ids=lambda path: path.parent.name)
def test_its_manifests_are_valid_without_a_remark_and_planned(manifests):
    assert [str(found) for verdict in inspect(manifests, strict=True).verdicts for found in verdict.findings] == []
    with Resolver(load(manifests), settings=Settings()) as resolver:
        for secret in resolver.catalog.external_secrets:
            assert resolver.plan(secret.name, namespace=secret.namespace).requests
