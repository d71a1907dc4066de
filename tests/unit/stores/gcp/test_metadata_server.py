from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import AuthenticationError, StoreUnavailableError
from virtrigaud_secrets.stores.gcp.errors import Fault
from virtrigaud_secrets.stores.gcp.identity import AccessToken
from virtrigaud_secrets.stores.gcp.metadata_server import PATIENCE, MetadataServer
from virtrigaud_secrets.stores.gcp.wire import Reply, Wire
from virtrigaud_secrets.testing.servers.google_identity import TOKEN_LIFE, Machine


@pytest.fixture
def server(world):
    world.google.identity.machine = Machine("p", "me@p", {"cluster-name": "c"})
    return MetadataServer(Wire(world.context()), world.context())


def test_it_tells_who_and_where_we_are(world, server):
    assert server.project() == "p"
    assert server.attribute("cluster-name") == "c"
    token = server.token()
    assert isinstance(token, AccessToken)
    assert token.ends_at == world.clock.now() + TOKEN_LIFE
    assert world.google.identity.caller(f"Bearer {token.value.reveal_text()}") == "me@p"
    assert all(request.headers["Metadata-Flavor"] == "Google" for request in world.adapter.sent)


def test_what_it_does_not_know_is_a_fault(server):
    fault = server.attribute("none")
    assert isinstance(fault, Fault)
    assert isinstance(fault.error, AuthenticationError)


@pytest.mark.parametrize("body", [b"", b"x", b"{}", b'{"access_token": "", "expires_in": 1}', b'{"access_token": "t"}'])
def test_an_answer_without_a_token_is_a_fault(world, server, monkeypatch, body):
    asked = []

    def send(method, url, *, headers, limit):
        asked.append(limit)
        return Reply(200, {}, body)

    monkeypatch.setattr(server._wire, "send", send)
    fault = server.token()
    assert isinstance(fault, Fault)
    assert asked == [PATIENCE]


def test_trouble_there_may_pass(server, monkeypatch):
    monkeypatch.setattr(server._wire, "send", lambda *_, **__: Reply(503, {"Retry-After": "2"}, b""))
    fault = server.project()
    assert isinstance(fault, Fault)
    assert isinstance(fault.error, StoreUnavailableError)
    assert fault.error.retry_after == 2.0
