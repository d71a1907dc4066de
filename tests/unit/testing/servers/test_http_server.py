from __future__ import annotations

import socket
import ssl
from typing import ClassVar

import pytest
import urllib3

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers.certificates import Authority
from virtrigaud_secrets.testing.servers.http_server import AnsweringServer, Question, Reply


class Echo(AnsweringServer):
    title: ClassVar[str] = "the echo"
    longest_body: ClassVar[int] = 10

    def respond(self, question: Question) -> Reply:
        if question.target == "/broken":
            raise ValueError
        text = f"{question.method} {question.target} {question.headers.get('X-Asked')} {question.body.decode()}"
        return Reply(200, text.encode(), {"Content-Type": "text/plain", "X-Answered": "yes"})


@pytest.fixture(params=[True, False], ids=["https", "http"])
def echo(request):
    with Echo(Authority.create() if request.param else None) as server:
        yield server


@pytest.fixture
def ask(echo):
    trusted = ssl.create_default_context(cadata=echo.ca_pem.decode()) if echo.ca_pem else None
    with urllib3.PoolManager(ssl_context=trusted, retries=False) as pools:
        yield lambda method, path, **options: pools.request(method, echo.address + path, **options)


def test_it_answers_every_verb_on_one_connection(echo, ask):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "LIST"):
        answer = ask(method, "/a?b=c", body=b"hello", headers={"x-asked": "y"})
        assert answer.data.decode() == f"{method} /a?b=c y hello"
        assert (answer.headers["Content-Type"], answer.headers["X-Answered"]) == ("text/plain", "yes")
    assert ask("HEAD", "/").data == b""
    assert echo.connections == 1


def test_a_body_that_is_too_long_is_not_read(ask):
    assert ask("POST", "/", body=b"01234567890").status == 413
    assert ask("POST", "/", body=b"0123456789").status == 200


def test_a_fault_of_its_own_ends_the_connection_and_nothing_is_printed(ask, capfd):
    with pytest.raises(urllib3.exceptions.HTTPError):
        ask("GET", "/broken")
    assert ask("GET", "/").status == 200
    assert capfd.readouterr() == ("", "")


def test_closing_ends_what_clients_keep_open(echo, ask):
    ask("GET", "/")
    port = int(echo.address.rpartition(":")[2])
    echo.close()
    echo.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port))
    with pytest.raises(LocalServerError, match="the echo is not running"):
        _ = echo.address


def test_a_silent_client_holds_up_nobody(echo, ask):
    with socket.create_connection(("127.0.0.1", int(echo.address.rpartition(":")[2]))):
        assert ask("GET", "/").status == 200


def test_a_certificate_for_another_server():
    issued = Echo(Authority.create()).issue()
    assert issued.certificate.startswith(b"-----BEGIN CERTIFICATE")
    with pytest.raises(LocalServerError, match="plain HTTP"):
        Echo(None).issue()


def test_nothing_of_a_request_shows():
    question = Question("GET", "/", {"Authorization": "canary"}, b"canary")
    assert "canary" not in repr(question)
    assert "canary" not in repr(Reply(200, b"canary"))
