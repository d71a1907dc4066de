from __future__ import annotations

from types import SimpleNamespace

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers.google_identity import Machine
from virtrigaud_secrets.testing.servers.secret_manager import SecretManager
from virtrigaud_secrets.testing.servers.secret_manager_grpc import SecretManagerGrpc


@pytest.fixture
def google():
    made = SecretManager()
    made.identity.machine = Machine("p", "me@p")
    for number in range(3):
        made.secrets.add("p", f"k{number}", "value")
    return made


@pytest.fixture
def authorization(google):
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    (_, body), _ = google.answer("GET", path, {"Metadata-Flavor": "Google"}, b"")
    return f"Bearer {body['access_token']}"


def test_a_call_is_one_of_the_rest_api(google, authorization):
    request = SimpleNamespace(parent="projects/p", filter="name:k", page_size=2, page_token="")
    code, body = SecretManagerGrpc(google).answer(request, "{parent}/secrets", authorization)
    assert code == ""
    assert len(body["secrets"]) == 2
    assert body["nextPageToken"] == "2"


def test_an_error_has_googles_code(google, authorization):
    asked = SecretManagerGrpc(google)
    request = SimpleNamespace(name="projects/p/secrets/none/versions/1")
    assert asked.answer(request, "{name}:access", authorization)[0] == "NOT_FOUND"
    assert asked.answer(request, "{name}:access", "")[0] == "UNAUTHENTICATED"


def test_a_server_that_is_not_running_has_no_address(google):
    server = SecretManagerGrpc(google)
    with pytest.raises(LocalServerError, match="with block"):
        _ = server.address
    server.close()
