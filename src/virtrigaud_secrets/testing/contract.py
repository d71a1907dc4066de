"""The contract that every store client keeps, as tests to inherit. Knows no backend, and imports no test framework.

A store's tests subclass `StoreContract` and give it a pytest fixture `store`:

```python
class TestMyStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> StoreHarness:
        return MyHarness(tmp_path)
```
"""
# ruff: noqa: S101  # assert is how pytest checks

from __future__ import annotations

import json
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import (
    ClosedError,
    ConfigurationError,
    DecodingError,
    PropertyNotFoundError,
    SecretNotFoundError,
    SecretsError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch, LabelledSecret, Preview, StoreClient, StoreContext, StoreKey
from virtrigaud_secrets.testing.clock import ManualClock

CANARY: Final = "canary-5f1c0e-never-show"
"""Part of every value that the contract plants. No error, repr or traceback may show it."""

STORE: Final = StoreKey(kind="SecretStore", namespace="contract", name="under-test")
"""The store that harnesses connect to."""

PROPERTIES: Final[Mapping[str, str]] = {
    "username": f"user-{CANARY}",
    "password": f'p"\\<&>ä🔑{CANARY}',
    "several-lines": f"first {CANARY}\nsecond\n",
    "nothing": "",
    "nested": json.dumps({"inner": f"inner-{CANARY}", "deeper": {"number": 1}}),
}
"""What the contract stores: texts that go wrong where somebody splits, trims or encodes once too often."""

_CONTRACTS: Final = frozenset({__file__, str(Path(__file__).with_name("write_contract.py"))})
"""Files whose local variables are the tests' own."""
_THREADS: Final = 8
_SAME: Final = 5

_ErrorT = TypeVar("_ErrorT", bound=SecretsError)


class NoReferences:
    """Implements `References` for stores that refer to nothing: every question is an error."""

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        """Refused."""
        raise ConfigurationError(f"there is no Secret {namespace}/{name} with key {key} in this test")

    def labelled_secret(self, name: str, *, namespace: str) -> LabelledSecret:
        """Refused."""
        raise ConfigurationError(f"there is no Secret {namespace}/{name} in this test")

    def config_map_value(self, name: str, key: str, *, namespace: str) -> str:
        """Refused."""
        raise ConfigurationError(f"there is no ConfigMap {namespace}/{name} with key {key} in this test")

    def service_account_token(
        self,
        name: str,
        *,
        namespace: str,
        audiences: Sequence[str] = (),
        lifetime: timedelta | None = None,  # noqa: ARG002  # interface
    ) -> Sensitive:
        """Refused."""
        raise ConfigurationError(f"there is no service account {namespace}/{name} for {list(audiences)} in this test")


def store_context(
    *, store: StoreKey = STORE, settings: Settings | None = None, clock: Clock | None = None
) -> StoreContext:
    """What a store client is given, for tests: a manual clock, and nothing to refer to."""
    return StoreContext(
        store=store,
        namespace=store.namespace,
        settings=Settings() if settings is None else settings,
        clock=ManualClock() if clock is None else clock,
        references=NoReferences(),
    )


class StoreHarness(ABC):
    """Puts secrets where the store under test finds them, and connects to it as `STORE`."""

    @abstractmethod
    def put(self, name: str, properties: Mapping[str, str]) -> Fetch:
        """Keep a secret before the client is connected; the fetch that reads its newest version."""

    @abstractmethod
    def absent(self) -> Fetch:
        """A fetch of a secret that was never put."""

    @abstractmethod
    def connect(self) -> StoreClient:
        """A new client for all that was put."""

    @abstractmethod
    def preview(self, fetch: Fetch) -> Preview:
        """What the factory tells of `fetch`."""

    def requests(self) -> int:
        """How many requests the backend has received; stays 0 for a store that sends none."""
        return 0


class VersionedStoreHarness(StoreHarness):
    """A harness whose store keeps versions."""

    @abstractmethod
    def put_version(self, name: str, properties: Mapping[str, str]) -> Fetch:
        """Add a version of a secret before the client is connected; the fetch that reads this version."""


class StoreContract:
    """What every store client does. Each method is one promise."""

    def test_the_whole_is_a_json_object_of_all_properties(self, store: StoreHarness) -> None:
        """Without a property, a secret is one JSON text."""
        fetch = store.put("whole", PROPERTIES)
        with store.connect() as client:
            assert json.loads(client.get(fetch).payload.whole()) == PROPERTIES

    def test_each_property_comes_as_it_was_put(self, store: StoreHarness) -> None:
        """No trimming, no second encoding."""
        fetch = store.put("properties", PROPERTIES)
        with store.connect() as client:
            payload = client.get(fetch).payload
            assert {name: payload.property(name).decode() for name in PROPERTIES} == PROPERTIES

    def test_entries_are_all_properties(self, store: StoreHarness) -> None:
        """`dataFrom.extract` without a property."""
        fetch = store.put("entries", PROPERTIES)
        with store.connect() as client:
            entries = client.get(fetch).payload.entries()
        assert {name: value.decode() for name, value in entries.items()} == PROPERTIES

    def test_entries_of_a_property_are_its_members(self, store: StoreHarness) -> None:
        """`dataFrom.extract` with a property that holds a JSON object."""
        fetch = store.put("members", PROPERTIES)
        with store.connect() as client:
            entries = client.get(fetch).payload.entries("nested")
        assert entries["inner"].decode() == f"inner-{CANARY}"
        assert json.loads(entries["deeper"]) == {"number": 1}

    def test_changing_entries_does_not_change_the_answer(self, store: StoreHarness) -> None:
        """An answer is shared by all references to it."""
        fetch = store.put("shared", PROPERTIES)
        with store.connect() as client:
            payload = client.get(fetch).payload
            payload.entries().clear()
            assert set(payload.entries()) == set(PROPERTIES)

    def test_a_missing_property_is_told_by_name(self, store: StoreHarness) -> None:
        """The secret is there: the fault is the property's, and nobody else's."""
        fetch = store.put("no-property", PROPERTIES)
        with store.connect() as client:
            payload = client.get(fetch).payload
            for ask in (payload.property, payload.entries):
                error = caught(PropertyNotFoundError, partial(ask, "no-such-property"))
                assert error.property_name == "no-such-property"
                assert_hidden(error)

    def test_a_missing_secret_is_no_missing_property(self, store: StoreHarness) -> None:
        """Callers decide on the difference."""
        store.put("somebody-else", PROPERTIES)
        with store.connect() as client:
            error = caught(SecretNotFoundError, lambda: client.get(store.absent()))
        assert not isinstance(error, PropertyNotFoundError)

    def test_a_missing_secret_names_store_and_path(self, store: StoreHarness) -> None:
        """An operator has to find the place."""
        store.put("somebody-else", PROPERTIES)
        with store.connect() as client:
            error = caught(SecretNotFoundError, lambda: client.get(store.absent()))
        assert str(STORE) in str(error)
        assert error.path
        assert error.path in str(error)
        assert_hidden(error)

    def test_a_text_has_no_entries(self, store: StoreHarness) -> None:
        """And the error does not quote the text."""
        fetch = store.put("text", PROPERTIES)
        with store.connect() as client:
            payload = client.get(fetch).payload
            assert_hidden(caught(DecodingError, lambda: payload.entries("username")))

    def test_answers_and_clients_do_not_show_values(self, store: StoreHarness) -> None:
        """Whatever makes text of them."""
        fetch = store.put("hidden", PROPERTIES)
        with store.connect() as client:
            answer = client.get(fetch)
            for shown in (answer, answer.payload, client, fetch):
                assert CANARY not in f"{shown!r} {shown!s} {shown}"

    def test_an_answer_says_what_was_read(self, store: StoreHarness) -> None:
        """Provenance starts here."""
        fetch = store.put("said", PROPERTIES)
        with store.connect() as client:
            assert client.get(fetch).path

    def test_reading_again_gives_the_same(self, store: StoreHarness) -> None:
        """A plain read has no side effect."""
        fetch = store.put("again", PROPERTIES)
        with store.connect() as client:
            wholes = {client.get(fetch).payload.whole() for _ in range(_SAME)}
        assert len(wholes) == 1

    def test_several_threads_share_a_client(self, store: StoreHarness) -> None:
        """One client serves a process."""
        fetches = {
            number: store.put(f"thread-{number}", {"number": f"{number}-{CANARY}"}) for number in range(_THREADS)
        }
        asked = [number for _ in range(_SAME) for number in fetches]
        with store.connect() as client, ThreadPoolExecutor(_THREADS) as pool:
            answers = [pool.submit(client.get, fetches[number]) for number in asked]
            found = [answer.result().payload.property("number").decode() for answer in answers]
        assert found == [f"{number}-{CANARY}" for number in asked]

    def test_connecting_sends_nothing(self, store: StoreHarness) -> None:
        """A store that is never asked is never logged in to."""
        store.put("unread", PROPERTIES)
        before = store.requests()
        client = store.connect()
        assert store.requests() == before
        client.close()

    def test_a_preview_sends_nothing(self, store: StoreHarness) -> None:
        """A plan is made without I/O."""
        fetch = store.put("previewed", PROPERTIES)
        before = store.requests()
        preview = store.preview(fetch)
        assert store.requests() == before
        assert preview.method
        assert preview.path
        assert not preview.side_effect

    def test_a_preview_of_the_canonical_fetch_keeps_it(self, store: StoreHarness) -> None:
        """Equal fetches are merged, so the canonical form is one form."""
        canonical = store.preview(store.put("canonical", PROPERTIES)).fetch
        assert store.preview(canonical).fetch == canonical

    def test_the_canonical_fetch_reads_the_same(self, store: StoreHarness) -> None:
        """What is planned is what is sent."""
        fetch = store.put("planned", PROPERTIES)
        with store.connect() as client:
            planned = client.get(store.preview(fetch).fetch)
            assert planned.payload.whole() == client.get(fetch).payload.whole()

    def test_closing_twice_is_closing_once(self, store: StoreHarness) -> None:
        """Whoever closes need not know who did before."""
        fetch = store.put("closed-twice", PROPERTIES)
        client = store.connect()
        client.get(fetch)
        client.close()
        client.close()
        client.close(revoke=False)

    def test_an_unused_client_closes(self, store: StoreHarness) -> None:
        """There may be nothing to give back."""
        store.connect().close()

    def test_a_closed_client_answers_nothing(self, store: StoreHarness) -> None:
        """Not even from memory."""
        fetch = store.put("closed", PROPERTIES)
        client = store.connect()
        client.get(fetch)
        client.close()
        caught(ClosedError, lambda: client.get(fetch))

    def test_an_answer_outlives_the_client(self, store: StoreHarness) -> None:
        """Values in use do not vanish."""
        fetch = store.put("outlived", PROPERTIES)
        with store.connect() as client:
            payload = client.get(fetch).payload
        assert payload.property("username").decode() == PROPERTIES["username"]


class VersionedStoreContract(StoreContract):
    """What a store that keeps versions does besides."""

    def test_each_version_is_read_by_its_name(self, store: VersionedStoreHarness) -> None:
        """An older version stays readable."""
        first = store.put_version("versions", {"generation": f"first-{CANARY}"})
        second = store.put_version("versions", {"generation": f"second-{CANARY}"})
        with store.connect() as client:
            assert client.get(first).payload.property("generation").decode() == f"first-{CANARY}"
            assert client.get(second).payload.property("generation").decode() == f"second-{CANARY}"

    def test_an_answer_names_its_version(self, store: VersionedStoreHarness) -> None:
        """As it was asked for."""
        fetch = store.put_version("named", PROPERTIES)
        with store.connect() as client:
            assert client.get(fetch).version == fetch.version


def caught(expected: type[_ErrorT], call: Callable[[], object]) -> _ErrorT:
    """The error of that kind that a call raises."""
    try:
        call()
    except expected as error:
        return error
    raise AssertionError(f"{expected.__name__} was not raised")


def assert_hidden(error: SecretsError) -> None:
    """Assert that no value shows in the error, its causes, or the local variables of the library's own frames."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for part in _chain(report) for frame in part.stack if frame.filename not in _CONTRACTS]
    shown = [str(error), repr(error), repr(error.args), *(str(frame.locals) for frame in frames)]
    assert not any(CANARY in text for text in shown), "a value shows in an error or its traceback"


def _chain(report: traceback.TracebackException | None) -> list[traceback.TracebackException]:
    if report is None:
        return []
    return [report, *_chain(report.__cause__), *_chain(report.__context__)]
