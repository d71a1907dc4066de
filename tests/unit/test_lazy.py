"""Names of a package that are imported when they are first asked for."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from virtrigaud_secrets.lazy import lazily


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    package, part = ModuleType("shop"), ModuleType("shop.goods")
    vars(part)["Bread"] = "bread"
    vars(package)["__path__"] = []
    monkeypatch.setitem(sys.modules, "shop", package)
    monkeypatch.setitem(sys.modules, "shop.goods", part)
    return package


def test_a_name_is_found_where_it_is_defined_and_kept(package):
    find, _ = lazily("shop", {"Bread": "goods"}, public=["Bread"])
    assert not hasattr(package, "Bread")
    assert find("Bread") == "bread"
    assert package.Bread == "bread"


def test_a_name_that_is_not_public_is_an_attribute_error(package):
    find, _ = lazily("shop", {"Bread": "goods"}, public=["Bread"])
    with pytest.raises(AttributeError, match="module 'shop' has no attribute 'Cake'"):
        find("Cake")


def test_dir_shows_what_is_public(package):
    _, names = lazily("shop", {"Bread": "goods"}, public=["Bread", "Apple"])
    assert names() == ["Apple", "Bread"]
