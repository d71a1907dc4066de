import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery.contents import file_contents
from virtrigaud_secrets.errors import ConfigurationError

DATA = {
    "username": b" svc\n",
    "password": b"pass word\r\n",
    "token_secret": b"t\n",
    "ssh-privatekey": b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----",
    "known_hosts": b"kvm1 ssh-ed25519 AAAA",
    "credentials.json": b' {"a": 1} ',
    "binary": b"\xff \n",
    "empty": b"",
}


def test_as_virtrigauds_loaders_expect() -> None:
    found = {key: value.reveal() for key, value in file_contents(Bundle(DATA)).items()}
    assert found == {
        "username": b"svc",
        "password": b"pass word",
        "token_secret": b"t",
        "ssh-privatekey": DATA["ssh-privatekey"] + b"\n",
        "known_hosts": DATA["known_hosts"] + b"\n",
        "credentials.json": DATA["credentials.json"],
        "binary": DATA["binary"],
        "empty": b"",
    }


def test_exact_leaves_every_byte() -> None:
    assert {key: value.reveal() for key, value in file_contents(Bundle(DATA), exact=True).items()} == DATA


def test_a_password_that_is_no_text_stays_as_it_is() -> None:
    assert file_contents(Bundle({"password": b"\xff\n"}))["password"].reveal() == b"\xff\n"


@pytest.mark.parametrize("key", ["..data", "..", ".", "a/b", "a b", "", "a\n", "x" * 254])
def test_what_no_file_may_be_called(key: str) -> None:
    with pytest.raises(ConfigurationError, match="ExternalSecret ns/n: the key"):
        file_contents(Bundle({key: b"planted"}, manifest="ExternalSecret ns/n"))
