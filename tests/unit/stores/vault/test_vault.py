import importlib.util
import subprocess
import sys

import pytest

from virtrigaud_secrets.errors import ConfigurationError, InvalidRequestError, MissingDependencyError
from virtrigaud_secrets.models.backends.fake import FakeProvider
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.stores.base import Fetch, StoreKey
from virtrigaud_secrets.stores.vault import FACTORY

FETCH = Fetch(store=StoreKey("SecretStore", "team", "vault-secret-store"), key="secret/a")


def test_the_model():
    assert FACTORY.spec_model is VaultProvider


def test_a_preview(make_spec, make_context):
    preview = FACTORY.preview(make_spec(), FETCH, make_context())
    assert (preview.method, preview.path) == ("GET", "secret/data/a")


def test_connecting_sends_and_reads_nothing(make_spec, make_context, server, cluster):
    spec = make_spec(auth={"kubernetes": {"role": "r"}}, caProvider={"type": "Secret", "name": "ca", "key": "ca.crt"})
    FACTORY.connect(spec, make_context()).close()
    assert server.seen == []
    assert cluster.asked == []


def test_without_hvac(make_spec, make_context, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingDependencyError, match=r"virtrigaud-secrets\[vault\]"):
        FACTORY.connect(make_spec(), make_context())


def test_the_spec_must_be_vaults(make_context):
    with pytest.raises(ConfigurationError):
        FACTORY.connect(FakeProvider(data=()), make_context())
    with pytest.raises(ConfigurationError):
        FACTORY.preview(FakeProvider(data=()), FETCH, make_context())


def test_a_request_that_cannot_work_is_told_by_the_preview(make_spec, make_context):
    fetch = Fetch(store=FETCH.store, key="pki/issue/virtrigaud")
    with pytest.raises(InvalidRequestError, match="common_name"):
        FACTORY.preview(make_spec(), fetch, make_context())


def test_a_preview_needs_no_http_library():
    code = (
        "import sys\n"
        "from virtrigaud_secrets.stores.vault import FACTORY\n"
        "import virtrigaud_secrets.stores.vault.routes\n"
        "loaded = {'hvac', 'requests', 'urllib3', 'tenacity', 'ssl'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(loaded)) or 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)  # our own interpreter
