"""Importing costs little: nothing heavy is loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = frozenset({
    "azure", "boto3", "botocore", "click", "cryptography", "google", "hvac", "importlib.metadata", "jsonpath",
    "kubernetes", "pydantic", "re2", "requests", "rich", "tenacity", "typer", "urllib3", "yaml",
})  # fmt: skip
"""What a program that uses one part of the library should not pay for because of another."""

WITHOUT_MODELS = (
    "bundle",
    "clock",
    "errors",
    "findings",
    "gjson",
    "golang",
    "sensitive",
    "settings",
    "credentials",
    "delivery",
    "validation",
    "testing",
)
"""Modules and packages below the models: nothing of the list above."""

CREDENTIALS = (
    "Credentials",
    "LibvirtCredentials",
    "ProxmoxCredentials",
    "S3Credentials",
    "TLSCredentials",
    "VSphereCredentials",
)

SDKS = HEAVY - {"pydantic", "yaml", "importlib.metadata"}


def loaded_by(*statements: str) -> set[str]:
    """Modules in a fresh interpreter after `statements`."""
    code = "; ".join([*statements, "import sys", "print(*sys.modules)"])
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def heavy(modules: set[str], names: frozenset[str] = HEAVY) -> set[str]:
    return {name for name in names if name in modules}


def test_the_root_loads_nothing_but_itself() -> None:
    modules = loaded_by("import virtrigaud_secrets")
    assert heavy(modules) == set()
    assert {name for name in modules if name.startswith("virtrigaud_secrets.")} == set()


@pytest.mark.parametrize("part", WITHOUT_MODELS)
def test_what_is_below_the_models_is_free_of_all_of_it(part: str) -> None:
    assert heavy(loaded_by(f"import virtrigaud_secrets.{part}")) == set()


@pytest.mark.parametrize("part", ["Resolver", "Catalog", "Settings", "Bundle", "SecretsError"])
def test_a_public_name_loads_no_sdk(part: str) -> None:
    assert heavy(loaded_by(f"from virtrigaud_secrets import {part}"), SDKS) == set()


@pytest.mark.parametrize("name", CREDENTIALS)
def test_credentials_load_nothing_that_connects(name: str) -> None:
    clients = frozenset({"paramiko", "asyncssh", "grpc", "libvirt", "pyVim", "pyVmomi"})
    assert heavy(loaded_by(f"from virtrigaud_secrets.credentials import {name}"), HEAVY | clients) == set()


@pytest.mark.parametrize(
    "part", ["manifests", "models", "stores.registry", "stores.base", "template", "resolver.planner"]
)
def test_planning_loads_no_sdk(part: str) -> None:
    assert heavy(loaded_by(f"import virtrigaud_secrets.{part}"), SDKS) == set()


def models_of(modules: set[str]) -> set[str]:
    prefix = "virtrigaud_secrets.models."
    return {name.removeprefix(prefix) for name in modules if name.startswith(prefix)}


def test_loading_imports_no_kind_and_no_backend_that_no_manifest_names(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {name: a}\n"
        "spec: {provider: {kubernetes: {remoteNamespace: b}}}\n---\n"
        "apiVersion: generators.external-secrets.io/v1alpha1\nkind: UUID\nmetadata: {name: a}\n"
    )
    imported = models_of(loaded_by("from virtrigaud_secrets.manifests import load"))
    used = models_of(loaded_by(f"from virtrigaud_secrets.manifests import load; load({str(file)!r})"))

    assert not {"push_secret", "cluster_external_secret", "json_schema"} & used
    assert {name for name in imported if "." in name} == {"backends.registered"}
    assert used - imported == {"backends.kubernetes", "generators.base", "generators.uuids"}


def test_the_measure_sees_what_is_loaded() -> None:
    assert heavy(loaded_by("import hvac, pydantic")) >= {"hvac", "requests", "urllib3", "pydantic"}


def test_public_packages_can_be_reached_from_the_root() -> None:
    program = "import virtrigaud_secrets as v; print(v.gjson.get('[7]', '0').text, v.manifests.load, v.template.render)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("7 ")
