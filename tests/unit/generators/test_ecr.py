"""Logins of Amazon's registries, from answers as AWS gives them."""

import base64
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from virtrigaud_secrets.errors import StoreUnavailableError
from virtrigaud_secrets.stores.base import Fetch, StoreKey

END = datetime(2030, 1, 1, tzinfo=UTC)
TOKEN = base64.b64encode(b"AWS:canary").decode()
REGISTRY = {
    "authorizationToken": TOKEN,
    "expiresAt": END,
    "proxyEndpoint": "https://1.dkr.ecr.eu-central-1.amazonaws.com",
}


@pytest.fixture
def ask(make):
    """What a generator makes of an answer, and what it asked."""

    def run(answer, **spec):
        generator = make("ECRAuthorizationToken", {"region": "eu-central-1", **spec})
        asked = []
        generator._service = SimpleNamespace(
            ask=lambda operation, parameters, *, path: asked.append((operation, parameters, path)) or answer,
            close=lambda: None,
        )
        found = generator.get(Fetch(store=StoreKey("K", "team", "g"), key="k"))
        return found, asked

    return run


def test_a_private_registry(ask):
    answer, asked = ask({"authorizationData": [REGISTRY]})
    assert answer.payload.entries() == {
        "username": b"AWS",
        "password": b"canary",
        "proxy_endpoint": REGISTRY["proxyEndpoint"].encode(),
        "expires_at": b"1893456000",
    }
    assert answer.expires_at == END
    assert asked == [("GetAuthorizationToken", {}, "ecr eu-central-1")]
    assert "canary" not in repr(answer)


def test_the_public_registry_has_no_endpoint(ask):
    answer, asked = ask({"authorizationData": REGISTRY}, scope="public")
    assert sorted(answer.payload.entries()) == ["expires_at", "password", "username"]
    assert asked[0][2] == "ecr-public eu-central-1"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"authorizationData": []},
        {"authorizationData": [REGISTRY, REGISTRY]},
        {"authorizationData": ["x"]},
        {"authorizationData": [REGISTRY | {"authorizationToken": "canary"}]},
        {"authorizationData": [REGISTRY | {"authorizationToken": base64.b64encode(b"a:b:canary").decode()}]},
        {"authorizationData": [REGISTRY | {"expiresAt": None}]},
        {"authorizationData": [REGISTRY | {"proxyEndpoint": None}]},
    ],
)
def test_an_answer_that_is_none_is_an_error_without_its_content(ask, answer):
    with pytest.raises(StoreUnavailableError, match="not what AWS answers") as caught:
        ask(answer)
    assert "canary" not in str(caught.value)
