"""The plugin in a pytest of its own, as in a provider's repository."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

GUIDE = ROOT / "src/virtrigaud_secrets/testing/guide"

# Blocked by its own name and loaded by its module's: the same whether or not the installed metadata know the plugin.
PYTEST = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
PLUGIN = ["-p", "no:virtrigaud-secrets", "-p", "virtrigaud_secrets.testing.plugin"]

TESTS = """
import pytest
from virtrigaud_secrets.errors import AccessDeniedError

def test_the_guides_manifest(resolver, fake_store):
    fake_store.put("secret/data/providers/vsphere",
                   {"username": "u", "password": "p", "server": "vc", "ca_cert": "eA=="})
    assert resolver.resolve("vsphere-credentials").text("password") == "p"
    assert fake_store.reads == ["secret/data/providers/vsphere"]

def test_a_denial(resolver, fake_store):
    fake_store.deny("secret/data/providers/vsphere")
    with pytest.raises(AccessDeniedError):
        resolver.resolve("vsphere-credentials")

def test_nothing_is_left_of_another_test(fake_store, manual_clock):
    from virtrigaud_secrets.stores import registry
    from virtrigaud_secrets.testing.clock import START
    assert registry.factory.__module__ == "virtrigaud_secrets.stores.registry"
    assert manual_clock.now() == START
    assert fake_store.reads == []
"""


def run(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PYTEST, *PLUGIN, *options], cwd=directory, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_fixtures_work_over_the_manifests_that_are_configured(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nvirtrigaud_manifests = {GUIDE}\n")
    (tmp_path / "test_provider.py").write_text(TESTS)
    outcome = run(tmp_path)
    assert outcome.returncode == 0, outcome.stdout
    assert "3 passed" in outcome.stdout


def test_manifests_can_be_chosen_by_a_fixture(tmp_path: Path) -> None:
    chosen = f"""
import pathlib, pytest

@pytest.fixture
def virtrigaud_manifests():
    return pathlib.Path({str(GUIDE)!r})
"""
    (tmp_path / "conftest.py").write_text(chosen)
    (tmp_path / "test_provider.py").write_text(TESTS)
    assert run(tmp_path).returncode == 0


def test_fixtures_are_listed_with_what_they_are(tmp_path: Path) -> None:
    listed = run(tmp_path, "--fixtures").stdout
    for name in ("fake_store", "manual_clock", "resolver", "virtrigaud_manifests"):
        assert name in listed


def test_loading_it_loads_nothing_else() -> None:
    program = (
        "import sys, pytest; before = set(sys.modules); import virtrigaud_secrets.testing.plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    packages = "", ".lazy", ".testing", ".testing.plugin"
    assert loaded == [f"virtrigaud_secrets{package}" for package in packages]


def test_pytest_finds_it_where_the_package_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"virtrigaud-secrets": "virtrigaud_secrets.testing.plugin"}


@pytest.mark.parametrize("name", ["manual_clock", "fake_store", "resolver", "virtrigaud_manifests"])
def test_every_fixture_is_of_this_module(name: str) -> None:
    from virtrigaud_secrets.testing import plugin

    assert getattr(plugin, name).__doc__
