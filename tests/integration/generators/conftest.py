from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.testing.servers.certificates import Authority, server_context

GROUP = "generators.external-secrets.io/v1alpha1"
NAMESPACE = "virtrigaud-system"


@pytest.fixture
def open_resolver(tmp_path):
    """A resolver over one ExternalSecret whose entries are the generators given, with Secrets beside them."""

    def opened(*generators, settings, secrets=None, rewrite=(), objects=(), **spec):
        documents = [
            {
                "apiVersion": GROUP,
                "kind": kind,
                "metadata": {"name": f"g{index}", "namespace": NAMESPACE},
                "spec": written,
            }
            for index, (kind, written) in enumerate(generators)
        ]
        documents += [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": name,
                    "namespace": NAMESPACE,
                    "labels": {"external-secrets.io/type": "webhook"},
                },
                "stringData": values,
            }
            for name, values in (secrets or {}).items()
        ]
        entries = [
            {"sourceRef": {"generatorRef": {"kind": kind, "name": f"g{index}"}}, "rewrite": list(rewrite)}
            for index, (kind, _) in enumerate(generators)
        ]
        documents.append(
            {
                "apiVersion": "external-secrets.io/v1",
                "kind": "ExternalSecret",
                "metadata": {"name": "es", "namespace": NAMESPACE},
                "spec": {"dataFrom": entries, **spec},
            }
        )
        documents += objects
        (tmp_path / "all.yaml").write_text("\n---\n".join(map(json.dumps, documents)))
        return Resolver.from_path(tmp_path / "all.yaml", settings=settings)

    return opened


class Server(ThreadingHTTPServer):
    """Answers with what `answer` makes of method, path, headers and body: a status and JSON."""

    daemon_threads = True

    def __init__(self, authority: Authority) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        issued = authority.issue()
        self.socket = server_context(issued.certificate, issued.key).wrap_socket(self.socket, server_side=True)
        self.seen: list[tuple[str, str, bytes]] = []
        self.answer: Callable[..., tuple[int, object]] = lambda *_: (404, {})

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: clients that do not trust us hang up."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, body))
        status, content = self.server.answer(self.command, self.path, self.headers, body)
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Keep quiet."""


@pytest.fixture
def authority() -> Authority:
    return Authority.create()


@pytest.fixture
def https(authority: Authority) -> Iterator[Server]:
    with Server(authority) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()
