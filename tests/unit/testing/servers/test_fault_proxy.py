from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers import FaultProxy
from virtrigaud_secrets.testing.servers.fault_proxy import Trouble

ANSWER = b'{"answer": 42}'


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    got: list[tuple[str, str, bytes, dict[str, str]]]

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.got.append((self.command, self.path, self.rfile.read(length), dict(self.headers)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.send_header("X-Kept", "yes")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(ANSWER)

    do_GET = do_LIST = do_HEAD = do_POST  # noqa: N815  # the base class finds them by these names

    def log_message(self, *args):
        pass


@pytest.fixture
def upstream() -> Iterator[str]:
    Echo.got = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(upstream) -> Iterator[FaultProxy]:
    with FaultProxy(upstream) as made:
        yield made


def connect(proxy, timeout=5.0):
    parts = urlsplit(proxy.address)
    context = ssl.create_default_context(cadata=proxy.ca_pem.decode())
    return http.client.HTTPSConnection(parts.hostname, parts.port, context=context, timeout=timeout)


def ask(proxy, method="GET", path="/a?b=c", body=None, timeout=5.0, **headers):
    connection = connect(proxy, timeout)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read(), response.headers
    finally:
        connection.close()


def test_without_orders_everything_passes(proxy):
    status, body, headers = ask(proxy, "POST", body=b"sent", Authorization="Bearer x")
    assert (status, body, headers["X-Kept"]) == (200, ANSWER, "yes")
    (method, path, sent, got) = Echo.got[0]
    assert (method, path, sent, got["Authorization"]) == ("POST", "/a?b=c", b"sent", "Bearer x")
    assert got["Host"] == urlsplit(proxy.address).netloc
    assert proxy.requests == ["POST /a?b=c"]


def test_a_body_in_chunks_passes(proxy):
    assert ask(proxy, "POST", body=iter([b"one", b"two"]))[0] == 200
    assert Echo.got[0][2] == b"onetwo"


@pytest.mark.parametrize("method", ["LIST", "HEAD"])
def test_other_methods_pass(proxy, method):
    assert ask(proxy, method)[:2] == (200, b"" if method == "HEAD" else ANSWER)
    assert Echo.got[0][0] == method


def test_without_tls(upstream):
    with FaultProxy(upstream, tls=False) as plain:
        assert plain.ca_pem == b""
        parts = urlsplit(plain.address)
        assert parts.scheme == "http"
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        connection.request("GET", "/")
        assert connection.getresponse().read() == ANSWER
        connection.close()


def test_connections_are_kept_and_counted(proxy):
    connection = connect(proxy)
    for _ in range(3):
        connection.request("GET", "/")
        connection.getresponse().read()
    connection.close()
    assert (proxy.connections, proxy.asked(), proxy.asked("^POST")) == (1, 3, 0)


def test_a_status_instead_of_the_answer(proxy):
    proxy.order(Trouble.STATUS, status=429, retry_after="7", body=b'{"errors": []}', times=2)
    for _ in range(2):
        status, body, headers = ask(proxy)
        assert (status, json.loads(body), headers["Retry-After"]) == (429, {"errors": []}, "7")
    assert not Echo.got
    assert ask(proxy)[0] == 200


def test_an_order_is_for_some_requests_only(proxy):
    proxy.order(Trouble.STATUS, path="^GET /bad")
    assert [ask(proxy, path=path)[0] for path in ("/good", "/bad", "/good", "/bad")] == [200, 503, 200, 503]
    proxy.heal()
    assert ask(proxy, path="/bad")[0] == 200


@pytest.mark.parametrize("delivered", [True, False])
def test_a_reset(proxy, delivered):
    proxy.order(Trouble.RESET, delivered=delivered, times=1)
    with pytest.raises(ConnectionResetError):
        ask(proxy)
    assert len(Echo.got) == delivered
    assert ask(proxy)[0] == 200


def test_half_a_body(proxy):
    proxy.order(Trouble.HALF, times=1)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(proxy)
    assert caught.value.partial == ANSWER[: len(ANSWER) // 2]
    assert len(Echo.got) == 1


def test_a_hanging_server(proxy):
    proxy.order(Trouble.HANG)
    with pytest.raises(TimeoutError):
        ask(proxy, timeout=0.1)
    assert not Echo.got


def test_a_slow_server_is_whole_when_healed_never(proxy):
    proxy.order(Trouble.SLOW, times=1)
    connection = connect(proxy)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.read(1) == ANSWER[:1]
    proxy.heal()
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    connection.close()


def test_refused(proxy):
    kept = connect(proxy)
    kept.request("GET", "/")
    kept.getresponse().read()
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        ask(proxy)
    kept.auto_open = 0
    kept.request("GET", "/")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
        kept.getresponse()
    kept.close()


def test_a_dead_server_behind_it(upstream):
    with FaultProxy("http://127.0.0.1:1") as proxy:
        status, body, _ = ask(proxy)
    assert status == 502
    assert b"ConnectionRefusedError" in body


def test_a_certificate_for_another_name(upstream):
    with FaultProxy(upstream, names=("other.example.com",)) as proxy, pytest.raises(ssl.SSLCertVerificationError):
        ask(proxy)


def test_no_address_before_the_start():
    with pytest.raises(LocalServerError, match="with block"):
        _ = FaultProxy("http://127.0.0.1:1").address
