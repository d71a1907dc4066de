"""Values of the manifest."""

from virtrigaud_secrets.generators.fake import FACTORY
from virtrigaud_secrets.models.generators.fake import FakeSpec
from virtrigaud_secrets.stores.base import Fetch, StoreKey
from virtrigaud_secrets.testing.contract import store_context


def test_the_data_is_what_stands_there(make, entries):
    assert entries(make("Fake", {"data": {"a": "é", "b": ""}})) == {"a": "é".encode(), "b": b""}
    assert entries(make("Fake")) == {}


def test_it_makes_nothing():
    fetch = Fetch(store=StoreKey("Fake", "team", "g"), key="k")
    assert not FACTORY.preview(FakeSpec(), fetch, store_context()).side_effect
