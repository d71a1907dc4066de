"""What a healthy server never does: real sockets, real TLS, a server that misbehaves on request."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import (
    StoreSealedError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch, RetryPolicy, StoreClient, StoreContext, StoreKey
from virtrigaud_secrets.stores.vault import FACTORY
from virtrigaud_secrets.testing.contract import NoReferences
from virtrigaud_secrets.testing.servers import OpenBao
from virtrigaud_secrets.testing.servers.certificates import Authority, server_context

pytestmark = pytest.mark.integration

CANARY = "canary-in-the-body"
SECRET = json.dumps({"data": {"data": {"password": CANARY}, "metadata": {"version": 1}}}).encode()
FETCH = Fetch(store=StoreKey("SecretStore", "team", "vault"), key="secret/data/a")
DYNAMIC = Fetch(store=FETCH.store, key="vsphere/creds/role")
MOUNT = json.dumps({"data": {"path": "vsphere/", "type": "database", "options": {}}}).encode()

Misbehave = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Misbehaving

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        if self.path.startswith("/v1/sys/internal/ui/mounts/"):
            self.answer(200, MOUNT)
        else:
            self.server.behave(self)

    def answer(self, status: int, body: bytes, *, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class Misbehaving(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, names: tuple[str, ...] = ("127.0.0.1",)) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.connections = 0
        self.behave: Misbehave = lambda handler: handler.answer(200, SECRET)
        self.paths: list[str] = []
        self.authority = Authority.create("fault test CA")
        self.release = threading.Event()
        issued = self.authority.issue(names)
        self.socket = server_context(issued.certificate, issued.key).wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def process_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]  # passed through

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust us hangs up."""

    def asked(self) -> int:
        return sum("/secret/" in path or "/creds/" in path for path in self.paths if "/internal/" not in path)

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with serving(Misbehaving()) as made:
        yield made


@contextmanager
def serving(made: Misbehaving) -> Iterator[Misbehaving]:
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    made.release.set()
    made.shutdown()
    made.server_close()
    thread.join(10)


@pytest.fixture
def connect(server: Misbehaving) -> Callable[..., StoreClient]:
    def make(*, retry: RetryPolicy | None = None, ca: bytes | None = None, **fields: object) -> StoreClient:
        settings = Settings(vault_token=Sensitive("token"), request_timeout=timedelta(seconds=0.5))
        bundle = base64.b64encode(server.authority.pem if ca is None else ca).decode()
        spec = {"server": server.address, "path": "secret", "caBundle": bundle} | fields
        context = StoreContext(
            store=FETCH.store,
            namespace="team",
            settings=settings,
            clock=SystemClock(),
            references=NoReferences(),
            retry=RetryPolicy() if retry is None else retry,
        )
        return FACTORY.connect(VaultProvider.model_validate(spec), context)

    return make


def failure(client: StoreClient, fetch: Fetch = FETCH) -> StoreUnavailableError:
    with client, pytest.raises(StoreUnavailableError) as caught:
        client.get(fetch)
    assert CANARY not in f"{caught.value} {caught.value!r}"
    return caught.value


def test_it_behaves_when_it_wants_to(connect, server):
    with connect() as client:
        for _ in range(3):
            assert client.get(FETCH).payload.property("password").decode() == CANARY
    assert server.asked() == 3
    assert server.connections == 1


def test_a_server_that_hangs(connect, server):
    server.behave = lambda _: server.release.wait(10)
    start = time.monotonic()
    assert "no complete answer within 0.5 s" in failure(connect()).reason
    assert time.monotonic() - start < 2


def test_a_server_that_dribbles(connect, server):
    def dribble(handler: Handler) -> None:
        handler.answer(200, b"", length=10_000)
        for _ in range(100):
            if server.release.wait(0.05):
                return
            handler.wfile.write(b" ")

    server.behave = dribble
    start = time.monotonic()
    assert "no complete answer" in failure(connect()).reason
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("fetch", [FETCH, DYNAMIC])
def test_half_an_answer_is_no_secret(connect, server, fetch):
    def half(handler: Handler) -> None:
        handler.answer(200, SECRET[:40], length=len(SECRET))
        handler.close_connection = True

    server.behave = half
    assert "broke before the answer was complete" in failure(connect(), fetch).reason
    assert server.asked() == 1


def test_half_an_answer_in_chunks_is_no_secret(connect, server):
    def half(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(SECRET), SECRET))  # and no last chunk
        handler.close_connection = True

    server.behave = half
    assert "broke before the answer was complete" in failure(connect()).reason


def test_half_an_answer_to_a_read_is_asked_for_again(connect, server):
    answers = [SECRET[:40], SECRET]

    def half(handler: Handler) -> None:
        handler.close_connection = True
        handler.answer(200, answers.pop(0), length=len(SECRET))

    server.behave = half
    with connect(retry=RetryPolicy(retries=1)) as client:
        assert client.get(FETCH).payload.property("password").decode() == CANARY


def test_half_an_answer_to_a_dynamic_read_is_never_asked_for_again(connect, server):
    def half(handler: Handler) -> None:
        handler.close_connection = True
        handler.answer(200, SECRET[:40], length=len(SECRET))

    server.behave = half
    failure(connect(retry=RetryPolicy(retries=5)), DYNAMIC)
    assert server.asked() == 1


def test_a_connection_that_is_cut(connect, server):
    def cut(handler: Handler) -> None:
        handler.connection.shutdown(socket.SHUT_RDWR)

    server.behave = cut
    assert "broke before" in failure(connect()).reason


@pytest.mark.parametrize(
    ("status", "error"), [(429, ThrottledError), (500, StoreUnavailableError), (412, StoreUnavailableError)]
)
def test_statuses(connect, server, status, error):
    server.behave = lambda handler: handler.answer(status, json.dumps({"errors": [CANARY]}).encode(), Retry_After="7")
    with connect() as client, pytest.raises(error) as caught:
        client.get(FETCH)
    assert caught.value.retry_after == 7.0
    assert CANARY not in str(caught.value)


def test_nobody_listens(connect, server):
    client = connect()
    server.shutdown()
    server.server_close()
    assert "refuses connections" in failure(client).reason


def test_a_name_that_does_not_exist(connect):
    error = failure(connect(server="https://vault.invalid:8200"))
    assert "cannot be resolved" in error.reason or "cannot be reached" in error.reason


def test_a_certificate_of_somebody_else(connect, server):
    error = failure(connect(ca=Authority.create("another CA").pem))
    assert "not trusted" in error.reason
    assert "the store's caBundle" in error.reason
    assert not error.retryable
    assert server.asked() == 0


def test_a_certificate_for_another_name(connect):
    with serving(Misbehaving(("other.example.com",))) as other:
        assert "not trusted" in failure(connect(server=other.address, ca=other.authority.pem)).reason
        assert other.asked() == 0


def test_a_trusted_list_of_the_environment_does_not_count(connect, server, monkeypatch, tmp_path):
    path = tmp_path / "ca.pem"
    path.write_bytes(server.authority.pem)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "VAULT_CACERT"):
        monkeypatch.setenv(name, str(path))
    assert "not trusted" in failure(connect(ca=Authority.create("another CA").pem)).reason


def test_plain_http_where_tls_is_spoken(connect, server):
    failure(connect(server=server.address.replace("https", "http")))


def test_a_redirect_keeps_to_tls_and_to_the_trusted(connect, server):
    server.behave = lambda handler: handler.answer(307, b"", Location="http://127.0.0.1:1/v1/secret/data/a")
    assert "sends elsewhere" in failure(connect()).reason


def test_a_sealed_server_is_told_from_one_that_denies(connect):
    with OpenBao() as bao:
        bao.ask("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "1"}})
        bao.ask("POST", "secret/a", {"user": "u"})
        client = connect(server=bao.address, version="v1", ca=bao.ca_pem)
        bao.seal()
        fetch = Fetch(store=FETCH.store, key="secret/a")
        with client, pytest.raises(StoreSealedError) as caught:
            client.get(fetch)
        assert caught.value.retryable
