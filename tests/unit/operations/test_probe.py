"""What is made of a server's behaviour; against real ones in tests/integration/operations/test_doctor.py."""

from __future__ import annotations

import http.client
import socket
import ssl
from datetime import timedelta

import pytest

from virtrigaud_secrets.operations import probe
from virtrigaud_secrets.operations.probe import Target, look
from virtrigaud_secrets.testing import ManualClock

CANARY = "canary-value-41"
LIMIT = timedelta(seconds=5)
TARGET = Target(address="http://server", tls=None, trust="the system", path="/look")


class Connection:
    """A server that answers as it is told."""

    sock = None

    def __init__(self, clock, date="Tue, 01 Jan 2030 12:00:00 GMT", *, took=0.0, fault=None, late=None):
        self.clock = clock
        self.date = date
        self.took = took
        self.fault = fault
        self.late = late
        self.asked = []
        self.closed = False

    def connect(self):
        if self.fault:
            raise self.fault

    def request(self, method, path, headers):
        self.asked.append((method, path))
        if self.late:
            raise self.late

    def getresponse(self):
        self.clock.advance(self.took)
        return self

    @property
    def status(self):
        return 200

    def getheader(self, name, default):
        return self.date

    def close(self):
        self.closed = True


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def seen(monkeypatch, clock):
    def make(target=TARGET, **options):
        connection = Connection(clock, **options)
        monkeypatch.setattr(probe, "_connection", lambda *_: connection)
        found = look(target, clock=clock, timeout=LIMIT)
        assert connection.closed
        return found, connection.asked

    return make


@pytest.mark.parametrize(
    ("date", "took", "skew"),
    [
        ("Tue, 01 Jan 2030 12:00:00 GMT", 0, 0),
        # Whole seconds: up to one behind is nothing.
        ("Tue, 01 Jan 2030 11:59:59 GMT", 0, 0),
        ("Tue, 01 Jan 2030 11:59:00 GMT", 0, -59),
        # It may have been made any time while we waited.
        ("Tue, 01 Jan 2030 12:00:08 GMT", 9, 0),
        ("Tue, 01 Jan 2030 12:10:00 GMT", 0, 600),
        ("Tue, 01 Jan 2030 13:00:00 +0100", 0, 0),
    ],
)
def test_the_clock_of_a_server(seen, date, took, skew):
    found, asked = seen(date=date, took=took)
    assert found.skew == timedelta(seconds=skew)
    assert asked == [("GET", "/look")]
    assert not found.encrypted


@pytest.mark.parametrize("date", ["", "soon", "31 Feb"])
def test_a_server_that_does_not_tell_the_time(seen, date):
    assert seen(date=date)[0].skew is None


def distrust():
    error = ssl.SSLCertVerificationError(1, CANARY)
    error.verify_message = "certificate has expired"
    return error


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (distrust(), "its certificate is not trusted (certificate has expired)"),
        (ssl.SSLError(1, CANARY), "the TLS handshake failed"),
        (socket.gaierror(1, CANARY), "its name cannot be resolved"),
        (TimeoutError(CANARY), "no connection within 5 s"),
        (ConnectionRefusedError(CANARY), "it refuses connections"),
        (OSError(CANARY), "it cannot be reached"),
        (ValueError(CANARY), "it cannot be reached"),
    ],
)
def test_what_keeps_us_from_a_server(seen, fault, words):
    found, asked = seen(fault=fault)
    assert found.fault == words
    assert found.distrusted is ("trusted" in words)
    assert CANARY not in repr(found)
    assert asked == []


def test_a_connection_that_breaks(seen):
    assert seen(late=http.client.RemoteDisconnected(CANARY))[0].fault == "the connection broke before the answer"


def test_where_no_request_is_harmless_none_is_sent(seen):
    found, asked = seen(target=Target(address="http://hook", tls=None, trust="the system"))
    assert (found.fault, found.skew, asked) == ("", None, [])


@pytest.mark.parametrize("address", ["http://gateway/vault", "http://gateway/vault/"])
def test_a_server_below_a_path_is_asked_there(seen, address):
    assert seen(target=Target(address=address, tls=None, trust="the system", path="/look"))[1] == [
        ("GET", "/vault/look")
    ]


def test_an_address_that_is_none(clock):
    assert look(Target(address="http://h:x", tls=None, trust=""), clock=clock, timeout=LIMIT).fault
