from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from virtrigaud_secrets.errors import ConfigurationError, MissingDependencyError
from virtrigaud_secrets.models.backends.fake import FakeProvider
from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider
from virtrigaud_secrets.stores import registry
from virtrigaud_secrets.stores.base import Fetch
from virtrigaud_secrets.stores.gcp import FACTORY
from virtrigaud_secrets.testing.contract import STORE, store_context


def loaded_after(*statements: str) -> set[str]:
    code = "; ".join([*statements, "import sys", "print(*sys.modules)"])
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_registry_finds_it():
    assert registry.factory("gcpsm") is FACTORY
    assert FACTORY.spec_model is GCPSMProvider


def test_planning_needs_none_of_googles_packages():
    modules = loaded_after(
        "from virtrigaud_secrets.stores.gcp import FACTORY",
        "from virtrigaud_secrets.testing.contract import STORE, store_context",
        "from virtrigaud_secrets.stores.base import Fetch",
        "FACTORY.preview(FACTORY.spec_model(projectID='p'), Fetch(store=STORE, key='k'), store_context())",
    )
    assert not {"google.auth", "google.cloud", "grpc", "requests", "tenacity"} & modules


def test_connecting_loads_no_other_backends_sdk():
    modules = loaded_after(
        "from virtrigaud_secrets.stores.gcp import FACTORY",
        "from virtrigaud_secrets.testing.contract import store_context",
        "FACTORY.connect(FACTORY.spec_model(projectID='p'), store_context())",
        "import virtrigaud_secrets.stores.gcp.sdk",
        "from google.cloud.secretmanager_v1.services.secret_manager_service.transports import rest",
    )
    assert "google.cloud.secretmanager_v1" in modules
    assert not {"hvac", "boto3", "botocore", "azure", "kubernetes"} & modules


@pytest.mark.parametrize("missing", ["google.cloud.secretmanager_v1", "requests"])
def test_without_the_sdk_the_extra_is_named(monkeypatch, missing):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else real(name))
    with pytest.raises(MissingDependencyError, match=r"virtrigaud-secrets\[gcp\]"):
        FACTORY.connect(GCPSMProvider(projectID="p"), store_context())


def test_without_any_package_of_google_too(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib.util, "find_spec", absent)
    with pytest.raises(MissingDependencyError):
        FACTORY.connect(GCPSMProvider(projectID="p"), store_context())


def test_another_backends_spec_is_refused():
    for use in (
        lambda: FACTORY.connect(FakeProvider(data=()), store_context()),
        lambda: FACTORY.preview(FakeProvider(data=()), Fetch(store=STORE, key="k"), store_context()),
    ):
        with pytest.raises(ConfigurationError, match="another backend's spec"):
            use()
