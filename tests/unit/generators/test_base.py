"""What all generators share."""

import dataclasses

import pytest
from pydantic import BaseModel

from virtrigaud_secrets.errors import (
    ClosedError,
    ConfigurationError,
    MissingDependencyError,
    PropertyNotFoundError,
    SecretNotFoundError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.generators.base import GeneratedPayload, Generator, GeneratorFactory
from virtrigaud_secrets.stores.base import Fetch, StoreKey
from virtrigaud_secrets.testing.contract import store_context

FETCH = Fetch(store=StoreKey("Counter", "team", "g"), key="ExternalSecret team/es spec.dataFrom[0]", property="p")


class CounterSpec(BaseModel):
    start: int = 0


class Other(BaseModel):
    pass


class Counter(Generator):
    def __init__(self, spec, context):
        super().__init__(context)
        self.value = spec.start
        self.disconnected = 0

    def generate(self):
        self.value += 1
        if self.value == 13:
            raise SecretNotFoundError("no thirteenth")
        return self.answer({"n": str(self.value).encode()}, path="memory")

    def disconnect(self):
        self.disconnected += 1


FACTORY = GeneratorFactory(CounterSpec, connect=Counter, asked=lambda spec: ("count", f"from {spec.start}"))


def connect(**spec):
    return FACTORY.connect(CounterSpec(**spec), store_context(store=FETCH.store))


def test_each_request_makes_another_map():
    counter = connect()
    assert [counter.get(FETCH).payload.entries() for _ in range(2)] == [{"n": b"1"}, {"n": b"2"}]


def test_a_fault_is_never_missing_and_names_the_generator():
    with pytest.raises(SecretNotFoundError, match="Counter team/g") as caught:
        connect(start=12).get(FETCH)
    assert not caught.value.missing


def test_closing_ends_it():
    counter = connect()
    counter.close()
    counter.close()
    with pytest.raises(ClosedError, match="Counter team/g"):
        counter.get(FETCH)
    assert counter.disconnected == 2


def test_a_preview_makes_nothing():
    preview = FACTORY.preview(CounterSpec(start=3), FETCH, store_context())
    assert (preview.method, preview.path, preview.side_effect) == ("count", "from 3", True)
    assert preview.fetch == dataclasses.replace(FETCH, property="")
    assert FACTORY.spec_model is CounterSpec


def test_another_kinds_spec_is_refused():
    with pytest.raises(ConfigurationError, match="another kind"):
        FACTORY.preview(Other(), FETCH, store_context())


@pytest.mark.parametrize("package", ["no_such_package", "no.such.package"])
def test_a_missing_package_names_the_extra(package):
    factory = GeneratorFactory(CounterSpec, connect=Counter, asked=lambda _: ("", ""), needs=(package,), extra="aws")
    with pytest.raises(MissingDependencyError, match=r"kind Counter.*virtrigaud-secrets\[aws\]"):
        factory.connect(CounterSpec(), store_context(store=FETCH.store))


def test_a_payload_is_a_map_and_shows_nothing():
    payload = GeneratedPayload({"a": b"canary"})
    assert payload.property("a") == b"canary"
    assert "canary" not in repr(payload)
    with pytest.raises(PropertyNotFoundError):
        payload.property("b")
    with pytest.raises(UnsupportedFeatureError):
        payload.whole()
    with pytest.raises(UnsupportedFeatureError):
        payload.entries("a")
