"""The part of the store contract that a store keeps which can be pushed to, as tests to inherit. Knows no backend.

```python
class TestMyStore(WritableStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> WritableStoreHarness:
        return MyHarness(tmp_path)
```
"""
# ruff: noqa: S101  # assert is how pytest checks

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Final

from virtrigaud_secrets.errors import ClosedError, NotOwnedError, SecretNotFoundError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Fetch, Push, PushOutcome, PushTarget, StoreClient
from virtrigaud_secrets.testing.contract import CANARY, STORE, StoreHarness, assert_hidden, caught

FIRST: Final[Mapping[str, str]] = {
    "username": f"user-{CANARY}",
    "password": f'p"\\<&>ä🔑{CANARY}',
    "several-lines": f"first {CANARY}\nsecond\n",
    "nothing": "",
}
"""What the contract pushes."""

SECOND: Final[Mapping[str, str]] = {"username": f"other-{CANARY}", "password": FIRST["password"]}
"""What it pushes after that."""

_SAME: Final = 3


class WritableStoreHarness(StoreHarness):
    """A harness for a store that can be pushed to."""

    @abstractmethod
    def target(self, name: str, property_name: str = "") -> PushTarget:
        """Where a secret of that name is pushed to."""

    @abstractmethod
    def reading(self, target: PushTarget) -> Fetch:
        """The fetch that reads what was pushed to a target, as a whole."""

    def values(self, client: StoreClient, target: PushTarget) -> object:
        """What is under a target now, without marks that the backend keeps beside it."""
        return json.loads(client.get(self.reading(target)).payload.whole())

    @abstractmethod
    def put_foreign(self, name: str, properties: Mapping[str, str]) -> None:
        """Keep a secret that somebody else made, before the client is connected: without the mark of ownership."""

    @abstractmethod
    def writes(self) -> int:
        """A number that is another after every change: of versions, or of requests that write."""

    def push(self, target: PushTarget, properties: Mapping[str, str], *, key: str = "", dry_run: bool = False) -> Push:
        """A push of some values."""
        entries = {name: Sensitive(value) for name, value in properties.items()}
        return Push(target=target, entries=entries, secret_key=key, metadata=self.metadata, dry_run=dry_run)

    metadata: object = None
    """Metadata of every push, where values cannot be read back as they were without it."""
    owns: bool = True
    """Whether the backend marks what is its own. Kubernetes does not, as in ESO."""
    keeps: bool = True
    """Whether what is pushed outlives the client."""


class WritableStoreContract:
    """What every store client that writes does. Each method is one promise."""

    def test_a_pushed_secret_reads_as_it_was(self, store: WritableStoreHarness) -> None:
        """All values, each as it was."""
        target = store.target("pushed")
        with store.connect() as client:
            assert client.push(store.push(target, FIRST)) is PushOutcome.CREATED
            assert store.values(client, target) == FIRST

    def test_a_push_replaces_the_whole(self, store: WritableStoreHarness) -> None:
        """What was there and is not pushed any more goes."""
        target = store.target("replaced")
        with store.connect() as client:
            client.push(store.push(target, FIRST))
            assert client.push(store.push(target, SECOND)) is PushOutcome.UPDATED
            assert store.values(client, target) == SECOND

    def test_what_is_equal_is_not_written(self, store: WritableStoreHarness) -> None:
        """No new version, however often."""
        target = store.target("equal")
        with store.connect() as client:
            client.push(store.push(target, FIRST))
            before = store.writes()
            assert {client.push(store.push(target, FIRST)) for _ in range(_SAME)} == {PushOutcome.UNCHANGED}
            assert store.writes() == before

    def test_another_client_goes_on_with_it(self, store: WritableStoreHarness) -> None:
        """Ownership is kept in the store, not in the process."""
        target = store.target("continued")
        with store.connect() as client:
            client.push(store.push(target, FIRST))
        with store.connect() as another:
            expected = PushOutcome.UPDATED if store.keeps else PushOutcome.CREATED
            assert another.push(store.push(target, SECOND)) is expected

    def test_a_property_is_written_beside_the_others(self, store: WritableStoreHarness) -> None:
        """The value of one key, under a name of its own; nothing else changes."""
        target, inside = store.target("property"), store.target("property", "added")
        with store.connect() as client:
            client.push(store.push(target, SECOND))
            assert client.push(store.push(inside, FIRST, key="password")) is PushOutcome.UPDATED
            assert store.values(client, target) == {**SECOND, "added": FIRST["password"]}
            before = store.writes()
            assert client.push(store.push(inside, FIRST, key="password")) is PushOutcome.UNCHANGED
            assert store.writes() == before

    def test_a_property_makes_the_secret(self, store: WritableStoreHarness) -> None:
        """Where there is none yet."""
        target, inside = store.target("first-property"), store.target("first-property", "password")
        with store.connect() as client:
            assert client.push(store.push(inside, FIRST, key="password")) is PushOutcome.CREATED
            assert store.values(client, target) == {"password": FIRST["password"]}

    def test_what_is_not_owned_is_not_overwritten(self, store: WritableStoreHarness) -> None:
        """Neither as a whole nor in a property, and the error shows no value."""
        if not store.owns:
            return
        store.put_foreign("foreign", SECOND)
        target, inside = store.target("foreign"), store.target("foreign", "added")
        with store.connect() as client:
            before = store.writes()
            for push in (store.push(target, FIRST), store.push(inside, FIRST, key="password")):
                error = caught(NotOwnedError, partial(client.push, push))
                assert str(STORE) in str(error)
                assert error.path
                assert_hidden(error)
            assert store.writes() == before
            assert store.values(client, target) == SECOND

    def test_a_dry_run_writes_nothing(self, store: WritableStoreHarness) -> None:
        """And says what would become of it."""
        target = store.target("dry")
        with store.connect() as client:
            before = store.writes()
            assert client.push(store.push(target, FIRST, dry_run=True)) is PushOutcome.CREATED
            assert store.writes() == before
            assert not client.exists(target)
            client.push(store.push(target, FIRST))
            before = store.writes()
            assert client.push(store.push(target, SECOND, dry_run=True)) is PushOutcome.UPDATED
            assert client.push(store.push(target, FIRST, dry_run=True)) is PushOutcome.UNCHANGED
            assert client.delete(target, dry_run=True) is PushOutcome.DELETED
            assert store.writes() == before
            assert store.values(client, target) == FIRST

    def test_what_is_there_is_told(self, store: WritableStoreHarness) -> None:
        """`updatePolicy: IfNotExists` asks."""
        target = store.target("there")
        with store.connect() as client:
            assert not client.exists(target)
            assert not client.exists(store.target("there", "username"))
            client.push(store.push(target, FIRST))
            assert client.exists(target)

    def test_what_is_deleted_is_gone(self, store: WritableStoreHarness) -> None:
        """And may be pushed again."""
        target = store.target("deleted")
        with store.connect() as client:
            client.push(store.push(target, FIRST))
            assert client.delete(target) is PushOutcome.DELETED
            assert not client.exists(target)
            caught(SecretNotFoundError, lambda: client.get(store.reading(target)))
            assert client.delete(target) is PushOutcome.ABSENT

    def test_a_property_is_deleted_alone(self, store: WritableStoreHarness) -> None:
        """The last one takes the secret with it."""
        target = store.target("property-deleted")
        username, password = (store.target("property-deleted", name) for name in ("username", "password"))
        with store.connect() as client:
            client.push(store.push(target, SECOND))
            assert client.delete(password) is PushOutcome.DELETED
            assert store.values(client, target) == {"username": SECOND["username"]}
            assert client.delete(password) is PushOutcome.ABSENT
            assert client.delete(username) is PushOutcome.DELETED
            assert not client.exists(target)

    def test_what_is_not_owned_is_not_deleted(self, store: WritableStoreHarness) -> None:
        """Somebody made it and expects it there."""
        if not store.owns:
            return
        store.put_foreign("kept", SECOND)
        target = store.target("kept")
        with store.connect() as client:
            assert client.delete(target) is PushOutcome.NOT_OWNED
            assert client.delete(store.target("kept", "username")) is PushOutcome.NOT_OWNED
            assert store.values(client, target) == SECOND

    def test_a_closed_client_writes_nothing(self, store: WritableStoreHarness) -> None:
        """As it reads nothing."""
        target = store.target("closed")
        client = store.connect()
        client.close()
        before = store.writes()
        caught(ClosedError, lambda: client.push(store.push(target, FIRST)))
        caught(ClosedError, lambda: client.exists(target))
        caught(ClosedError, lambda: client.delete(target))
        assert store.writes() == before

    def test_pushes_do_not_show_values(self, store: WritableStoreHarness) -> None:
        """Whatever makes text of them."""
        push = store.push(store.target("hidden"), FIRST)
        for shown in (push, push.value, push.target):
            assert CANARY not in f"{shown!r} {shown!s} {shown}"
