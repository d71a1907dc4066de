import importlib.util
import subprocess
import sys

import pytest

from virtrigaud_secrets.errors import ConfigurationError, InvalidRequestError, MissingDependencyError
from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider
from virtrigaud_secrets.models.backends.fake import FakeProvider
from virtrigaud_secrets.stores import registry
from virtrigaud_secrets.stores.azure import FACTORY
from virtrigaud_secrets.stores.base import Fetch, StoreKey

STORE = StoreKey("SecretStore", "team", "azure-key-vault")


def test_the_registry_knows_it():
    assert registry.factory("azurekv") is FACTORY
    assert FACTORY.spec_model is AzureKVProvider


def test_a_preview(make_spec, make_context):
    preview = FACTORY.preview(make_spec(), Fetch(store=STORE, key="cert/web/rest", version="7"), make_context())
    assert (preview.method, preview.path, preview.fetch.key) == ("GetCertificate", "certificates/web/7", "cert/web")
    assert not preview.side_effect


def test_a_request_that_cannot_work_is_told_by_the_preview(make_spec, make_context):
    with pytest.raises(InvalidRequestError, match="certificate"):
        FACTORY.preview(make_spec(), Fetch(store=STORE, key="certificate/web"), make_context())


def test_connecting_sends_and_reads_nothing(make_spec, make_context, wire, vault, cluster):
    FACTORY.connect(make_spec(), make_context()).close()
    assert vault.requests == ()
    assert cluster.asked == []


@pytest.mark.parametrize("missing", ["azure", "azure.identity", "azure.keyvault", "azure.keyvault.keys"])
def test_without_the_sdk(make_spec, make_context, monkeypatch, missing):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    with pytest.raises(MissingDependencyError, match=r"virtrigaud-secrets\[azure\]"):
        FACTORY.connect(make_spec(), make_context())


def test_the_spec_must_be_azures(make_context):
    with pytest.raises(ConfigurationError):
        FACTORY.connect(FakeProvider(data=()), make_context())
    with pytest.raises(ConfigurationError):
        FACTORY.preview(FakeProvider(data=()), Fetch(store=STORE, key="a"), make_context())


def test_it_loads_no_other_backends_sdk():
    code = (
        "import sys\n"
        "import virtrigaud_secrets.stores.azure.client\n"
        "import virtrigaud_secrets.stores.azure.identity\n"
        "import azure.identity, azure.keyvault.secrets, azure.keyvault.keys, azure.keyvault.certificates\n"
        "others = {'hvac', 'boto3', 'botocore', 'google.cloud.secretmanager', 'kubernetes'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(others)) or 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_importing_and_previewing_load_no_sdk():
    code = (
        "import sys\n"
        "from virtrigaud_secrets.stores.azure import FACTORY\n"
        "import virtrigaud_secrets.stores.azure.client\n"
        "import virtrigaud_secrets.stores.azure.names\n"
        "loaded = {'azure', 'msal', 'requests', 'urllib3', 'tenacity', 'cryptography'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(loaded)) or 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
