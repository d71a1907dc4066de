"""How the parts are put together. That they work together: tests/integration/operations/sync."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from virtrigaud_secrets.errors import AccessDeniedError, ClosedError, ConfigurationError, StoreUnavailableError
from virtrigaud_secrets.models.external_secret import GeneratorRef
from virtrigaud_secrets.operations.sync import Sync, SyncOptions
from virtrigaud_secrets.operations.sync.controller import STUCK_AFTER
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch, StoreKey
from virtrigaud_secrets.testing import ManualClock


@pytest.fixture
def settings(kubeconfig_file: Path, tmp_path: Path) -> Settings:
    return Settings(kubeconfig=kubeconfig_file, service_account_directory=tmp_path)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sync(settings: Settings, clock: ManualClock) -> Any:
    with Sync(settings=settings, clock=clock) as made:
        yield made


def test_a_cluster_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nothing can be synced"):
        Sync(settings=Settings(service_account_directory=tmp_path))


def test_it_is_strict_whatever_the_process_decided(settings: Settings, sync: Any) -> None:
    assert not settings.strict
    found = sync._settings
    assert (found.strict, found.store_namespaces, found.controller_class) == (True, (), "virtrigaud-secrets")
    assert found.validation == "report"
    assert found.max_secrets >= 1_000_000


def test_before_it_runs_it_neither_leads_nor_is_ready(sync: Any) -> None:
    assert not sync.leads()
    assert not sync.ready()
    assert sync.live()


def test_a_loop_that_stands_still_is_not_live(sync: Any, clock: ManualClock) -> None:
    clock.advance(STUCK_AFTER)
    assert not sync.live()


def test_closed_is_closed(sync: Any) -> None:
    sync.close()
    sync.close()
    assert not sync.live()
    with pytest.raises(ClosedError):
        sync.run()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["clustersecretstores/", "externalsecrets/", "secrets/", "secretstores/"]),
        (
            {"namespaces": ("a", "b"), "store_namespaces": ("b", "c")},
            [
                "clustersecretstores/",
                *(f"{kind}/{where}" for kind in ("externalsecrets", "secrets") for where in "ab"),
                *(f"secretstores/{where}" for where in "abc"),
            ],
        ),
    ],
)
def test_what_is_followed(
    settings: Settings, options: Any, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sync(SyncOptions(**options), settings=settings) as sync:
        monkeypatch.setattr(sync._voting, "reviewed", lambda *_: True)
        found = [f"{one._resource.plural}/{one._namespace}" for one in sync._make_reflectors()]
        assert sorted(found) == sorted(expected)


def test_cluster_stores_are_followed_where_that_is_allowed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sync(SyncOptions(namespaces=("a",)), settings=settings) as sync:
        monkeypatch.setattr(sync._voting, "reviewed", lambda *_: False)
        assert not any(one._resource.kind == "ClusterSecretStore" for one in sync._make_reflectors())

        def denied(*_: object) -> bool:
            raise AccessDeniedError("nobody may ask")

        monkeypatch.setattr(sync._voting, "reviewed", denied)
        assert any(one._resource.kind == "ClusterSecretStore" for one in sync._make_reflectors())


def test_a_cluster_that_is_down_at_the_start_is_asked_again_what_may_be_followed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [StoreUnavailableError("down"), None]
    with Sync(SyncOptions(namespaces=("a",)), settings=settings) as sync:
        stop = Event()
        waits: list[float | None] = []

        def reviewed(*_: object) -> bool:
            if (error := answers.pop(0)) is not None:
                raise error
            stop.set()
            return False

        monkeypatch.setattr(sync._voting, "reviewed", reviewed)
        monkeypatch.setattr(stop, "wait", waits.append)
        sync.run(stop)
        assert waits == [2.0]
        assert {one._resource.kind for one in sync._reflectors} == {"SecretStore", "ExternalSecret", "Secret"}


def test_a_new_resolver_only_after_another_leader(sync: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    transitions = [0]
    monkeypatch.setattr(type(sync._elector), "transitions", property(lambda _: transitions[0]))
    sync._take_over()
    first = sync._resolver
    sync._take_over()
    assert sync._resolver is first
    transitions[0] = 2
    sync._take_over()
    assert sync._resolver is not first


def test_a_request_that_hangs_does_not_cost_the_lease(settings: Settings, sync: Any) -> None:
    assert settings.request_timeout == timedelta(seconds=30)
    assert sync._voting._timeout < sync._options.terms.renew_deadline.total_seconds() / 2


def test_generators_are_looked_up_in_the_cluster(sync: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    body = {"metadata": {"name": "g", "namespace": "ns"}, "spec": {"data": {"a": "b"}}}

    def get(resource: Any, name: str, *, namespace: str) -> Any:
        asked.append((resource.plural, name, namespace))
        return body if name == "g" else None

    monkeypatch.setattr(sync._watching, "get", get)
    assert sync._find_generator(GeneratorRef(kind="Fake", name="g"), "ns").subject == "Fake ns/g"
    assert sync._find_generator(GeneratorRef(kind="ClusterGenerator", name="x"), "ns") is None
    assert asked == [("fakes", "g", "ns"), ("clustergenerators", "x", "")]


def test_reads_are_counted_by_backend(sync: Any, seen_store: Any) -> None:
    sync._inventory.put_store(seen_store())
    for key in (StoreKey("SecretStore", "ns", "store"), StoreKey("Password", "ns", "g")):
        sync._count(Fetch(store=key, key="a"), True)
    assert set(sync.metrics._reads) == {("Fake", "GetSecret", "success"), ("Password", "GetSecret", "success")}


def test_the_lease_is_in_the_pods_namespace(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "namespace").write_text("virtrigaud-system\n")
    with Sync(settings=settings) as sync:
        assert sync._elector._namespace == "virtrigaud-system"
    with Sync(SyncOptions(leader_election=False), settings=settings) as sync:
        assert sync.leads()
