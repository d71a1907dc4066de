"""The official client against a server that misbehaves. kube-apiserver itself seldom does."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from virtrigaud_secrets.errors import InvalidRequestError, StoreError, StoreUnavailableError, ThrottledError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.cluster_access import ClusterAccess
from virtrigaud_secrets.stores.cluster_api import ClusterAPI
from virtrigaud_secrets.testing.servers.processes import free_port

pytestmark = pytest.mark.integration

PLANTED = "planted-value-7f3a"
PATIENCE = timedelta(seconds=30)
"""For answers that come at once, on a machine however busy."""
IMPATIENCE = timedelta(milliseconds=300)


class Misbehaving(ThreadingHTTPServer):
    """Answers each request with the same raw bytes, and remembers what it was asked."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.seen: list[tuple[str, str | None]] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Misbehaving

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers["Authorization"]))
        if not self.server.answer:
            time.sleep(IMPATIENCE.total_seconds() * 2)
            return
        self.wfile.write(self.server.answer)
        self.close_connection = b"keep-alive" not in self.server.answer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Keep quiet."""


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Misbehaving]:
    with Misbehaving(request.param) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def client(port: int, timeout: timedelta = PATIENCE) -> ClusterAPI:
    token = Sensitive("the-token")
    access = ClusterAccess(server=f"http://127.0.0.1:{port}", origin="a test", token=lambda: token)
    return ClusterAPI(access, timeout=timeout)


def failure(port: int, timeout: timedelta = PATIENCE) -> StoreError:
    api = client(port, timeout)
    with pytest.raises(StoreError) as caught:
        api.secret("n", namespace="ns")
    api.close()
    assert PLANTED not in "".join(traceback.format_exception(caught.value))
    return caught.value


def answer(status: str, *headers: str, body: str = PLANTED, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {size}", *headers, "", body]).encode()


@pytest.mark.parametrize("server", [answer("429 Too Many Requests", "Retry-After: 3")], indirect=True)
def test_throttling_is_asked_once_and_says_how_long(server: Misbehaving) -> None:
    error = failure(server.server_port)
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 3
    assert server.seen == [("/api/v1/namespaces/ns/secrets/n", "Bearer the-token")]


@pytest.mark.parametrize("server", [answer("503 Service Unavailable")], indirect=True)
def test_a_fault_of_the_server_is_asked_once(server: Misbehaving) -> None:
    error = failure(server.server_port)
    assert isinstance(error, StoreUnavailableError)
    assert error.status == 503
    assert len(server.seen) == 1


@pytest.mark.parametrize("server", [answer("307 Temporary Redirect", "Location: /elsewhere")], indirect=True)
def test_a_redirect_is_not_followed_with_our_token(server: Misbehaving) -> None:
    assert isinstance(failure(server.server_port), InvalidRequestError)
    assert [path for path, _ in server.seen] == ["/api/v1/namespaces/ns/secrets/n"]


@pytest.mark.parametrize("server", [answer("200 OK", length=4096), answer("200 OK"), b"nonsense"], indirect=True)
def test_half_an_answer_or_nonsense_is_unavailable(server: Misbehaving) -> None:
    assert isinstance(failure(server.server_port), StoreUnavailableError)


@pytest.mark.parametrize("server", [b""], indirect=True)
def test_a_server_that_does_not_answer_costs_no_more_than_the_timeout(server: Misbehaving) -> None:
    started = time.monotonic()
    error = failure(server.server_port, IMPATIENCE)
    assert "it took too long" in str(error)
    assert time.monotonic() - started < IMPATIENCE.total_seconds() * 10


def test_nobody_there_is_unavailable() -> None:
    assert "it cannot be reached" in str(failure(free_port()))


@pytest.mark.parametrize(
    "server", [answer("200 OK", "Connection: keep-alive", body='{"data": {"a": "YQ=="}}')], indirect=True
)
def test_threads_share_one_client(server: Misbehaving) -> None:
    api = client(server.server_port)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: api.secret("n", namespace="ns"), range(40)))
    assert all(secret is not None and secret["a"].reveal() == b"a" for secret in found)
    assert len(server.seen) == 40
    api.close()
