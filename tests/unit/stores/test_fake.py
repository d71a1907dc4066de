from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import (
    ConfigurationError,
    PropertyNotFoundError,
    SecretNotFoundError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.models.backends.fake import FakeProvider, FakeProviderData
from virtrigaud_secrets.models.backends.files import FilesProvider
from virtrigaud_secrets.stores.base import Answer, Fetch, Query
from virtrigaud_secrets.stores.fake import FACTORY
from virtrigaud_secrets.testing.contract import STORE, store_context


def get(*entries: tuple[str, str, str], key: str, version: str = "", metadata: bool = False) -> Answer:
    data = tuple(FakeProviderData(key=key, value=value, version=version) for key, version, value in entries)
    client = FACTORY.connect(FakeProvider(data=data), store_context())
    return client.get(Fetch(store=STORE, key=key, version=version, metadata=metadata))


def test_key_and_version_find_a_secret() -> None:
    entries = (("k", "", "newest"), ("k", "v1", "first"))
    assert get(*entries, key="k").payload.whole() == b"newest"
    assert get(*entries, key="k", version="v1").payload.whole() == b"first"


def test_there_is_no_newest_version_unless_written() -> None:
    with pytest.raises(SecretNotFoundError):
        get(("k", "v1", "first"), key="k")


def test_a_version_that_is_not_there_is_named() -> None:
    with pytest.raises(SecretNotFoundError, match='in version "v2"') as caught:
        get(("k", "v1", "first"), key="k", version="v2")
    assert caught.value.path == "k"


def test_key_and_version_are_joined_as_in_eso() -> None:
    # ESO §3.7: ("k1", "") and ("k", "1") share one place; the later one takes it.
    entries = (("k1", "", "plain"), ("k", "1", "versioned"))
    assert get(*entries, key="k", version="1").payload.whole() == b"versioned"
    with pytest.raises(SecretNotFoundError):
        get(*entries, key="k1")


def test_the_later_of_equal_entries_counts() -> None:
    assert get(("k", "", "one"), ("k", "", "two"), key="k").payload.whole() == b"two"


def test_properties_are_paths_only() -> None:
    answer = get(("k", "", '{"a.b": "literal", "a": {"b": "path"}}'), key="k")
    assert answer.payload.property("a.b") == b"path"


def test_a_property_that_is_not_there() -> None:
    with pytest.raises(PropertyNotFoundError, match="SecretStore contract/under-test"):
        get(("k", "", "plain text"), key="k").payload.property("a")


def test_metadata_is_the_value_as_in_eso() -> None:
    assert get(("k", "", "v"), key="k", metadata=True).payload.whole() == b"v"


def test_another_backends_spec_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="another backend"):
        FACTORY.connect(FilesProvider(path="/etc"), store_context())


def test_the_factory_knows_its_model() -> None:
    assert FACTORY.spec_model is FakeProvider


def find(**criteria: str) -> dict[str, bytes]:
    entries = (("vc1", "", "plain"), ("vc2", "v1", "first"), ("vc2", "v2", "second"), ("other", "", "x"))
    data = tuple(FakeProviderData(key=key, value=value, version=version) for key, version, value in entries)
    client = FACTORY.connect(FakeProvider(data=data), store_context())
    return {name: found.payload.whole() for name, found in client.find(Query(store=STORE, **criteria)).items()}


def test_a_search_finds_the_version_that_sorts_last() -> None:
    assert find(name="^vc") == {"vc1": b"plain", "vc2": b"second"}
    assert find(name="nothing") == {}


def test_a_search_is_by_name_and_by_a_regular_expression() -> None:
    with pytest.raises(UnsupportedFeatureError):
        find(path="vc")
    with pytest.raises(ConfigurationError, match=r"find\.name\.regexp"):
        find(name="(")
