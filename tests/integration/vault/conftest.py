"""Clients of the guide's stores, against the guide's servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Fetch, StoreClient, StoreContext, StoreKey, freeze_parameters
from virtrigaud_secrets.stores.references import KubernetesReferences
from virtrigaud_secrets.stores.vault import FACTORY
from virtrigaud_secrets.testing.guide_setup import GUIDE_SERVER, GuideWorld

STORE = StoreKey("SecretStore", "virtrigaud-system", "vault-secret-store")
KUBERNETES = {"kubernetes": {"role": "virtrigaud-role", "serviceAccountRef": {"name": "external-secrets"}}}


class Secrets:
    """The manifests' Secrets: the AppRole's secret id, and whatever a test adds."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], Sensitive] = {}

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive | None:
        return self.values.get((name, key)) if namespace == STORE.namespace else None

    def config_map_value(self, name: str, key: str, *, namespace: str) -> str | None:
        return None


@pytest.fixture
def secrets(guide_world: GuideWorld) -> Secrets:
    made = Secrets()
    made.values["approle", "secret-id"] = guide_world.approle_secret_id
    return made


@pytest.fixture
def app_role(guide_world: GuideWorld) -> dict[str, object]:
    """`auth` of a store that logs in by AppRole."""
    return {"appRole": {"roleId": guide_world.approle_id, "secretRef": {"name": "approle", "key": "secret-id"}}}


@pytest.fixture
def connect(guide_world: GuideWorld, secrets: Secrets) -> Iterator[Callable[..., StoreClient]]:
    """Connects to the guide's SecretStore; keyword arguments replace settings. Closed with the test."""
    with ExitStack() as stack:

        def make(
            auth: dict[str, object] | None = None, *, spec: dict[str, object] | None = None, **settings: object
        ) -> StoreClient:
            chosen = replace(guide_world.settings(), **settings)  # type: ignore[arg-type]  # names are the settings'
            fields = {
                "server": GUIDE_SERVER,
                "path": "secret",
                "version": "v2",
                "auth": KUBERNETES if auth is None else auth,
            }
            context = StoreContext(
                store=STORE,
                namespace=STORE.namespace,
                settings=chosen,
                clock=SystemClock(),
                references=KubernetesReferences(chosen, catalog=secrets),
            )
            client = FACTORY.connect(VaultProvider.model_validate(fields | (spec or {})), context)
            return stack.enter_context(client)

        yield make


@pytest.fixture
def fetch() -> Callable[..., Fetch]:
    def make(key: str, version: str = "", **parameters: object) -> Fetch:
        return Fetch(store=STORE, key=key, version=version, parameters=freeze_parameters(parameters))

    return make


@pytest.fixture
def counted(guide_world: GuideWorld) -> Callable[[], dict[tuple[str, str], int]]:
    """What the server was asked since the test began, by its audit log."""
    start = len(guide_world.openbao.audit_entries())
    return lambda: dict(guide_world.openbao.request_counts(after=start))
