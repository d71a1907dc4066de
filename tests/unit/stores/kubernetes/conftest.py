"""The Kubernetes objects that a spec refers to, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import RetryPolicy, StoreContext, StoreKey
from virtrigaud_secrets.testing import ManualClock


class MakeContext(Protocol):
    """Makes the context of the store `team/s`."""

    def __call__(
        self, *, kind: str = ..., settings: Settings | None = ..., retry: RetryPolicy | None = ...
    ) -> StoreContext: ...


@dataclass
class Objects:
    """Implements `References` from tables of (namespace, name, key)."""

    secrets: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    config_maps: dict[tuple[str, str, str], str] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        self.asked.append(("secret", namespace, name, key))
        if (namespace, name, key) not in self.secrets:
            raise ConfigurationError(f"Secret {namespace}/{name}, key {key!r}, was not found")
        return Sensitive(self.secrets[namespace, name, key])

    def config_map_value(self, name: str, key: str, *, namespace: str) -> str:
        self.asked.append(("config map", namespace, name, key))
        return self.config_maps[namespace, name, key]

    def service_account_token(
        self, name: str, *, namespace: str, audiences: Sequence[str] = (), lifetime: timedelta | None = None
    ) -> Sensitive:
        self.asked.append(("token", namespace, name, *audiences, str(lifetime)))
        return Sensitive(self.tokens.pop(0))


@pytest.fixture
def references() -> Objects:
    return Objects()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def make_context(references: Objects, clock: ManualClock) -> MakeContext:
    def make(
        *, kind: str = "SecretStore", settings: Settings | None = None, retry: RetryPolicy | None = None
    ) -> StoreContext:
        return StoreContext(
            store=StoreKey(kind, "team", "s"),
            namespace="team",
            settings=settings or Settings(),
            clock=clock,
            references=references,
            retry=retry,
        )

    return make
