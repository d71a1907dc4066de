"""The `webhook` store on a local HTTPS server, from manifest to bundle, and on one that misbehaves."""

from __future__ import annotations

import base64
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    SecretNotFoundError,
    StoreError,
    StoreUnavailableError,
)
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.servers.certificates import Authority, server_context
from virtrigaud_secrets.testing.servers.processes import free_port

pytestmark = pytest.mark.integration

PLANTED = "planted-value-7f3a"


class Seen(NamedTuple):
    method: str
    path: str
    authorization: str | None
    body: bytes


class Server(ThreadingHTTPServer):
    """Answers with what `answer` makes of a request: status, body, header lines."""

    daemon_threads = True

    def __init__(self, authority: Authority | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.scheme = "http" if authority is None else "https"
        if authority is not None:
            issued = authority.issue()
            self.socket = server_context(issued.certificate, issued.key).wrap_socket(self.socket, server_side=True)
        self.seen: list[Seen] = []
        self.answer: Callable[[Seen], tuple[int, bytes, dict[str, str]]] = lambda seen: (404, b"", {})

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: clients that do not trust us hang up."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        seen = Seen(self.command, self.path, self.headers["Authorization"], self.rfile.read(length))
        self.server.seen.append(seen)
        status, body, headers = self.server.answer(seen)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for byte in body if "Drip" in headers else ():
            self.wfile.write(bytes([byte]))
            time.sleep(0.1)
        self.wfile.write(b"" if "Drip" in headers else body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Keep quiet."""


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create()


@pytest.fixture(params=["https"])
def server(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Server]:
    with Server(authority if request.param == "https" else None) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


MANIFESTS = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: web, namespace: team}}
spec:
  provider:
    webhook:
      url: "{server}/{path}"
      {method}
      caProvider: {{type: ConfigMap, name: ca, key: ca.crt}}
      headers:
        Authorization: Basic {{{{ print .auth.username ":" .auth.password | b64enc }}}}
      body: '{body}'
      result: {{jsonPath: "{json_path}"}}
      secrets: [{{name: auth, secretRef: {{name: login}}}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: ca, namespace: team}}
data: {{ca.crt: {authority}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: login, namespace: team, labels: {{external-secrets.io/type: "{label}"}}}}
stringData: {{username: alice, password: {password}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: app, namespace: team}}
spec:
  secretStoreRef: {{name: web}}
  target: {{creationPolicy: Merge, deletionPolicy: {deletion}}}
  {entries}
"""

TWO_PROPERTIES = """data:
  - {secretKey: user, remoteRef: {key: db/main, property: username}}
  - {secretKey: pass, remoteRef: {key: db/main, property: password}}
  - {secretKey: again, remoteRef: {key: db/main, property: password}}"""
ONE = "data: [{secretKey: p, remoteRef: {key: db, property: p}}]"


class Written(NamedTuple):
    """Manifests, and how to resolve them."""

    directory: Path
    server: Server
    authority: Authority

    def resolve(self, entries: str, *, settings: Settings | None = None, **parts: str) -> dict[str, bytes]:
        values = {
            "server": self.server.address,
            "path": "v1/{{ .remoteRef.key }}",
            "method": "",
            "body": "",
            "json_path": "$.data.{{ .remoteRef.property }}",
            "authority": repr(self.authority.pem.decode()).replace("'", '"'),
            "label": "webhook",
            "password": PLANTED,
            "deletion": "Retain",
            "entries": entries,
        }
        (self.directory / "manifests.yaml").write_text(MANIFESTS.format(**(values | parts)))
        with Resolver.from_path(self.directory, settings=settings or Settings()) as resolver:
            return dict(resolver.resolve("app", namespace="team"))

    def failure(self, entries: str = ONE, *, settings: Settings | None = None, **parts: str) -> StoreError:
        with pytest.raises(StoreError) as caught:
            self.resolve(entries, settings=settings, **parts)
        assert PLANTED not in "".join(traceback.format_exception(caught.value))
        return caught.value


@pytest.fixture
def written(tmp_path: Path, server: Server, authority: Authority) -> Written:
    return Written(tmp_path, server, authority)


def says(status: int, body: bytes = b"", **headers: str) -> Callable[[Seen], tuple[int, bytes, dict[str, str]]]:
    return lambda seen: (status, body, headers)


def test_from_manifest_to_bundle(written: Written, server: Server) -> None:
    server.answer = says(200, b'{"data": {"username": "u", "password": "p"}}')
    assert written.resolve(TWO_PROPERTIES) == {"user": b"u", "pass": b"p", "again": b"p"}
    basic = base64.b64encode(f"alice:{PLANTED}".encode()).decode()
    # The key is escaped in the URL; the same property is asked for once.
    assert server.seen == [Seen("GET", "/v1/db%2Fmain", f"Basic {basic}", b"")] * 2


def test_what_no_template_tells_apart_is_one_request(written: Written, server: Server) -> None:
    server.answer = says(200, b'{"data": {"username": "u"}}')
    assert written.resolve(TWO_PROPERTIES, json_path="$.data.username") == {"user": b"u", "pass": b"u", "again": b"u"}
    assert len(server.seen) == 1


def test_a_body_is_posted(written: Written, server: Server) -> None:
    server.answer = lambda seen: (200, seen.body, {})
    found = written.resolve(ONE, method="method: POST", body='{"id": "{{ .remoteRef.key }}"}', json_path="")
    assert found == {"p": b'{"id": "db"}'}
    assert [seen.method for seen in server.seen] == ["POST"]


def test_extract(written: Written, server: Server) -> None:
    server.answer = says(200, b'{"data": {"a": "1", "b": {"c": 2}}}')
    assert written.resolve("dataFrom: [{extract: {key: db}}]", json_path="$.data") == {"a": b"1", "b": b'{"c":2}'}


def test_a_missing_secret_may_be_left_out(written: Written, server: Server) -> None:
    assert isinstance(written.failure(), SecretNotFoundError)
    assert written.resolve(ONE, deletion="Merge") == {}


def test_a_secret_without_the_label_is_not_sent(written: Written, server: Server) -> None:
    with pytest.raises(ConfigurationError, match="must carry the label"):
        written.resolve(ONE, label="other")
    assert server.seen == []


def test_a_secret_in_the_url_is_in_no_error(written: Written, server: Server) -> None:
    for answer in (says(500), says(403, PLANTED.encode()), says(302, Location="/else"), says(200, PLANTED.encode())):
        server.answer = answer
        with pytest.raises(Exception) as caught:  # noqa: PT011  # whichever it is, it must not show the value
            written.resolve(
                ONE, path="x?token={{ .auth.password }}", settings=Settings(request_timeout=timedelta(seconds=2))
            )
        assert PLANTED not in "".join(traceback.format_exception(caught.value))
    assert any(PLANTED in seen.path for seen in server.seen)


def test_a_refused_login(written: Written, server: Server) -> None:
    server.answer = says(401, PLANTED.encode())
    assert isinstance(written.failure(), AuthenticationError)


def test_a_redirect_to_another_server_is_not_followed(written: Written, server: Server) -> None:
    server.answer = says(302, Location=f"http://127.0.0.1:{server.server_port}/v1/db")
    assert isinstance(written.failure(), InvalidRequestError)
    assert len(server.seen) == 1


def test_a_redirect_on_the_same_server_is(written: Written, server: Server) -> None:
    server.answer = lambda seen: (
        (200, b'{"data": {"p": "v"}}', {}) if seen.path == "/moved" else (308, b"", {"Location": "/moved"})
    )
    assert written.resolve(ONE) == {"p": b"v"}


def test_a_server_that_is_not_trusted_is_told_nothing(written: Written, server: Server) -> None:
    other = repr(Authority.create().pem.decode()).replace("'", '"')
    error = written.failure(authority=other, settings=Settings(request_timeout=timedelta(seconds=1)))
    assert isinstance(error, StoreUnavailableError)
    assert "certificate is not trusted" in str(error)
    assert server.seen == []


def test_nobody_there(written: Written) -> None:
    address = f"https://127.0.0.1:{free_port()}"
    error = written.failure(server=address, settings=Settings(request_timeout=timedelta(seconds=1)))
    assert "cannot be reached" in str(error)


def test_a_slow_server_costs_no_more_than_the_timeout(written: Written, server: Server) -> None:
    def slowly(seen: Seen) -> tuple[int, bytes, dict[str, str]]:
        time.sleep(1.5)
        return 200, b"", {}

    server.answer = slowly
    started = time.monotonic()
    assert "took too long" in str(written.failure(settings=Settings(request_timeout=timedelta(milliseconds=500))))
    assert time.monotonic() - started < 5


def test_an_answer_that_drips_costs_no_more_than_the_timeout(written: Written, server: Server) -> None:
    server.answer = says(200, b" " * 40, Drip="yes")
    started = time.monotonic()
    assert "took too long" in str(written.failure(settings=Settings(request_timeout=timedelta(milliseconds=500))))
    assert time.monotonic() - started < 3


def test_half_an_answer_is_none(written: Written, server: Server) -> None:
    server.answer = lambda seen: (200, b'{"data"', {"Content-Length": "100", "Connection": "close"})
    error = written.failure(settings=Settings(request_timeout=timedelta(seconds=1)))
    assert isinstance(error, StoreUnavailableError)


@pytest.mark.parametrize("server", ["http"], indirect=True)
def test_plain_http_works_as_written(written: Written, server: Server) -> None:
    server.answer = says(200, b'{"data": {"p": "v"}}')
    assert written.resolve(ONE) == {"p": b"v"}
