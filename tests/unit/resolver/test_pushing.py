from __future__ import annotations

from collections.abc import Iterable

import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ClosedError,
    ConflictError,
    ManifestError,
    PushError,
    SecretsError,
    StoreNotFoundError,
    StoreUnavailableError,
)
from virtrigaud_secrets.manifests import Catalog, Document
from virtrigaud_secrets.models.push_secret import PushSecretSpec
from virtrigaud_secrets.models.secret_store import SecretStoreSpec
from virtrigaud_secrets.resolver.connections import Connections
from virtrigaud_secrets.resolver.push_plan import Source
from virtrigaud_secrets.resolver.push_report import PushReport
from virtrigaud_secrets.resolver.pushing import Pusher
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Answer, Fetch, Push, PushOutcome, PushTarget, StoreClient, StoreKey
from virtrigaud_secrets.testing.clock import ManualClock
from virtrigaud_secrets.testing.contract import NoReferences

SOURCE = Source(name="source", entries={"a": Sensitive("1"), "b": Sensitive("2")})


class Client(StoreClient):
    """Remembers what it is told, and fails where a test says so."""

    def __init__(self, key: StoreKey, faults: dict[str, SecretsError]) -> None:
        self.key = key
        self.faults = faults
        self.there: set[str] = set()
        self.pushed: list[str] = []
        self.deleted: list[str] = []

    def get(self, fetch: Fetch) -> Answer:
        raise NotImplementedError

    def push(self, push: Push) -> PushOutcome:
        self.pushed.append(push.target.key)
        if push.target.key in self.faults:
            raise self.faults[push.target.key]
        return PushOutcome.CREATED

    def exists(self, target: PushTarget) -> bool:
        return target.key in self.there

    def delete(self, target: PushTarget, *, dry_run: bool = False) -> PushOutcome:
        if target.key in self.faults:
            raise self.faults[target.key]
        if not dry_run:
            self.deleted.append(target.key)
        return PushOutcome.DELETED

    def close(self, *, revoke: bool = True) -> None:
        pass


def store(name: str, namespace: str = "ns", **fields: object) -> Document[SecretStoreSpec]:
    written = {"provider": {"fake": {"data": []}}, **{key: fields[key] for key in fields if key != "labels"}}
    return Document(
        kind="SecretStore" if namespace else "ClusterSecretStore",
        name=name,
        namespace=namespace,
        spec=SecretStoreSpec.model_validate(written),
        labels=fields.get("labels", {}),  # type: ignore[arg-type]  # labels are texts
    )


STORES = [
    store("one", labels={"team": "x"}),
    store("two", labels={"team": "x"}),
    store("elsewhere", "other", labels={"team": "x"}),
    store("foreign", labels={"team": "x"}, controller="somebody"),
    store("cluster", "", labels={"team": "x"}),
]


class World:
    def __init__(self, **faults: SecretsError) -> None:
        self.faults: dict[str, SecretsError] = dict(faults)
        self.clients: dict[str, Client] = {}
        catalog = Catalog(stores=STORES)
        settings = Settings()
        connections = Connections(catalog, settings=settings, clock=ManualClock(), references=NoReferences())
        self.pusher = Pusher(
            catalog,
            settings=settings,
            bind=lambda reference, namespace: connections.bind(reference, namespace=namespace),
            client_of=self.client,
        )

    def client(self, key: StoreKey) -> Client:
        return self.clients.setdefault(key.name, Client(key, self.faults))

    def push(
        self, *refs: object, previous: Iterable[PushTarget] = (), dry_run: bool = False, **fields: object
    ) -> PushReport:
        written = {
            "secretStoreRefs": list(refs) or [{"name": "one"}],
            "selector": {"secret": {"name": "source"}},
            "data": [entry("a"), entry("b")],
            **fields,
        }
        spec = PushSecretSpec.model_validate(written)
        document = Document(kind="PushSecret", name="p", namespace="ns", spec=spec)
        return self.pusher.push(document, [SOURCE], previous=previous, dry_run=dry_run)


def entry(key: str) -> dict[str, object]:
    return {"match": {"secretKey": key, "remoteRef": {"remoteKey": f"remote-{key}"}}}


def target(key: str, store_name: str = "one") -> PushTarget:
    return PushTarget(store=StoreKey("SecretStore", "ns", store_name), key=key)


def told(report: PushReport) -> list[tuple[str, str, str, str]]:
    return [(one.target.store.name, one.target.key, one.outcome.value, one.field) for one in report.entries]


def test_each_entry_is_written_once() -> None:
    world = World()

    assert told(world.push()) == [
        ("one", "remote-a", "created", "spec.data[0]"),
        ("one", "remote-b", "created", "spec.data[1]"),
    ]
    assert world.clients["one"].pushed == ["remote-a", "remote-b"]


def test_several_stores_each_get_all() -> None:
    report = World().push({"name": "one"}, {"name": "cluster", "kind": "ClusterSecretStore"}, {"name": "one"})

    assert [name for name, *_ in told(report)] == ["one", "one", "cluster", "cluster"]


def test_stores_are_chosen_by_labels() -> None:
    selector = {"labelSelector": {"matchLabels": {"team": "x"}}}

    assert {name for name, *_ in told(World().push(selector))} == {"one", "two"}
    cluster = {**selector, "kind": "ClusterSecretStore"}
    assert {name for name, *_ in told(World().push(cluster))} == {"cluster"}
    assert World().push({"labelSelector": {"matchLabels": {"team": "z"}}}).entries == ()


@pytest.mark.parametrize("reference", [{"name": "absent"}, {"name": "foreign"}, {}])
def test_a_store_that_cannot_be_had_is_told_before_anything_is_written(reference: dict[str, object]) -> None:
    world = World()

    with pytest.raises(StoreNotFoundError) as caught:
        world.push({"name": "one"}, reference)
    assert str(caught.value).startswith("PushSecret ns/p: spec.secretStoreRefs[1]: ")
    assert world.clients == {}


def test_a_plan_with_a_fault_writes_nothing() -> None:
    world = World()

    with pytest.raises(SecretsError) as caught:
        world.push(data=[entry("a"), entry("absent")])
    assert str(caught.value).startswith("PushSecret ns/p: spec.data[1]: ")
    with pytest.raises(ManifestError):
        world.push(dataTo=[{"storeRef": {"name": "two"}}])
    assert world.clients == {}


def test_if_not_exists_leaves_what_is_there() -> None:
    world = World()
    world.client(target("x").store).there.add("remote-a")
    report = world.push(updatePolicy="IfNotExists")

    assert [outcome for _, _, outcome, _ in told(report)] == ["unchanged", "created"]
    assert world.clients["one"].pushed == ["remote-b"]


def test_a_fault_of_one_secret_does_not_keep_the_others() -> None:
    world = World(**{"remote-a": AccessDeniedError("denied", path="remote-a")})

    with pytest.raises(PushError) as caught:
        world.push({"name": "one"}, {"name": "two"})
    assert len(caught.value.errors) == 2
    assert told(caught.value.report) == [
        ("one", "remote-b", "created", "spec.data[1]"),
        ("two", "remote-b", "created", "spec.data[1]"),
    ]
    assert "2 faults; 2 written or unchanged" in str(caught.value)


@pytest.mark.parametrize("fault", [AuthenticationError("refused"), StoreUnavailableError("gone")])
def test_after_a_fault_of_the_store_no_more_is_sent_to_it(fault: SecretsError) -> None:
    world = World(**{"remote-a": fault})

    with pytest.raises(PushError):
        world.push({"name": "one"}, {"name": "two"})
    assert (world.clients["one"].pushed, world.clients["two"].pushed) == (["remote-a"], ["remote-a"])


def test_a_conflict_is_about_one_secret() -> None:
    world = World(**{"remote-a": ConflictError("meanwhile")})

    with pytest.raises(PushError):
        world.push()
    assert world.clients["one"].pushed == ["remote-a", "remote-b"]


def test_what_may_have_been_written_is_remembered() -> None:
    with pytest.raises(PushError) as caught:
        World(**{"remote-a": StoreUnavailableError("no answer")}).push()
    assert told(caught.value.report) == [("one", "remote-a", "unknown", "spec.data[0]")]
    assert [one.key for one in caught.value.report.pushed] == ["remote-a"]


def test_a_resolver_that_is_closed_meanwhile_ends_it() -> None:
    with pytest.raises(ClosedError, match="PushSecret ns/p"):
        World(**{"remote-a": ClosedError("closed")}).push()


def test_what_is_gone_from_the_manifest_is_deleted_where_the_policy_says_so() -> None:
    before = [target("remote-a"), target("old"), target("other-store", "two")]
    world = World()
    report = world.push(previous=before, deletionPolicy="Delete")

    assert told(report)[2:] == [("one", "old", "deleted", ""), ("two", "other-store", "deleted", "")]
    assert (world.clients["one"].deleted, world.clients["two"].deleted) == (["old"], ["other-store"])
    assert [one.key for one in report.pushed] == ["remote-a", "remote-b"]


def test_by_default_it_stays_and_is_forgotten() -> None:
    world = World()
    report = world.push(previous=[target("old")])

    assert world.clients["one"].deleted == []
    assert [one.key for one in report.pushed] == ["remote-a", "remote-b"]


def test_nothing_is_deleted_after_a_fault_and_nothing_is_forgotten() -> None:
    world = World(**{"remote-a": AccessDeniedError("denied")})

    with pytest.raises(PushError) as caught:
        world.push(previous=[target("remote-a"), target("old")], deletionPolicy="Delete")
    assert world.clients["one"].deleted == []
    assert {one.key for one in caught.value.report.pushed} == {"remote-a", "remote-b", "old"}


def test_a_deletion_that_fails_is_tried_again_next_time() -> None:
    world = World(old=AccessDeniedError("denied"))

    with pytest.raises(PushError) as caught:
        world.push(previous=[target("old"), target("gone-store", "absent")], deletionPolicy="Delete")
    assert [error.fields for error in caught.value.errors] == [("spec.deletionPolicy",)]
    assert {one.key for one in caught.value.report.pushed} == {"remote-a", "remote-b", "old", "gone-store"}


def test_a_dry_run_deletes_nothing() -> None:
    world = World()
    report = world.push(previous=[target("old")], deletionPolicy="Delete", dry_run=True)

    assert report.dry_run
    assert world.clients["one"].deleted == []
    assert told(report)[-1] == ("one", "old", "deleted", "")
