"""The endpoint over pairs of sockets: what it answers, and what a hostile peer gets. Loopback is tested elsewhere."""

from __future__ import annotations

import http.client
import importlib.util
import io
import logging
import socket
import threading
import weakref

import pytest
from prometheus_client import CollectorRegistry, Gauge

from virtrigaud_secrets.errors import ClosedError, ConfigurationError, MissingDependencyError
from virtrigaud_secrets.operations import http_endpoint
from virtrigaud_secrets.operations.http_endpoint import MAX_REQUEST_BYTES, HttpEndpoint, Site, parse_address
from virtrigaud_secrets.testing import ManualClock

CANARY = "canary-pw-55e1"
LIMIT = 5.0


def good() -> bool:
    return True


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("virtrigaud_secret_age_seconds", "Age.", ["secret_name"], registry=registry).labels("vc").set(42)
    return registry


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


class Peer:
    """One connection to a server."""

    def __init__(self, server: http_endpoint._Server) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(20)
        weakref.finalize(self, self.socket.close)
        server.process_request(theirs, "")

    def send(self, content: bytes) -> None:
        self.socket.sendall(content)

    def received(self) -> bytes:
        """All until the server closes the connection."""
        found = b""
        try:
            while part := self.socket.recv(1 << 16):
                found += part
        except ConnectionResetError:
            pass
        return found

    def ask(self, request: bytes) -> bytes:
        self.send(request)
        return self.received()


@pytest.fixture
def server(registry, clock):
    with socket.socket() as unused:
        site = Site(registry, good, good)
        made = http_endpoint._Server(unused, site, LIMIT, clock.elapsed)
        yield made
        made.drain(20)


def parsed(answer: bytes) -> http.client.HTTPResponse:
    class Wire:
        def makefile(self, *_args):
            return io.BytesIO(answer)

    response = http.client.HTTPResponse(Wire())  # type: ignore[arg-type]
    response.begin()
    return response


def test_metrics_are_what_the_registry_holds(server):
    response = parsed(Peer(server).ask(b"GET /metrics?name=x HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert b'virtrigaud_secret_age_seconds{secret_name="vc"} 42.0' in response.read()
    assert response.headers["Connection"] == "close"


def test_a_scraper_that_wants_openmetrics_gets_it(server):
    asked = b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text; version=1.0.0\r\n\r\n"
    response = parsed(Peer(server).ask(asked))
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert response.read().endswith(b"# EOF\n")


def test_head_has_no_body(server):
    answer = Peer(server).ask(b"HEAD /metrics HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("path", ["/", "/metrics/", "/healthz/..", "/%6detrics", "/readyz%00", "http://x/healthz"])
def test_another_path_is_not_found(server, path):
    assert parsed(Peer(server).ask(f"GET {path} HTTP/1.1\r\n\r\n".encode())).status == 404


def test_probes_say_what_they_are_told(registry):
    state = {"live": True, "ready": False}
    site = Site(registry, lambda: state["live"], lambda: state["ready"])
    assert site.answer("/healthz", "")[0] == 200
    assert site.answer("/readyz", "")[0] == 503
    state.update(live=False, ready=True)
    assert site.answer("/healthz", "")[0] == 503
    assert site.answer("/readyz", "")[0] == 200


def test_a_probe_or_collector_that_raises_tells_its_type_only(caplog):
    def broken():
        raise RuntimeError(CANARY)

    class Broken:
        def describe(self):
            return []

        def collect(self):
            raise RuntimeError(CANARY)

    registry = CollectorRegistry()
    registry.register(Broken())
    site = Site(registry, broken, good)
    with caplog.at_level(logging.DEBUG):
        for path in ("/healthz", "/metrics"):
            status, _, body = site.answer(path, "")
            assert (status, body) == (500, b"failed\n")
    assert CANARY not in caplog.text
    assert "RuntimeError" in caplog.text


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /" + CANARY.encode() + b" HTTP/9.9\r\n\r\n",
        b"BREW /" + CANARY.encode() + b" HTTP/1.1\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\nContent-Length: 14\r\n\r\n" + CANARY.encode(),
        b"GET /x y " + CANARY.encode() + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + CANARY.encode() + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + b"A: b\r\n" * 200 + CANARY.encode() + b": x\r\n\r\n",
        b"GET /" + CANARY.encode() * 2000 + b" HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nA: " + CANARY.encode() * 2000 + b"\r\n\r\n",
    ],
)
def test_nonsense_is_refused_and_not_echoed(server, request_bytes, caplog, capfd):
    with caplog.at_level(logging.DEBUG):
        answer = Peer(server).ask(request_bytes)
    first = answer.splitlines()[0]
    assert any(str(code).encode() in first for code in (400, 414, 431, 501, 505)), first
    assert CANARY.encode() not in answer
    assert b"Python" not in answer
    assert CANARY not in caplog.text + "".join(capfd.readouterr())
    assert Peer(server).ask(b"GET /healthz HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.0 200")


def test_a_request_has_a_size(server):
    peer = Peer(server)
    peer.send(b"GET /healthz HTTP/1.1\r\nA: " + b"a" * (MAX_REQUEST_BYTES - 30))
    peer.send(b"a" * 100)
    assert b" 431 " in peer.received().splitlines()[0]


def test_a_peer_that_trickles_is_dropped_when_its_time_is_over(server, clock):
    peer = Peer(server)
    peer.send(b"GET /healthz")
    clock.advance(LIMIT + 1)
    peer.send(b" ")
    assert peer.received() == b""


def test_a_peer_that_goes_away_harms_nobody(server, capfd):
    for sent in (b"", b"GET /healthz", b"GET /healthz HTTP/1.1\r\n\r\n"):
        peer = Peer(server)
        peer.send(sent) if sent else None
        peer.socket.close()
    server.drain(20)
    assert capfd.readouterr() == ("", "")


def test_so_many_at_a_time_and_the_next_is_dropped(registry, clock):
    with socket.socket() as unused:
        server = http_endpoint._Server(unused, Site(registry, good, good), 0.5, clock.elapsed)
        entered, leave = threading.Barrier(http_endpoint.MAX_CONNECTIONS + 1), threading.Event()

        def slow() -> bool:
            entered.wait(20)
            return leave.wait(20)

        server.site._probes["/healthz"] = slow
        peers = []
        for _ in range(http_endpoint.MAX_CONNECTIONS):
            peers.append(Peer(server))
            peers[-1].send(b"GET /healthz HTTP/1.1\r\n\r\n")
        entered.wait(20)
        assert Peer(server).received() == b""
        leave.set()
        assert {parsed(peer.received()).status for peer in peers} == {200}
        server.drain(20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":8080", ("", 8080)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:9", ("::1", 9)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_addresses(text, expected):
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", ["", "8080", "a:", "a:b", "::1:80", "a:65536", "a:-1", "a:٣", "[::1]", "[a]:80"])
def test_what_is_no_address(text):
    with pytest.raises(ConfigurationError, match="is no address to listen at"):
        parse_address(text)


def test_an_endpoint_that_is_not_open(registry):
    endpoint = HttpEndpoint("127.0.0.1:0", registry=registry, live=good, ready=good)
    endpoint.close()
    with pytest.raises(ClosedError):
        _ = endpoint.address


def test_without_prometheus_client_it_says_what_to_install(monkeypatch, registry):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"virtrigaud-secrets\[metrics\]"):
        HttpEndpoint(":0", registry=registry, live=good, ready=good)
