import importlib.util
import subprocess
import sys

import pytest

from virtrigaud_secrets.errors import (
    ConfigurationError,
    InvalidRequestError,
    MissingDependencyError,
)
from virtrigaud_secrets.models.backends.aws import AWSProvider
from virtrigaud_secrets.models.backends.files import FilesProvider
from virtrigaud_secrets.stores import registry
from virtrigaud_secrets.stores.aws import FACTORY
from virtrigaud_secrets.stores.base import Fetch
from virtrigaud_secrets.testing.contract import STORE, store_context


def spec(service="SecretsManager", **options):
    return AWSProvider.model_validate({"service": service, "region": "us-west-2", **options})


def test_the_registry_finds_it():
    assert registry.factory("aws") is FACTORY
    assert FACTORY.spec_model is AWSProvider


@pytest.mark.parametrize(
    ("service", "fetch", "method", "path"),
    [
        ("SecretsManager", {}, "GetSecretValue", "app/k"),
        ("SecretsManager", {"metadata": True}, "DescribeSecret", "app/k"),
        ("ParameterStore", {"version": "3"}, "GetParameter", "app/k:3"),
        ("ParameterStore", {"version": "3", "metadata": True}, "ListTagsForResource", "app/k"),
        ("CertificateManager", {"version": "3", "metadata": True}, "ExportCertificate", "k"),
    ],
)
def test_a_preview_names_operation_and_secret(service, fetch, method, path):
    preview = FACTORY.preview(spec(service, prefix="app/"), Fetch(store=STORE, key="k", **fetch), store_context())
    assert (preview.method, preview.path, preview.side_effect) == (method, path, False)


def test_the_current_stage_and_no_version_are_one_fetch():
    fetches = [Fetch(store=STORE, key="k", version=version) for version in ("", "AWSCURRENT")]
    assert len({FACTORY.preview(spec(), fetch, store_context()).fetch for fetch in fetches}) == 1


def test_parameters_are_for_other_stores():
    fetch = Fetch(store=STORE, key="k", parameters=(("a", "1"),))
    with pytest.raises(InvalidRequestError, match="takes no parameters"):
        FACTORY.preview(spec(), fetch, store_context())


def test_anothers_spec_is_refused():
    with pytest.raises(ConfigurationError, match="another backend's spec"):
        FACTORY.connect(FilesProvider(path="/x"), store_context())


def test_without_the_sdk_the_extra_is_named(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "boto3" else real(name))
    with pytest.raises(MissingDependencyError, match=r"virtrigaud-secrets\[aws\]"):
        FACTORY.connect(spec(), store_context())


def test_connecting_loads_this_sdk_and_no_others():
    """And none before the first request needs one."""
    code = (
        "import sys\n"
        "from virtrigaud_secrets.stores.aws import FACTORY\n"
        "from virtrigaud_secrets.models.backends.aws import AWSProvider\n"
        "from virtrigaud_secrets.testing.contract import store_context\n"
        "spec = AWSProvider(service='SecretsManager', region='us-west-2')\n"
        "client = FACTORY.connect(spec, store_context())\n"
        "print(sorted({'boto3', 'botocore'} & set(sys.modules)))\n"
        "import boto3\n"
        "print(sorted({'hvac', 'azure', 'google.cloud', 'kubernetes', 'requests'} & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[:2] == ["[]", "[]"]
