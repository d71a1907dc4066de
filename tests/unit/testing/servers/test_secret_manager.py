from __future__ import annotations

from http import HTTPStatus

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers.google_identity import Machine
from virtrigaud_secrets.testing.servers.secret_manager import Asked, SecretManager

PATH = "/v1/projects/p/secrets/k/versions/latest:access"


@pytest.fixture
def google():
    made = SecretManager()
    made.identity.machine = Machine("p", "me@p")
    made.secrets.add("p", "k", "value")
    return made


def login(google):
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    (_, body), _ = google.answer("GET", path, {"Metadata-Flavor": "Google"}, b"")
    return {"Authorization": f"Bearer {body['access_token']}"}


def test_who_is_nobody_reads_nothing(google):
    (status, body), _ = google.answer("GET", PATH, {}, b"")
    assert (status, body["error"]["status"]) == (401, "UNAUTHENTICATED")
    (status, _), _ = google.answer("GET", f"{PATH}?%24alt=json", login(google), b"")
    assert status == 200


def test_what_was_asked_is_remembered(google):
    google.answer("GET", f"{PATH}?a=b", login(google), b"")
    assert google.asked[-1] == Asked("GET", PATH, "me@p")
    assert google.asked_for_secrets() == [PATH]


def test_trouble_is_for_secrets_only_and_passes(google):
    google.fail_next(HTTPStatus.SERVICE_UNAVAILABLE, retry_after="3", body=b"x")
    headers = login(google)
    (status, _), trouble = google.answer("GET", PATH, headers, b"")
    assert (status, trouble.retry_after, trouble.body) == (503, "3", b"x")
    assert google.answer("GET", PATH, headers, b"")[0][0] == 200


def test_a_server_that_is_not_running_has_no_address(google):
    with pytest.raises(LocalServerError, match="with block"):
        _ = google.address
    google.close()


def test_its_authority_can_be_written_down(google, tmp_path):
    assert google.write_ca(tmp_path).read_bytes() == google.ca_pem
    assert google.ca_pem.startswith(b"-----BEGIN CERTIFICATE-----")
