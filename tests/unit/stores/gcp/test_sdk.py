from __future__ import annotations

import pytest
from google.api_core.exceptions import GoogleAPICallError

from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.gcp.sdk import Api
from virtrigaud_secrets.stores.gcp.wire import Wire

PROJECT = "test-project"
PARENT = f"projects/{PROJECT}"
NUMBERED = "projects/"


@pytest.fixture
def token(world):
    return world.google.identity._granted("me")[1]["access_token"]


@pytest.fixture
def api(world):
    return Api("https://secretmanager.googleapis.com", Wire(world.context()))


def test_a_value_with_its_checksum_and_version(world, put, api, token):
    put("k", b"\x00\xffvalue")
    value = api.access(f"{PARENT}/secrets/k/versions/latest", Sensitive(token))
    assert (value.data, value.version) == (b"\x00\xffvalue", "1")
    assert value.checksum is not None
    assert "value" not in repr(value).replace("Value", "").replace("version", "")


def test_the_token_goes_out_as_it_should(world, put, api, token):
    put("k", "v")
    api.access(f"{PARENT}/secrets/k/versions/1", Sensitive(token))
    assert world.adapter.sent[0].headers["authorization"] == f"Bearer {token}"
    assert world.google.asked[0].caller == "me"


def test_a_secret_described(put, api, token):
    put("k", "v", labels={"a": "b"}, annotations={"c": "d"})
    found = api.secret(f"{PARENT}/secrets/k", Sensitive(token))
    assert found.name.endswith("/secrets/k")
    assert (found.labels, found.annotations) == ({"a": "b"}, {"c": "d"})


def test_listings_come_page_by_page(put, api, token, monkeypatch):
    monkeypatch.setattr("virtrigaud_secrets.stores.gcp.sdk.PAGE_SIZE", 2)
    for number in range(3):
        put(f"k{number}", "v")
    first = api.secrets(PARENT, "", "", Sensitive(token))
    second = api.secrets(PARENT, "", first.following, Sensitive(token))
    assert [len(first.names), len(second.names)] == [2, 1]
    assert first.following
    assert not second.following


def test_enabled_versions_come_newest_first(world, put, api, token):
    for value in "abc":
        put("k", value)
        world.clock.advance(1)
    world.google.secrets.set_state(PROJECT, "k", "3", "DISABLED")
    page = api.enabled_versions(f"{PARENT}/secrets/k", "", Sensitive(token))
    assert [name.rpartition("/")[2] for name in page.names] == ["2", "1"]


def test_the_clients_own_repetition_is_off(world, put, api, token):
    put("k", "v")
    world.google.fail_next(503)
    with pytest.raises(GoogleAPICallError):
        api.access(f"{PARENT}/secrets/k/versions/1", Sensitive(token))
    assert len(world.adapter.sent) == 1
