"""The contract has to catch what it is there to catch: each test breaks a good store in one way."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

import pytest

from virtrigaud_secrets.errors import (
    ClosedError,
    ConfigurationError,
    DecodingError,
    PropertyNotFoundError,
    SecretNotFoundError,
    StoreError,
)
from virtrigaud_secrets.stores.base import Answer, Fetch, Payload, Preview, StoreClient, at_store
from virtrigaud_secrets.testing.contract import (
    STORE,
    NoReferences,
    StoreContract,
    VersionedStoreContract,
    VersionedStoreHarness,
    store_context,
)

PROMISES = sorted(name for name in dir(VersionedStoreContract) if name.startswith("test_"))


class Data(Payload):
    def __init__(self, properties: Mapping[str, str], faults: frozenset[str]) -> None:
        self.properties = dict(properties)
        self.faults = faults

    def __repr__(self) -> str:
        return str(self.properties) if "shows" in self.faults else super().__repr__()

    def whole(self) -> bytes:
        return json.dumps(self.properties).encode() if "whole" not in self.faults else b"{}"

    def property(self, name: str) -> bytes:
        if name not in self.properties:
            if "missing-is-empty" in self.faults:
                return b""
            raise PropertyNotFoundError("no such property", property_name=name)
        value = self.properties[name]
        return (value.strip() if "trims" in self.faults else value).encode()

    def entries(self, name: str = "") -> dict[str, bytes]:
        if not name:
            return {key: value.encode() for key, value in self.properties.items()}
        found = members(self.property(name))
        if found is None:
            quoted = self.property(name) if "quotes" in self.faults else b""
            raise DecodingError(f"no object {quoted!r}")
        return found


def members(text: bytes) -> dict[str, bytes] | None:
    try:
        found: dict[str, object] = json.loads(text)
    except ValueError:
        return None
    return {key: (value if isinstance(value, str) else json.dumps(value)).encode() for key, value in found.items()}


class Client(StoreClient):
    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.closed = False

    def get(self, fetch: Fetch) -> Answer:
        faults = self.harness.faults
        if self.closed and "answers-when-closed" not in faults:
            raise ClosedError("closed")
        self.harness.sent += 1
        try:
            properties = self.harness.secrets[fetch.key, "" if "ignores-version" in faults else fetch.version]
        except KeyError:
            error: StoreError = SecretNotFoundError("no such secret")
            if "missing-secret-as-property" in faults:
                error = PropertyNotFoundError("no such secret", property_name="")
            raise (error if "no-place" in faults else at_store(error, STORE, fetch.key)) from None
        if "changes" in faults:
            properties = {**properties, "count": str(next(self.harness.counter))}
        version = "" if "forgets-version" in faults else fetch.version
        return Answer(payload=Data(properties, faults), path="" if "no-path" in faults else fetch.key, version=version)

    def close(self, *, revoke: bool = True) -> None:
        if self.closed and "closes-once" in self.harness.faults:
            raise RuntimeError
        self.closed = True


class Harness(VersionedStoreHarness):
    def __init__(self, *faults: str) -> None:
        self.faults = frozenset(faults)
        self.secrets: dict[tuple[str, str], Mapping[str, str]] = {}
        self.counter = itertools.count()
        self.sent = 0

    def put(self, name: str, properties: Mapping[str, str]) -> Fetch:
        self.secrets[name, ""] = MappingProxyType(dict(properties))
        return Fetch(store=STORE, key=name)

    def put_version(self, name: str, properties: Mapping[str, str]) -> Fetch:
        self.put(name, properties)
        version = f"v{len(self.secrets)}"
        self.secrets[name, version] = MappingProxyType(dict(properties))
        return Fetch(store=STORE, key=name, version=version)

    def absent(self) -> Fetch:
        return Fetch(store=STORE, key="absent")

    def connect(self) -> StoreClient:
        self.sent += "logs-in-early" in self.faults
        return Client(self)

    def preview(self, fetch: Fetch) -> Preview:
        self.sent += "asks-for-preview" in self.faults
        key = f"{fetch.key}/" if "never-canonical" in self.faults else fetch.key
        return Preview(fetch=Fetch(store=STORE, key=key, version=fetch.version), method="GET", path=fetch.key)

    def requests(self) -> int:
        return self.sent


def broken(harness: Callable[[], Harness]) -> set[str]:
    """The promises that are not kept."""
    found = set()
    for name in PROMISES:
        try:
            getattr(VersionedStoreContract(), name)(harness())
        except Exception:  # noqa: BLE001  # whatever a broken store raises
            found.add(name)
    return found


def test_a_good_store_keeps_every_promise() -> None:
    assert broken(Harness) == set()
    assert len(PROMISES) >= 20


@pytest.mark.parametrize(
    ("fault", "promise"),
    [
        ("whole", "test_the_whole_is_a_json_object_of_all_properties"),
        ("trims", "test_each_property_comes_as_it_was_put"),
        ("missing-is-empty", "test_a_missing_property_is_told_by_name"),
        ("missing-secret-as-property", "test_a_missing_secret_is_no_missing_property"),
        ("no-place", "test_a_missing_secret_names_store_and_path"),
        ("quotes", "test_a_text_has_no_entries"),
        ("shows", "test_answers_and_clients_do_not_show_values"),
        ("no-path", "test_an_answer_says_what_was_read"),
        ("changes", "test_reading_again_gives_the_same"),
        ("logs-in-early", "test_connecting_sends_nothing"),
        ("asks-for-preview", "test_a_preview_sends_nothing"),
        ("never-canonical", "test_a_preview_of_the_canonical_fetch_keeps_it"),
        ("closes-once", "test_closing_twice_is_closing_once"),
        ("answers-when-closed", "test_a_closed_client_answers_nothing"),
        ("ignores-version", "test_each_version_is_read_by_its_name"),
        ("forgets-version", "test_an_answer_names_its_version"),
    ],
)
def test_a_fault_is_caught(fault: str, promise: str) -> None:
    assert promise in broken(lambda: Harness(fault))


def test_a_value_in_a_local_variable_is_caught() -> None:
    class Careless(Data):
        def entries(self, name: str = "") -> dict[str, bytes]:
            text = self.property(name)
            raise DecodingError(f"no object in {len(text)} bytes")

    class CarelessClient(Client):
        def get(self, fetch: Fetch) -> Answer:
            return Answer(payload=Careless(self.harness.secrets[fetch.key, ""], frozenset()), path=fetch.key)

    class CarelessHarness(Harness):
        def connect(self) -> StoreClient:
            return CarelessClient(self)

    with pytest.raises(AssertionError, match="value shows"):
        StoreContract().test_a_text_has_no_entries(CarelessHarness())


class TestContext:
    def test_refers_to_nothing(self) -> None:
        references = NoReferences()
        with pytest.raises(ConfigurationError, match="n/s with key k"):
            references.secret_value("s", "k", namespace="n")
        with pytest.raises(ConfigurationError, match="ConfigMap n/c"):
            references.config_map_value("c", "k", namespace="n")
        with pytest.raises(ConfigurationError, match="n/a"):
            references.service_account_token("a", namespace="n")

    def test_is_about_the_store_under_test(self) -> None:
        context = store_context()
        assert (context.store, context.namespace) == (STORE, "contract")
