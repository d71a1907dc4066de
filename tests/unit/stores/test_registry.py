from importlib.metadata import EntryPoint

import pytest

from virtrigaud_secrets.errors import ConfigurationError, UnsupportedFeatureError
from virtrigaud_secrets.models.backends import registered
from virtrigaud_secrets.stores import registry
from virtrigaud_secrets.stores.vault import FACTORY


class Plugin:
    spec_model = None

    def preview(self):
        pass

    def connect(self):
        pass


plugin = Plugin()
half = object()


class Distribution:
    def __init__(self, name):
        self.name = name


def entry(name, value, package="acme-store"):
    made = EntryPoint(name=name, value=value, group=registered.ENTRY_POINT_GROUP)
    vars(made)["dist"] = Distribution(package)
    return made


@pytest.fixture
def installed(monkeypatch):
    """Packages that register stores."""
    entries = []

    def entry_points(*, group):
        assert group == "virtrigaud_secrets.stores"
        return list(entries)

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    monkeypatch.setitem(
        __import__("sys").modules, "acme_store", __import__("types").SimpleNamespace(plugin=plugin, half=half)
    )
    return entries


@pytest.mark.parametrize("name", sorted(registry.BUILT_IN))
def test_built_in_backends_have_what_a_factory_needs(name):
    factory = registry.factory(name)
    assert all(hasattr(factory, part) for part in ("spec_model", "preview", "connect"))


def test_built_in_backends_go_before_others(installed):
    installed.append(entry("vault", "acme_store:plugin"))
    assert registry.factory("vault") is FACTORY


def test_a_package_registers_a_store(installed):
    installed.append(entry("acme", "acme_store:plugin"))
    assert registry.factory("acme") is plugin


def test_a_package_that_is_on_the_path_twice_is_one(installed):
    installed += [entry("acme", "acme_store:plugin"), entry("acme", "acme_store:plugin")]
    assert registry.factory("acme") is plugin


def test_two_packages_of_one_name_are_both_named(installed):
    installed += [entry("acme", "acme_store:plugin"), entry("acme", "other:plugin", "other-store")]
    with pytest.raises(ConfigurationError, match=r"acme-store .* other-store"):
        registry.factory("acme")


def test_a_broken_package_fails_only_those_who_ask_for_it(installed):
    installed += [entry("broken", "module_that_is_not_there:plugin"), entry("acme", "acme_store:plugin")]
    assert registry.factory("acme") is plugin
    with pytest.raises(ConfigurationError, match=r"acme-store .*ModuleNotFoundError"):
        registry.factory("broken")


def test_what_is_no_factory_is_refused(installed):
    installed.append(entry("half", "acme_store:half"))
    with pytest.raises(ConfigurationError, match="spec_model, preview, connect"):
        registry.factory("half")


def test_an_unknown_store_tells_which_are_known(installed):
    with pytest.raises(UnsupportedFeatureError, match=r"fake, files, .*openBao, .*vault"):
        registry.factory("akeyless")
