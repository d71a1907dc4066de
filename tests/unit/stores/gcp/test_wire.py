from __future__ import annotations

import os
import ssl
from datetime import timedelta

import pytest
import requests
from requests.adapters import HTTPAdapter

from virtrigaud_secrets.errors import ClosedError, ConfigurationError, StoreUnavailableError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.gcp import wire
from virtrigaud_secrets.stores.gcp.errors import Fault
from virtrigaud_secrets.stores.gcp.wire import Reply, Wire
from virtrigaud_secrets.testing.certificates import CertificateAuthority
from virtrigaud_secrets.testing.clock import ManualClock
from virtrigaud_secrets.testing.contract import store_context


def line(**settings: object) -> Wire:
    return Wire(store_context(settings=Settings(**settings)))  # type: ignore[arg-type]


class Body:
    """An answer whose parts come when they come."""

    def __init__(self, parts, clock, pause):
        self.parts = list(parts)
        self.clock = clock
        self.pause = pause

    def read1(self, amount):
        self.clock.advance(self.pause)
        return self.parts.pop(0) if self.parts else b""

    def close(self):
        pass

    def release_conn(self):
        pass


@pytest.fixture
def answering(monkeypatch):
    """Lets a real session send, up to where a socket would be opened."""
    seen = []

    def prepare(parts, *, clock, pause=0.0, failure=None):
        def send(self, request, **options):
            seen.append((request, options))
            if failure is not None:
                raise failure
            response = requests.Response()
            response.status_code, response.raw = 200, Body(parts, clock, pause)
            response.url, response.request = request.url, request
            return response

        monkeypatch.setattr(HTTPAdapter, "send", send)
        return seen

    return prepare


def test_the_server_is_replaced_and_the_path_kept():
    made = line(endpoints={"https://sts.googleapis.com": "https://127.0.0.1:1/"})
    assert made.address("https://sts.googleapis.com/v1/token") == "https://127.0.0.1:1/v1/token"
    assert made.address("https://oauth2.googleapis.com/token") == "https://oauth2.googleapis.com/token"


@pytest.mark.parametrize("instead", ["localhost:1", "ftp://x", "https://"])
def test_an_address_that_is_none_is_refused(instead):
    with pytest.raises(ConfigurationError, match="must look like"):
        line(endpoints={"https://a": instead}).address("https://a/x")


def test_a_request_and_its_answer(answering):
    clock = ManualClock()
    seen = answering([b"a", b"b"], clock=clock)
    reply = Wire(store_context(clock=clock)).send("POST", "https://x/y", headers={"A": "b"}, body=b"c", limit=5)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body) == (200, b"ab")
    request, options = seen[0]
    assert (request.method, request.url, request.body, request.headers["A"]) == ("POST", "https://x/y", b"c", "b")
    assert options["timeout"].total == 5
    assert "ab" not in repr(reply)


def test_nothing_of_the_environment_is_used(answering, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://evil.example.com")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    clock = ManualClock()
    seen = answering([b""], clock=clock)
    Wire(store_context(clock=clock)).send("GET", "https://x/")
    assert not seen[0][1]["proxies"]


def test_an_answer_that_drips_ends_with_the_time(answering):
    clock = ManualClock()
    answering([b"x"] * 100, clock=clock, pause=2.0)
    fault = Wire(store_context(clock=clock)).send("GET", "https://x/")
    assert isinstance(fault, Fault)
    assert "within 30 s" in str(fault.error)


def test_an_answer_without_end_is_left(answering, monkeypatch):
    monkeypatch.setattr(wire, "MAX_ANSWER_BYTES", 10)
    clock = ManualClock()
    answering([b"x" * 6] * 3, clock=clock)
    fault = Wire(store_context(clock=clock)).send("GET", "https://x/")
    assert isinstance(fault, Fault)
    assert isinstance(fault.error, StoreUnavailableError)


def test_what_is_no_answer_is_a_fault_and_what_is_a_bug_is_raised(answering):
    clock = ManualClock()
    answering([], clock=clock, failure=requests.exceptions.ConnectionError("reset"))
    assert isinstance(Wire(store_context(clock=clock)).send("GET", "https://x/"), Fault)
    answering([], clock=clock, failure=KeyError("bug"))
    with pytest.raises(KeyError):
        Wire(store_context(clock=clock)).send("GET", "https://x/")


def test_a_closed_wire_sends_nothing():
    made = line()
    made.session()
    made.close()
    made.close()
    with pytest.raises(ClosedError):
        made.send("GET", "https://x/")


def test_a_child_opens_connections_of_its_own(monkeypatch):
    made = line()
    parents = made.session()
    assert made.session() is parents
    child = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: child)
    assert made.session() is not parents


def test_exactly_the_file_is_trusted(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text(CertificateAuthority("ours").chain[-1])
    context = wire.tls_context(store_context(settings=Settings(ca_file=file)))
    assert len(context.get_ca_certs()) == 1
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert "ca.pem" in line(ca_file=file).trust


def test_without_a_file_the_system_is_trusted():
    assert wire.tls_context(store_context()).verify_mode is ssl.CERT_REQUIRED
    assert "system" in line().trust


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"\xff"])
def test_a_file_that_cannot_be_used_is_named(tmp_path, content):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        line(ca_file=file).send("GET", "https://x/")


def test_trouble_and_refusals_are_read_from_a_reply():
    made = line()
    assert made.trouble(Reply(200, {}, b""), "u") is None
    assert made.trouble(Reply(403, {}, b""), "u") is None
    fault = made.trouble(Reply(503, {"Retry-After": "1"}, b""), "u")
    assert fault is not None
    assert fault.error.retry_after == 1.0
    assert made.refusal(Reply(400, {}, b'{"error": "invalid_grant"}')).code == "invalid_grant"


def test_the_limit_is_the_settings_unless_a_shorter_one_is_asked(answering):
    clock = ManualClock()
    seen = answering([b""], clock=clock)
    made = Wire(store_context(clock=clock, settings=Settings(request_timeout=timedelta(seconds=3))))
    assert made.limit == 3.0
    made.send("GET", "https://x/", limit=9)
    assert seen[0][1]["timeout"].total == 3.0
