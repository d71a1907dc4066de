"""The Secrets that a webhook's templates may read, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import LabelledSecret, StoreContext, StoreKey
from virtrigaud_secrets.testing import ManualClock
from virtrigaud_secrets.testing.contract import NoReferences


@dataclass
class Objects(NoReferences):
    """Secrets by (namespace, name)."""

    secrets: dict[tuple[str, str], LabelledSecret] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def put(self, namespace: str, name: str, values: Mapping[str, str], **labels: str) -> None:
        marks = labels or {"external-secrets.io/type": "webhook"}
        data = {key: Sensitive(value) for key, value in values.items()}
        self.secrets[namespace, name] = LabelledSecret(labels=marks, data=data)

    def labelled_secret(self, name: str, *, namespace: str) -> LabelledSecret:
        self.asked.append((namespace, name))
        if (namespace, name) not in self.secrets:
            raise ConfigurationError(f"Secret {namespace}/{name} was not found")
        return self.secrets[namespace, name]


class MakeContext(Protocol):
    """Makes the context of the store `team/s`."""

    def __call__(self, *, kind: str = ..., settings: Settings | None = ...) -> StoreContext: ...


@pytest.fixture
def references() -> Objects:
    return Objects()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def make_context(references: Objects, clock: ManualClock) -> MakeContext:
    def make(*, kind: str = "SecretStore", settings: Settings | None = None) -> StoreContext:
        return StoreContext(
            store=StoreKey(kind, "team", "s"),
            namespace="team",
            settings=settings or Settings(),
            clock=clock,
            references=references,
        )

    return make
