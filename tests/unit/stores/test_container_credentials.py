from __future__ import annotations

import json

import pytest

from virtrigaud_secrets.errors import AuthenticationError, ConfigurationError, StoreUnavailableError, ThrottledError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores import container_credentials
from virtrigaud_secrets.stores.container_credentials import fetched, may_be_asked
from virtrigaud_secrets.testing.contract import store_context

GIVEN = {"AccessKeyId": "ASIA", "SecretAccessKey": "canary", "Token": "t", "Expiration": "2030-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("http://169.254.170.23/v1/credentials", True),
        ("http://[fd00:ec2::23]/v1/credentials", True),
        ("http://169.254.170.2/v2/credentials/x", True),
        ("http://127.0.0.5:8080/x", True),
        ("http://[::1]/x", True),
        ("http://localhost/x", True),
        ("https://credentials.example.com/x", True),
        ("http://credentials.example.com/x", False),
        ("http://169.254.169.254/latest", False),
        ("http://localhost.example.com/x", False),
        ("https://", False),
        ("http://[", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_where_a_token_may_go(uri, allowed):
    assert may_be_asked(uri) is allowed


@pytest.fixture
def answers(monkeypatch):
    """What the server says, one after the other."""
    said: list[tuple[int, bytes] | Exception] = []

    class Answer:
        def __init__(self, status, body):
            self.status, self.body = status, body

        def read(self, amount):
            return self.body[:amount]

    class Pools:
        def __init__(self, **_options):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_exception):
            pass

        def request(self, method, address, **_options):
            found = said.pop(0)
            if isinstance(found, Exception):
                raise found
            return Answer(*found)

    monkeypatch.setattr("urllib3.PoolManager", Pools)
    return said


def ask(**settings):
    uri = {"aws_container_credentials_uri": "http://169.254.170.23/v1/credentials"}
    return fetched(store_context(settings=Settings(**(uri | settings))))


def test_credentials_in_the_sdks_terms(answers):
    answers.append((200, json.dumps({**GIVEN, "AccountId": "1"}).encode()))
    assert ask() == {
        "access_key": "ASIA",
        "secret_key": "canary",
        "token": "t",
        "expiry_time": "2030-01-01T00:00:00Z",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"canary",
        b"[" * 100_000,
        json.dumps({**GIVEN, "Token": None}).encode(),
        json.dumps({**GIVEN, "Expiration": 5}).encode(),
        json.dumps({**GIVEN, "Token": "x" * container_credentials.LONGEST_ANSWER}).encode(),
    ],
)
def test_what_is_no_credentials_does_not_show(answers, body):
    answers.append((200, body))
    with pytest.raises(AuthenticationError, match="gives no credentials") as caught:
        ask()
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("status", "kind"), [(403, AuthenticationError), (404, AuthenticationError), (302, AuthenticationError)]
)
def test_a_refusal_is_told_at_once(answers, status, kind):
    answers.append((status, b"canary"))
    with pytest.raises(kind, match="association") as caught:
        ask()
    assert (caught.value.status, caught.value.path) == (status, "/v1/credentials")


@pytest.mark.parametrize(("status", "kind"), [(429, ThrottledError), (500, StoreUnavailableError)])
def test_trouble_is_repeated_and_then_told(answers, status, kind):
    answers += [(status, b""), (200, json.dumps(GIVEN).encode())]
    assert ask()["access_key"] == "ASIA"
    answers += [(status, b"")] * 3
    with pytest.raises(kind):
        ask()
    assert answers == []


def test_no_answer(answers):
    answers += [OSError("canary")] * 3
    with pytest.raises(StoreUnavailableError, match="OSError") as caught:
        ask()
    assert "canary" not in str(caught.value)


def test_a_token_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        ask(aws_container_authorization_token_file=tmp_path / "absent")


def test_no_address():
    with pytest.raises(ConfigurationError, match="must be an https address"):
        ask(aws_container_credentials_uri="http://example.com/")
