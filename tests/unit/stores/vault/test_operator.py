"""Prefixes and specs; what the server answers is told by tests/integration/operations/test_emergency.py."""

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.models.backends.fake import FakeProvider, FakeProviderData
from virtrigaud_secrets.models.backends.openbao import OpenBaoProvider
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.vault.operator import LeasesBelow, VaultOperator, checked_prefix
from virtrigaud_secrets.testing.contract import CANARY, store_context


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("vsphere/creds", "vsphere/creds/"),
        ("/vsphere/creds/", "vsphere/creds/"),
        ("vsphere", "vsphere/"),
        ("auth/kubernetes/login", "auth/kubernetes/login/"),
    ],
)
def test_a_prefix_has_one_form(written, meant):
    assert checked_prefix(written) == meant


@pytest.mark.parametrize(
    "written", ["", "/", "//", "auth", "auth/", "sys", "sys/a", "identity/a", "cubbyhole/a", "a//b", "a/../b", "."]
)
def test_none_means_all(written):
    with pytest.raises(ConfigurationError, match="no prefix of leases"):
        checked_prefix(written)


@pytest.mark.parametrize("model", [VaultProvider, OpenBaoProvider])
def test_both_backends_have_one(model):
    spec = model.model_validate({"server": "https://vault:8200/"})
    settings = Settings(vault_token=Sensitive(CANARY), endpoints={"https://vault:8200": "https://127.0.0.1:1"})
    operator = VaultOperator(spec, store_context(settings=settings), given_token=True)
    assert operator.server == "https://127.0.0.1:1"
    assert CANARY not in repr(operator) + str(vars(operator))
    assert operator.capabilities([]) == {}
    operator.close()


def test_another_backend_has_none():
    spec = FakeProvider(data=(FakeProviderData(key="a", value="b"),))
    with pytest.raises(ConfigurationError, match="no Vault or OpenBao store"):
        VaultOperator(spec, store_context())


def test_hashes_of_all_paths():
    found = LeasesBelow(paths={"a/b": ("1", "2"), "a/c": ("3",)})
    assert found.hashes == {"1", "2", "3"}
