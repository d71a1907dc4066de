"""Session tokens, from answers as AWS gives them."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from virtrigaud_secrets.errors import ConfigurationError, StoreUnavailableError
from virtrigaud_secrets.stores.base import Fetch, StoreKey

END = datetime(2030, 1, 1, tzinfo=UTC)
CREDENTIALS = {"AccessKeyId": "ASIA1", "SecretAccessKey": "canary", "SessionToken": "canary2", "Expiration": END}


@pytest.fixture
def ask(make):
    def run(answer, **spec):
        generator = make("STSSessionToken", {"region": "eu-central-1", **spec})
        asked = []
        generator._service = SimpleNamespace(
            ask=lambda operation, parameters, *, path: asked.append((operation, dict(parameters), path)) or answer,
            close=lambda: None,
        )
        return generator.get(Fetch(store=StoreKey("K", "team", "g"), key="k")), asked

    return run


def test_credentials_and_their_end(ask):
    answer, asked = ask({"Credentials": CREDENTIALS})
    assert answer.payload.entries() == {
        "access_key_id": b"ASIA1",
        "secret_access_key": b"canary",
        "session_token": b"canary2",
        "expiration": b"1893456000",
    }
    assert answer.expires_at == END
    assert asked == [("GetSessionToken", {}, "sts eu-central-1")]


def test_parameters_of_the_request_hide_the_code(ask):
    written = {"sessionDuration": 900, "serialNumber": "arn:aws:iam::1:mfa/u", "tokenCode": "123456"}
    _, asked = ask({"Credentials": CREDENTIALS}, requestParameters=written)
    parameters = asked[0][1]
    assert (parameters["DurationSeconds"], parameters["SerialNumber"]) == (900, "arn:aws:iam::1:mfa/u")
    assert parameters["TokenCode"].reveal_text() == "123456"
    assert "123456" not in repr(asked)


def test_a_web_identity_is_refused(ask):
    with pytest.raises(ConfigurationError, match=r"auth\.jwt cannot be used"):
        ask({}, auth={"jwt": {"serviceAccountRef": {"name": "sa"}}})


@pytest.mark.parametrize("answer", [{}, {"Credentials": None}, {"Credentials": CREDENTIALS | {"SessionToken": None}}])
def test_an_answer_without_credentials_is_an_error(ask, answer):
    with pytest.raises(StoreUnavailableError, match="not what AWS answers"):
        ask(answer)
