"""What stays and what goes when manifests change under a resolver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from virtrigaud_secrets import Settings
from virtrigaud_secrets.errors import AccessDeniedError, SecretNotFoundError, SecretsError, StoreUnavailableError
from virtrigaud_secrets.manifests.live_catalog import LiveCatalog
from virtrigaud_secrets.models.external_secret import ExternalSecretSpec
from virtrigaud_secrets.models.secret_store import SecretStoreSpec
from virtrigaud_secrets.runtime.live_resolver import RETIRED_FOR, LiveResolver
from virtrigaud_secrets.stores.base import Fetch


@pytest.fixture
def live(catalog: Any) -> LiveCatalog:
    """The manifests of the lab, as a catalog that changes."""
    made = LiveCatalog()
    for document in catalog.external_secrets:
        made.put_external_secret(document)
    for store in catalog.stores:
        made.put_store(store)
    return made


@pytest.fixture
def resolver(live: LiveCatalog, lab: Any, clock: Any) -> Iterator[LiveResolver]:
    with LiveResolver(live, settings=Settings(), clock=clock, background=False) as made:
        yield made
        lab.up()


def change(live: LiveCatalog, name: str, **spec: Any) -> None:
    document = live.external_secret(name, namespace="ns")
    written = document.spec.model_dump(by_alias=True, exclude_unset=True, mode="json")
    new = ExternalSecretSpec.model_validate({**written, **spec}, by_alias=True)
    live.put_external_secret(replace(document, spec=new))


def change_store(live: LiveCatalog, **spec: Any) -> None:
    (store,) = live.stores
    new = {"provider": {"fake": {"data": [{"key": "unused", "value": "another"}]}}, **spec}
    live.put_store(replace(store, spec=SecretStoreSpec.model_validate(new)))


def test_for_one_moment_each_path_is_read_once_and_for_the_next_again(
    resolver: LiveResolver, lab: Any, clock: Any
) -> None:
    since = clock.elapsed()
    clock.advance(1)
    for name in ("kv", "kv-too", "kv"):
        resolver.read(name, namespace="ns", since=since)
    assert lab.count("get") == 2
    clock.advance(1)
    resolver.read("kv", namespace="ns", since=clock.elapsed() - 0.5)
    assert lab.count("get") == 4


def test_credentials_are_shared_until_somebody_wants_them_rotated(resolver: LiveResolver, lab: Any, clock: Any) -> None:
    first = resolver.read("db", namespace="ns", since=0)
    clock.advance(5)
    assert resolver.read("db", namespace="ns", since=clock.elapsed())["username"] == first["username"]
    rotated = resolver.read("db", namespace="ns", since=clock.elapsed(), rotate=True)
    assert rotated["username"] != first["username"]
    assert lab.count("get", "creds/app") == 2


def test_a_failure_is_an_error_and_takes_nothing_away(resolver: LiveResolver, lab: Any, clock: Any) -> None:
    bundle = resolver.read("mixed", namespace="ns")
    for error in (StoreUnavailableError("down"), AccessDeniedError("refused"), SecretNotFoundError("gone")):
        clock.advance(1)
        lab.fail("get", "kv/a", error)
        with pytest.raises(type(error)):
            resolver.read("mixed", namespace="ns", since=clock.elapsed())
        held = resolver.held("mixed", namespace="ns")
        assert held is not None
        assert dict(held) == dict(bundle)
    assert len(lab.living()) == 1


def test_a_change_of_others_touches_no_lease(resolver: LiveResolver, live: LiveCatalog, lab: Any, clock: Any) -> None:
    first = resolver.read("db", namespace="ns")
    for _ in range(10):
        change(live, "kv", refreshInterval=f"{int(clock.elapsed()) + 60}s")
        resolver.changed("kv", namespace="ns")
        resolver.read("kv", namespace="ns", since=clock.elapsed())
        live.remove_external_secret("other-db", namespace="ns")
        resolver.removed("other-db", namespace="ns")
        clock.advance(20)
        resolver.run_due()
    assert lab.cut  # renewed meanwhile
    held = resolver.held("db", namespace="ns")
    assert held is not None
    assert held["username"] == first["username"]
    assert lab.count("get", "creds/app") == 1


def test_a_changed_manifest_is_gone_by_and_keeps_its_lease(
    resolver: LiveResolver, live: LiveCatalog, lab: Any, clock: Any
) -> None:
    first = resolver.read("db", namespace="ns")
    change(live, "db", refreshInterval="2h")
    resolver.changed("db", namespace="ns")
    assert resolver.read("db", namespace="ns", since=clock.elapsed())["username"] == first["username"]
    change(live, "db", dataFrom=[{"extract": {"key": "creds/other"}}])
    resolver.changed("db", namespace="ns")
    assert resolver.held("db", namespace="ns") is not None
    second = resolver.read("db", namespace="ns", since=clock.elapsed())
    assert second["username"] != first["username"]
    assert lab.count("get", "creds/other") == 1


def test_a_manifest_that_cannot_be_planned_any_more_keeps_what_it_had(
    resolver: LiveResolver, live: LiveCatalog, lab: Any
) -> None:
    resolver.read("db", namespace="ns")
    live.remove_store("SecretStore", "lab", namespace="ns")
    with pytest.raises(SecretsError):
        resolver.changed("db", namespace="ns")
    with pytest.raises(SecretsError):
        resolver.read("db", namespace="ns", since=1)
    assert resolver.held("db", namespace="ns") is not None
    assert not resolver.makes_something("db", namespace="ns")
    assert len(lab.living()) == 1


def test_what_was_removed_is_let_go_of(resolver: LiveResolver, live: LiveCatalog, lab: Any) -> None:
    resolver.read("db", namespace="ns")
    resolver.read("kv", namespace="ns")
    live.remove_external_secret("db", namespace="ns")
    resolver.removed("db", namespace="ns")
    resolver.removed("db", namespace="ns")
    resolver.removed("never-seen", namespace="ns")
    assert resolver.held("db", namespace="ns") is None
    assert resolver.held("kv", namespace="ns") is not None
    with pytest.raises(SecretsError):
        resolver.read("db", namespace="ns")


def test_a_changed_store_is_connected_anew_and_the_old_login_ends_later(
    resolver: LiveResolver, live: LiveCatalog, lab: Any, clock: Any
) -> None:
    resolver.read("kv", namespace="ns")
    change_store(live)
    resolver.changed("kv", namespace="ns")
    resolver.read("kv", namespace="ns", since=clock.elapsed())
    assert lab.closed == []
    clock.advance(RETIRED_FOR - timedelta(seconds=1))
    resolver.tidy()
    assert lab.closed == []
    clock.advance(1)
    resolver.tidy()
    assert lab.closed == [True]
    resolver.close(revoke=False)
    assert lab.closed == [True, False]


def test_what_is_retired_is_closed_with_the_resolver(resolver: LiveResolver, live: LiveCatalog, lab: Any) -> None:
    resolver.read("kv", namespace="ns")
    change_store(live)
    resolver.changed("kv", namespace="ns")
    resolver.close(revoke=False)
    assert lab.closed == [False]


def test_whether_a_read_makes_something(resolver: LiveResolver) -> None:
    assert resolver.makes_something("db", namespace="ns")
    assert not resolver.makes_something("kv", namespace="ns")
    assert not resolver.makes_something("nobody", namespace="ns")


def test_what_the_store_had_nothing_for(resolver: LiveResolver, live: LiveCatalog, lab: Any, clock: Any) -> None:
    change(live, "kv", target={"deletionPolicy": "Delete"})
    resolver.read("kv", namespace="ns")
    assert resolver.unanswered("kv", namespace="ns", since=-1) == ()
    clock.advance(1)
    del lab.secrets["kv/b"]
    since = clock.elapsed()
    clock.advance(1)
    bundle = resolver.read("kv", namespace="ns", since=since)
    assert list(bundle) == ["a"]
    assert resolver.unanswered("kv", namespace="ns", since=since) == ("spec.data[1]",)


def test_every_fetch_is_counted(resolver: LiveResolver, lab: Any) -> None:
    asked: list[tuple[str, bool]] = []

    def count(fetch: Fetch, answered: bool) -> None:
        asked.append((fetch.key, answered))

    resolver.count(count)
    lab.fail("get", "kv/b", StoreUnavailableError("down"))
    with pytest.raises(SecretsError):
        resolver.read("kv", namespace="ns")
    assert sorted(asked) == [("kv/a", True), ("kv/b", False)]
