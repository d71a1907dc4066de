"""The example of a third-party store is installed, keeps the contract, and is resolved through."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "third-party-store"
PACKAGE = "virtrigaud_secrets_encrypted_file"
PASSWORD = "only-an-example-77d1"
KEY = """
---
apiVersion: v1
kind: Secret
metadata: {{name: file-key, namespace: vsphere-providers}}
stringData: {{key: {key}}}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the example, installed from its wheel; no package is downloaded."""
    if importlib.util.find_spec("hatchling") is None:
        reason = "hatchling, which builds the example, is not installed (dependency group `tests`)"
        if os.environ.get("VIRTRIGAUD_SECRETS_REQUIRE_SERVERS") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    target = tmp_path_factory.mktemp("installed")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(EXAMPLE)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert run.returncode == 0, run.stdout + run.stderr
    return target


@pytest.fixture
def call(installed: Path, tmp_path: Path):
    """Run Python with the example installed, in a directory of its own."""

    def run(*arguments: str, given: str = "", path: str = str(installed)) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    return run


@pytest.fixture
def manifests(call, tmp_path: Path) -> Path:
    """The example's manifests, with the file and the key that they speak of."""
    key = call("-m", PACKAGE, "new-key").stdout.strip()
    (tmp_path / "key").write_text(key)
    given = f'{{"username": "svc", "password": "{PASSWORD}"}}\n'
    put = call("-m", PACKAGE, "put", "secrets.json", "vcenter", "--key-file", "key", given=given)
    assert (put.returncode, put.stderr) == (0, "")
    text = (EXAMPLE / "manifests" / "credentials.yaml").read_text()
    (tmp_path / "manifests").mkdir()
    path = tmp_path / "manifests" / "credentials.yaml"
    path.write_text(text + KEY.format(key=key))
    return path


def test_its_own_tests_pass(call):
    # A directory without the project's configuration, as its author would run them.
    run = call("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", str(EXAMPLE / "tests"))
    assert run.returncode == 0, run.stdout
    assert " passed" in run.stdout


def test_a_manifest_is_resolved_through_it(call, manifests, tmp_path):
    run = call("-m", "virtrigaud_secrets.cli", "resolve", "manifests", "vcenter", "--reveal", "--format", "json")
    assert run.returncode == 0, run.stderr
    assert PASSWORD in run.stdout
    assert PASSWORD not in (tmp_path / "secrets.json").read_text()


def test_its_spec_is_checked_with_file_and_line(call, manifests):
    manifests.write_text(manifests.read_text().replace("path: secrets.json", "path: 7"))
    run = call("-m", "virtrigaud_secrets.cli", "check", "manifests")
    line = 1 + manifests.read_text().splitlines().index("      path: 7")
    assert run.returncode != 0
    assert f"credentials.yaml:{line}" in run.stdout
    assert "spec.provider.encryptedFile.path: expected text" in " ".join(run.stdout.split())


def test_its_unknown_fields_are_told_with_the_nearest(call, manifests):
    manifests.write_text(manifests.read_text().replace("keySecretRef:", "keySecretref:"))
    said = " ".join(call("-m", "virtrigaud_secrets.cli", "check", "manifests").stdout.split())
    assert "did you mean keySecretRef?" in said


def test_without_the_package_the_provider_is_unknown(call, manifests):
    run = call("-m", "virtrigaud_secrets.cli", "check", "manifests", path="")
    assert run.returncode != 0
    assert "unknown provider" in run.stdout


def test_a_broken_package_fails_only_those_who_ask_for_it(call, manifests, installed, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    info = next(installed.glob("*.dist-info"))
    (broken / info.name).symlink_to(info)
    other = """
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: other, namespace: vsphere-providers}
spec: {provider: {fake: {data: [{key: a, value: b}]}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: other, namespace: vsphere-providers}
spec: {secretStoreRef: {name: other}, data: [{secretKey: a, remoteRef: {key: a}}]}
"""
    manifests.write_text(manifests.read_text() + other)
    asked = call("-m", "virtrigaud_secrets.cli", "resolve", "manifests", "vcenter", path=str(broken))
    assert asked.returncode != 0
    said = " ".join(asked.stderr.split())
    assert "virtrigaud-secrets-encrypted-file" in said
    assert "cannot be imported: ModuleNotFoundError" in said
    assert call("-m", "virtrigaud_secrets.cli", "resolve", "manifests", "other", path=str(broken)).returncode == 0
