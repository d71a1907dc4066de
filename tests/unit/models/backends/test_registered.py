from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest
from pydantic import BaseModel, ValidationError

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.models.admission import judge_secret_store
from virtrigaud_secrets.models.backends import backend_model, is_known, registered
from virtrigaud_secrets.models.backends.unsupported import UnsupportedProvider
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.reading import read
from virtrigaud_secrets.models.secret_store import SecretStore


class AcmeProvider(Model):
    safe_name: str


class ForeignProvider(BaseModel):
    """A model of pydantic's own kind."""

    safe: int


def factory(model):
    return SimpleNamespace(spec_model=model, preview=None, connect=None)


class Package:
    def __init__(self, name):
        self.name = name


@pytest.fixture
def install(monkeypatch):
    """Registers a store under a name, as an installed package does."""
    entries = []
    module = SimpleNamespace(
        ours=factory(AcmeProvider), foreign=factory(ForeignProvider), half=object(), odd=factory("no model")
    )
    monkeypatch.setitem(sys.modules, "acme_store", module)

    def entry_points(*, group):
        assert group == registered.ENTRY_POINT_GROUP
        return list(entries)

    def make(name, value, package="acme-store"):
        entry = EntryPoint(name=name, value=value, group=registered.ENTRY_POINT_GROUP)
        vars(entry)["dist"] = Package(package)
        entries.append(entry)

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    return make


def store(name, spec):
    return {"kind": "SecretStore", "metadata": {"name": "s", "namespace": "n"}, "spec": {"provider": {name: spec}}}


def test_a_package_brings_the_model_of_its_spec(install):
    install("acme", "acme_store:ours")
    assert backend_model("acme") is AcmeProvider
    found, remarks = read(SecretStore, store("acme", {"safeName": "vcenter"}))
    assert not remarks
    assert found.spec.provider.supported
    assert found.spec.provider.spec == AcmeProvider(safe_name="vcenter")


def test_its_fields_are_cleaned_as_ours_are(install):
    install("acme", "acme_store:ours")
    found, remarks = read(SecretStore, store("acme", {"safeName": "vcenter", "safename": 1, "more": None}))
    assert found.spec.provider.spec.safe_name == "vcenter"
    assert [remark.message for remark in remarks] == [
        "unknown field: did you mean safeName?",
        "unknown field",
    ]


def test_a_model_of_another_kind_says_itself_what_it_takes(install):
    install("foreign", "acme_store:foreign")
    found, _ = read(SecretStore, store("foreign", {"safe": 1, "more": 2}))
    assert found.spec.provider.spec.safe == 1
    wrong, remarks = read(SecretStore, store("foreign", {"safe": "planted-value"}))
    assert wrong is None
    assert remarks[0].location == ("spec", "provider", "foreign", "safe")
    assert "planted-value" not in str(remarks)


def test_a_built_in_backend_goes_before_a_package(install):
    install("vault", "acme_store:ours")
    assert backend_model("vault") is VaultProvider


@pytest.mark.usefixtures("install")
def test_what_eso_has_and_nobody_brings_is_kept_as_it_is():
    assert isinstance(read(SecretStore, store("fortanix", {"apiUrl": "u"}))[0].spec.provider.spec, UnsupportedProvider)


def test_packages_are_sought_once(monkeypatch):
    sought = []
    monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group: sought.append(group) or [])
    assert not registered.is_registered("acme")
    assert not registered.is_registered("fortanix")
    assert len(sought) == 1


def test_a_package_may_bring_what_eso_has_and_we_have_not(install):
    install("fortanix", "acme_store:ours")
    assert isinstance(read(SecretStore, store("fortanix", {"safeName": "a"}))[0].spec.provider.spec, AcmeProvider)


@pytest.mark.parametrize("value", ["module_that_is_not_there:x", "acme_store:half", "acme_store:odd"])
def test_a_broken_package_takes_no_manifest_with_it(install, value):
    install("broken", value)
    assert is_known("broken")
    assert registered.spec_model("broken") is None
    found, remarks = read(SecretStore, store("broken", {"a": 1}))
    assert not remarks
    assert isinstance(found.spec.provider.spec, UnsupportedProvider)
    (remark,) = judge_secret_store(found)
    assert remark.message.startswith("registered by an installed package that cannot be used")


def test_two_packages_of_one_name_are_both_named(install):
    install("acme", "acme_store:ours")
    install("acme", "acme_store:foreign", "other-store")
    with pytest.raises(ConfigurationError, match=r"acme-store \(acme_store:ours\) and other-store"):
        registered.factory("acme")
    assert backend_model("acme") is None


def test_nobody_registers_it(install):
    assert registered.factory("acme") is None
    assert not is_known("acme")
    with pytest.raises(ValidationError, match="unknown provider"):
        SecretStore.model_validate(store("acme", {}), by_alias=True, by_name=False)
