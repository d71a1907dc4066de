"""The pytest plugin: a resolver over your own manifests whose stores are in memory and whose time a test moves.

pytest loads it wherever this package is installed, so nothing is imported before a fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from virtrigaud_secrets.runtime.resolver import Resolver
    from virtrigaud_secrets.testing.clock import ManualClock
    from virtrigaud_secrets.testing.fake_store import FakeStore

MANIFESTS_OPTION: Final = "virtrigaud_manifests"
"""The setting of pytest's configuration that says where the manifests are."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting."""
    parser.addini(
        MANIFESTS_OPTION, "file or directory with the manifests of the `resolver` fixture", default="manifests"
    )


@pytest.fixture
def manual_clock() -> ManualClock:
    """The time of `resolver`, which passes when a test says so."""
    from virtrigaud_secrets.testing.clock import ManualClock

    return ManualClock()


@pytest.fixture
def fake_store() -> FakeStore:
    """The secrets of every store of `resolver`, by the key that the manifest writes."""
    from virtrigaud_secrets.testing.fake_store import FakeStore

    return FakeStore()


@pytest.fixture
def virtrigaud_manifests(pytestconfig: pytest.Config) -> Path:
    """Where the manifests are: `virtrigaud_manifests` of pytest's configuration. Override it to choose in a test."""
    return pytestconfig.rootpath / str(pytestconfig.getini(MANIFESTS_OPTION))


@pytest.fixture
def resolver(
    fake_store: FakeStore,
    manual_clock: ManualClock,
    virtrigaud_manifests: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Generator[Resolver]:
    """A resolver over your manifests. No environment is read, no request is sent."""
    from virtrigaud_secrets.runtime.resolver import Resolver
    from virtrigaud_secrets.settings import Settings
    from virtrigaud_secrets.stores import registry
    from virtrigaud_secrets.testing.contract import NoReferences

    made = Resolver.from_path(virtrigaud_manifests, settings=Settings(), clock=manual_clock, references=NoReferences())
    # After the manifests were read by the models of the backends that they name.
    monkeypatch.setattr(registry, "factory", fake_store.factory)
    with made:
        yield made
