from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from virtrigaud_secrets.errors import DecodingError, StoreError, UnsupportedFeatureError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import (
    Answer,
    Fetch,
    Payload,
    Push,
    PushTarget,
    StoreClient,
    StoreKey,
    at_store,
    freeze_parameters,
)

STORE = StoreKey(kind="SecretStore", namespace="ns", name="s")


class Secret(Payload):
    def __init__(self) -> None:
        self.value = b"canary"

    def whole(self) -> bytes:
        return self.value

    def property(self, name: str) -> bytes:
        return self.value

    def entries(self, name: str = "") -> dict[str, bytes]:
        return {"a": self.value}


class Client(StoreClient):
    def __init__(self) -> None:
        self.closed: list[bool] = []

    def get(self, fetch: Fetch) -> Answer:
        return Answer(payload=Secret(), path=fetch.key)

    def close(self, *, revoke: bool = True) -> None:
        self.closed.append(revoke)


class TestStoreKey:
    def test_text(self) -> None:
        assert str(STORE) == "SecretStore ns/s"
        assert str(StoreKey(kind="ClusterSecretStore", namespace="", name="s")) == "ClusterSecretStore s"

    def test_equal_keys_are_one_and_have_an_order(self) -> None:
        assert len({STORE, StoreKey("SecretStore", "ns", "s")}) == 1
        assert sorted([STORE, StoreKey("SecretStore", "a", "z")])[1] == STORE


class TestFetch:
    def test_equal_fetches_are_one(self) -> None:
        one = Fetch(store=STORE, key="k", parameters=freeze_parameters({"b": 1, "a": ["x"]}))
        two = Fetch(store=STORE, key="k", parameters=freeze_parameters({"a": ["x"], "b": 1}))
        assert len({one, two}) == 1

    @pytest.mark.parametrize(
        "difference", [{"key": "l"}, {"version": "1"}, {"metadata": True}, {"parameters": (("a", "1"),)}]
    )
    def test_any_difference_makes_two(self, difference: dict[str, object]) -> None:
        one = Fetch(store=STORE, key="k")
        assert one != dataclasses.replace(one, **difference)  # type: ignore[arg-type]  # names and types are the field's


def test_parameters_are_json_sorted_by_name() -> None:
    frozen = freeze_parameters({"ttl": "24h", "flag": True, "names": ["b", "a"], "map": {"b": 1, "a": 2}})
    assert frozen == (("flag", "true"), ("map", '{"a": 2, "b": 1}'), ("names", '["b", "a"]'), ("ttl", '"24h"'))


class TestPayload:
    def test_does_not_show(self) -> None:
        assert repr(Secret()) == "<Secret [redacted]>"
        assert "canary" not in f"{Secret()} {Secret()!r} {Answer(payload=Secret(), path='p')}"

    @pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
    def test_is_not_copied(self, way: object) -> None:
        assert callable(way)
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            way(Secret())


class TestClient:
    def test_a_with_block_closes_it(self) -> None:
        client = Client()
        with client as entered:
            assert entered is client
            assert client.closed == []
        assert client.closed == [True]

    def test_a_fault_closes_it_too(self) -> None:
        client = Client()
        with pytest.raises(StoreError, match="x"), client:
            raise StoreError("x")
        assert client.closed == [True]


class TestAtStore:
    def test_fills_in_what_is_missing(self) -> None:
        fault = StoreError("refused")
        assert at_store(fault, STORE, "a/b") is fault
        assert (fault.store, fault.path) == ("SecretStore ns/s", "a/b")

    def test_keeps_what_is_known(self) -> None:
        fault = at_store(StoreError("refused", store="other", path="c"), STORE, "a/b")
        assert (fault.store, fault.path) == ("other", "c")


class TestPush:
    TARGET = PushTarget(store=STORE, key="k", property="p")

    def push(self, key: str = "", **entries: bytes) -> Push:
        return Push(
            target=self.TARGET, entries={name: Sensitive(value) for name, value in entries.items()}, secret_key=key
        )

    def test_one_value(self) -> None:
        assert self.push("b", a=b"1", b=b"\xff").value == Sensitive(b"\xff")

    def test_the_whole_is_json_sorted_and_without_escaped_html(self) -> None:
        assert self.push(b=b"<&>", a=b"\xc3\xa4").value == Sensitive('{"a":"ä","b":"<&>"}')

    def test_bytes_are_no_part_of_json(self) -> None:
        with pytest.raises(DecodingError, match="b, c is not UTF-8"):
            _ = self.push(a=b"1", c=b"\xff", b=b"\xfe").value

    def test_nothing_shows(self) -> None:
        shown = repr(self.push("a", a=b"canary"))
        assert "canary" not in shown
        assert "key='k'" in shown

    def test_a_store_that_only_reads_says_so(self) -> None:
        client = Client()
        for call in (
            lambda: client.push(self.push("a", a=b"1")),
            lambda: client.exists(self.TARGET),
            lambda: client.delete(self.TARGET),
        ):
            with pytest.raises(UnsupportedFeatureError, match="SecretStore ns/s: this store only reads"):
                call()
