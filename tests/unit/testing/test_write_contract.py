"""The contract has to catch what it is there to catch: each test breaks a good store in one way."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from virtrigaud_secrets.errors import ClosedError, NotOwnedError, SecretNotFoundError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Answer, Fetch, Preview, Push, PushOutcome, PushTarget, StoreClient
from virtrigaud_secrets.stores.payload import Lookup, TextPayload
from virtrigaud_secrets.testing.contract import STORE
from virtrigaud_secrets.testing.write_contract import WritableStoreContract, WritableStoreHarness

PROMISES = sorted(name for name in dir(WritableStoreContract) if name.startswith("test_"))


class Client(StoreClient):
    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.faults = harness.faults
        self.closed = False

    def get(self, fetch: Fetch) -> Answer:
        if fetch.key not in self.harness.secrets:
            raise SecretNotFoundError("none", store=str(STORE), path=fetch.key)
        text = json.dumps(self.harness.secrets[fetch.key]).encode()
        return Answer(payload=TextPayload(text, lookup=Lookup.PATH), path=fetch.key)

    def push(self, push: Push) -> PushOutcome:
        self.refuse(push.target)
        key, name = push.target.key, push.target.property
        current = self.harness.secrets.get(key)
        if name:
            kept = {} if current is None or "forgets-others" in self.faults else current
            wanted = {**kept, name: push.value.reveal_text()}
        else:
            wanted = json.loads(push.value.reveal())
            if "merges-whole" in self.faults:
                wanted = {**(current or {}), **wanted}
            if "trims" in self.faults:
                wanted = {key: value.strip() for key, value in wanted.items()}
        return self.write(push, current, wanted)

    def write(self, push: Push, current: dict[str, str] | None, wanted: dict[str, str]) -> PushOutcome:
        if wanted == current and "always-writes" not in self.faults:
            return PushOutcome.UNCHANGED
        if not push.dry_run or "writes-when-dry" in self.faults:
            self.harness.secrets[push.target.key] = wanted
            self.harness.owned.add(push.target.key)
            self.harness.count += 1
        created = current is None or "says-created" in self.faults
        return PushOutcome.CREATED if created else PushOutcome.UPDATED

    def exists(self, target: PushTarget) -> bool:
        self.refuse_closed()
        return target.key in self.harness.secrets and "never-there" not in self.faults

    def delete(self, target: PushTarget, *, dry_run: bool = False) -> PushOutcome:
        self.refuse_closed()
        current = self.harness.secrets.get(target.key)
        if current is None or (target.property and target.property not in current):
            return PushOutcome.ABSENT
        if target.key not in self.harness.owned and "deletes-foreign" not in self.faults:
            return PushOutcome.NOT_OWNED
        if dry_run and "deletes-when-dry" not in self.faults:
            return PushOutcome.DELETED
        left = {key: value for key, value in current.items() if key != target.property}
        self.harness.count += 1
        if target.property and left and "deletes-all" not in self.faults:
            self.harness.secrets[target.key] = left
        elif "keeps-deleted" not in self.faults:
            del self.harness.secrets[target.key]
        return PushOutcome.DELETED

    def refuse(self, target: PushTarget) -> None:
        self.refuse_closed()
        foreign = target.key in self.harness.secrets and target.key not in self.harness.owned
        if foreign and "overwrites" not in self.faults:
            raise NotOwnedError("theirs", store="" if "no-place" in self.faults else str(STORE), path=target.key)

    def refuse_closed(self) -> None:
        if self.closed and "writes-when-closed" not in self.faults:
            raise ClosedError("closed")

    def close(self, *, revoke: bool = True) -> None:
        self.closed = True
        if "forgets-owner" in self.faults:
            self.harness.owned.clear()


class Harness(WritableStoreHarness):
    def __init__(self, *faults: str) -> None:
        self.faults = frozenset(faults)
        self.secrets: dict[str, dict[str, str]] = {}
        self.owned: set[str] = set()
        self.count = 0

    def put(self, name: str, properties: Mapping[str, str]) -> Fetch:
        self.secrets[name] = dict(properties)
        return Fetch(store=STORE, key=name)

    def absent(self) -> Fetch:
        return Fetch(store=STORE, key="absent")

    def connect(self) -> StoreClient:
        return Client(self)

    def preview(self, fetch: Fetch) -> Preview:
        return Preview(fetch=fetch, method="GET", path=fetch.key)

    def target(self, name: str, property_name: str = "") -> PushTarget:
        return PushTarget(store=STORE, key=name, property=property_name)

    def reading(self, target: PushTarget) -> Fetch:
        return Fetch(store=STORE, key=target.key)

    def put_foreign(self, name: str, properties: Mapping[str, str]) -> None:
        self.put(name, properties)

    def writes(self) -> int:
        return self.count


def broken(*faults: str) -> set[str]:
    """The promises that are not kept."""
    found = set()
    for name in PROMISES:
        try:
            getattr(WritableStoreContract(), name)(Harness(*faults))
        except Exception:  # noqa: BLE001  # whatever a broken store raises
            found.add(name)
    return found


def test_a_good_store_keeps_every_promise() -> None:
    assert broken() == set()
    assert len(PROMISES) >= 14


@pytest.mark.parametrize(
    ("fault", "promise"),
    [
        ("trims", "test_a_pushed_secret_reads_as_it_was"),
        ("merges-whole", "test_a_push_replaces_the_whole"),
        ("always-writes", "test_what_is_equal_is_not_written"),
        ("forgets-owner", "test_another_client_goes_on_with_it"),
        ("forgets-others", "test_a_property_is_written_beside_the_others"),
        ("says-created", "test_a_push_replaces_the_whole"),
        ("overwrites", "test_what_is_not_owned_is_not_overwritten"),
        ("no-place", "test_what_is_not_owned_is_not_overwritten"),
        ("writes-when-dry", "test_a_dry_run_writes_nothing"),
        ("deletes-when-dry", "test_a_dry_run_writes_nothing"),
        ("never-there", "test_what_is_there_is_told"),
        ("keeps-deleted", "test_what_is_deleted_is_gone"),
        ("deletes-all", "test_a_property_is_deleted_alone"),
        ("deletes-foreign", "test_what_is_not_owned_is_not_deleted"),
        ("writes-when-closed", "test_a_closed_client_writes_nothing"),
    ],
)
def test_a_fault_is_caught(fault: str, promise: str) -> None:
    assert promise in broken(fault)


def test_a_store_without_marks_need_not_keep_them() -> None:
    class Unmarked(Harness):
        owns = False

    contract, store = WritableStoreContract(), Unmarked("overwrites", "deletes-foreign")
    contract.test_what_is_not_owned_is_not_overwritten(store)
    contract.test_what_is_not_owned_is_not_deleted(store)
    assert store.secrets == {}


def test_sensitive_values_are_what_is_pushed() -> None:
    harness = Harness()
    harness.connect().push(Push(target=harness.target("a"), entries={"k": Sensitive("v")}))
    assert harness.secrets == {"a": {"k": "v"}}
