"""Every name that a package promises is there, and asking for another is an ordinary error."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import virtrigaud_secrets


def packages() -> list[str]:
    found = pkgutil.walk_packages(virtrigaud_secrets.__path__, f"{virtrigaud_secrets.__name__}.")
    return [virtrigaud_secrets.__name__, *(module.name for module in found if module.ispkg)]


PROMISING = [name for name in packages() if hasattr(importlib.import_module(name), "__all__")]
PROMISES = [(name, promised) for name in PROMISING for promised in importlib.import_module(name).__all__]


@pytest.mark.parametrize(("package", "name"), PROMISES)
def test_a_promised_name_is_there(package: str, name: str) -> None:
    assert getattr(importlib.import_module(package), name) is not None


@pytest.mark.parametrize("package", PROMISING)
def test_promises_are_sorted_and_made_once(package: str) -> None:
    names = importlib.import_module(package).__all__
    assert list(names) == sorted(set(names))


@pytest.mark.parametrize("package", PROMISING)
def test_another_name_is_not_there(package: str) -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = importlib.import_module(package).no_such_name


def test_the_root_lists_its_names() -> None:
    assert set(dir(virtrigaud_secrets)) >= set(virtrigaud_secrets.__all__)
