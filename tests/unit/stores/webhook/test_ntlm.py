from __future__ import annotations

import base64

import pytest
import spnego

from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.webhook.ntlm import LONGEST_CHALLENGE, Handshake, Login

PASSWORD = "canary-pässword"


@pytest.fixture
def domain(tmp_path, monkeypatch):
    """A server that knows one user."""
    users = tmp_path / "users"
    users.write_text(f"CORP:svc:{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))

    def accept():
        return spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)

    return accept


def message(header: Sensitive) -> bytes:
    scheme, _, encoded = header.reveal_text().partition(" ")
    assert scheme == "NTLM"
    return base64.b64decode(encoded)


def challenge(server, handshake) -> str:
    return f"NTLM {base64.b64encode(server.step(message(handshake.first()))).decode()}"


def logged_in(server, login: Login) -> bool:
    handshake = Handshake(login)
    answer = handshake.second(["Negotiate", challenge(server, handshake)])
    try:
        server.step(message(answer))
    except spnego.exceptions.SpnegoError:
        return False
    return server.complete


def test_whoever_knows_the_password_is_let_in(domain):
    assert logged_in(domain(), Login("CORP\\svc", Sensitive(PASSWORD)))


@pytest.mark.parametrize(("username", "password"), [("CORP\\svc", "other"), ("CORP\\nobody", PASSWORD)])
def test_nobody_else_is(domain, username, password):
    assert not logged_in(domain(), Login(username, Sensitive(password)))


def test_the_password_itself_is_never_sent(domain):
    server, handshake = domain(), Handshake(Login("CORP\\svc", Sensitive(PASSWORD)))
    first = handshake.first()
    second = handshake.second([f"NTLM {base64.b64encode(server.step(message(first))).decode()}"])
    for header in (first, second):
        for encoding in ("utf-8", "utf-16-le"):
            assert PASSWORD.encode(encoding) not in message(header)


@pytest.mark.parametrize(
    "said",
    [
        [],
        ["Basic realm=x"],
        ["NTLM"],
        ["NTLM not base64"],
        ["NTLM AAAA"],
        [f"NTLM {base64.b64encode(b'NTLMSSP' + bytes(40)).decode()}"],
        [f"NTLM {base64.b64encode(bytes(LONGEST_CHALLENGE)).decode()}"],
    ],
)
def test_what_is_no_challenge_is_not_answered(said):
    handshake = Handshake(Login("u", Sensitive(PASSWORD)))
    handshake.first()
    assert handshake.second(said) is None


def test_a_challenge_that_nobody_asked_for_is_not_answered():
    assert Handshake(Login("u", Sensitive("p"))).second(["NTLM AAAA"]) is None


def test_nothing_shows():
    handshake = Handshake(Login("CORP\\svc", Sensitive(PASSWORD)))
    handshake.first()
    assert PASSWORD not in f"{handshake!r} {handshake._login!r}"
