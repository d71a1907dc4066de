from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import PropertyNotFoundError
from virtrigaud_secrets.models.backends.webhook import WebhookProvider
from virtrigaud_secrets.stores.base import Fetch, Preview, PushOutcome, PushTarget, StoreClient
from virtrigaud_secrets.stores.webhook import FACTORY
from virtrigaud_secrets.testing.contract import CANARY, PROPERTIES, STORE, StoreContract, StoreHarness, store_context
from virtrigaud_secrets.testing.servers.certificates import Authority, server_context
from virtrigaud_secrets.testing.write_contract import FIRST, WritableStoreContract, WritableStoreHarness

pytestmark = pytest.mark.integration


class Secrets(ThreadingHTTPServer):
    """Answers `/secrets/NAME` with the JSON text under that name; POST sets and DELETE deletes it."""

    daemon_threads = True

    def __init__(self, authority: Authority) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        issued = authority.issue()
        self.socket = server_context(issued.certificate, issued.key).wrap_socket(self.socket, server_side=True)
        self.known: dict[str, str] = {}
        self.seen = 0
        self.written = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Secrets

    def do_GET(self) -> None:
        self.server.seen += 1
        text = self.server.known.get(self.path)
        body = (text or "").encode()
        self.reply(404 if text is None else 200, body)

    def do_POST(self) -> None:
        self.server.written += 1
        status = 200 if self.path in self.server.known else 201
        self.server.known[self.path] = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.reply(status)

    def do_DELETE(self) -> None:
        self.server.written += 1
        self.reply(404 if self.server.known.pop(self.path, None) is None else 204)

    def reply(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Keep quiet."""


class Webhook(StoreHarness):
    def __init__(self, server: Secrets, authority: Authority, json_path: str = "") -> None:
        self.server = server
        self.spec = WebhookProvider.model_validate(
            {
                "url": f"https://127.0.0.1:{server.server_port}/secrets/{{{{ .remoteRef.key }}}}",
                "caBundle": base64.b64encode(authority.pem).decode(),
                "result": {"jsonPath": json_path},
            }
        )

    def put(self, name: str, properties: Mapping[str, str]) -> Fetch:
        self.server.known[f"/secrets/{name}"] = json.dumps(dict(properties))
        return Fetch(store=STORE, key=name)

    def absent(self) -> Fetch:
        return Fetch(store=STORE, key="absent")

    def connect(self) -> StoreClient:
        return FACTORY.connect(self.spec, store_context(clock=SystemClock()))

    def preview(self, fetch: Fetch) -> Preview:
        return FACTORY.preview(self.spec, fetch, store_context())

    def requests(self) -> int:
        return self.server.seen


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create()


@pytest.fixture
def server(authority: Authority) -> Iterator[Secrets]:
    with Secrets(authority) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


class TestWebhook(StoreContract):
    """A webhook has no properties: what a fetch finds is the templates' matter. So is this contract's."""

    @pytest.fixture
    def store(self, server: Secrets, authority: Authority) -> Webhook:
        return Webhook(server, authority)

    @pytest.fixture
    def picking(self, server: Secrets, authority: Authority) -> Webhook:
        """The same server, with the property in the JSONPath."""
        return Webhook(server, authority, "$['{{ .remoteRef.property }}']")

    def test_each_property_comes_as_it_was_put(self, picking: Webhook) -> None:
        picking.put("properties", PROPERTIES)
        with picking.connect() as client:
            for name, value in PROPERTIES.items():
                fetch = picking.preview(Fetch(store=STORE, key="properties", property=name)).fetch
                assert client.get(fetch).payload.property(name).decode() == value

    def test_entries_of_a_property_are_its_members(self, picking: Webhook) -> None:
        picking.put("members", PROPERTIES)
        with picking.connect() as client:
            entries = client.get(Fetch(store=STORE, key="members", property="nested")).payload.entries("nested")
        assert entries["inner"].decode() == f"inner-{CANARY}"
        assert json.loads(entries["deeper"]) == {"number": 1}

    def test_a_missing_property_is_told_by_name(self, picking: Webhook) -> None:
        picking.put("no-property", PROPERTIES)
        with picking.connect() as client:
            payload = client.get(Fetch(store=STORE, key="no-property", property="none")).payload
            for ask in (payload.whole, payload.entries):
                with pytest.raises(PropertyNotFoundError) as caught:
                    ask()
                assert caught.value.property_name == "$['{{ .remoteRef.property }}']"
                assert CANARY not in str(caught.value)

    def test_a_text_has_no_entries(self, picking: Webhook) -> None:
        super().test_a_text_has_no_entries(_Bound(picking, "username"))

    def test_several_threads_share_a_client(self, picking: Webhook) -> None:
        super().test_several_threads_share_a_client(_Bound(picking, "number"))

    def test_an_answer_outlives_the_client(self, picking: Webhook) -> None:
        super().test_an_answer_outlives_the_client(_Bound(picking, "username"))


class _Bound(StoreHarness):
    """Fetches that carry one property, as the planner makes them."""

    def __init__(self, inner: Webhook, name: str) -> None:
        self.inner = inner
        self.name = name

    def put(self, name: str, properties: Mapping[str, str]) -> Fetch:
        self.inner.put(name, properties)
        return Fetch(store=STORE, key=name, property=self.name)

    def absent(self) -> Fetch:
        return self.inner.absent()

    def connect(self) -> StoreClient:
        return self.inner.connect()

    def preview(self, fetch: Fetch) -> Preview:
        return self.inner.preview(fetch)


class WritableWebhook(Webhook, WritableStoreHarness):
    owns = False

    def __init__(self, server: Secrets, authority: Authority) -> None:
        super().__init__(server, authority)
        url = self.spec.url.replace(".remoteRef.key", "or .remoteRef.remoteKey .remoteRef.key")
        self.spec = self.spec.model_copy(update={"url": url})

    def target(self, name: str, property_name: str = "") -> PushTarget:
        return PushTarget(store=STORE, key=name, property=property_name)

    def reading(self, target: PushTarget) -> Fetch:
        return Fetch(store=STORE, key=target.key)

    def put_foreign(self, name: str, properties: Mapping[str, str]) -> None:
        raise AssertionError("a webhook has no mark of ownership")

    def writes(self) -> int:
        return self.server.written


class TestPushToWebhook(WritableStoreContract):
    """A push is one request, as in ESO: what is there is not looked at, and properties are the templates' matter."""

    @pytest.fixture
    def store(self, server: Secrets, authority: Authority) -> WritableStoreHarness:
        return WritableWebhook(server, authority)

    def test_what_is_equal_is_not_written(self, store: WritableStoreHarness) -> None:
        target = store.target("equal")
        with store.connect() as client:
            client.push(store.push(target, FIRST))
            before = store.writes()
            assert client.push(store.push(target, FIRST)) is PushOutcome.UPDATED
            assert store.writes() == before + 1

    def test_a_property_is_written_beside_the_others(self, store: WritableStoreHarness) -> None:
        target, inside = store.target("property"), store.target("property", "added")
        with store.connect() as client:
            client.push(store.push(target, FIRST))
            assert client.push(store.push(inside, FIRST, key="password")) is PushOutcome.UPDATED
            assert client.get(store.reading(target)).payload.whole().decode() == FIRST["password"]

    def test_a_property_makes_the_secret(self, store: WritableStoreHarness) -> None:
        inside = store.target("first-property", "password")
        with store.connect() as client:
            assert client.push(store.push(inside, FIRST, key="password")) is PushOutcome.CREATED

    def test_a_property_is_deleted_alone(self, store: WritableStoreHarness) -> None:
        inside = store.target("property-deleted", "password")
        with store.connect() as client:
            client.push(store.push(inside, FIRST, key="password"))
            assert client.delete(inside) is PushOutcome.DELETED
            assert not client.exists(inside)

    def test_a_dry_run_writes_nothing(self, store: WritableStoreHarness) -> None:
        target = store.target("dry")
        with store.connect() as client:
            assert client.push(store.push(target, FIRST, dry_run=True)) is PushOutcome.UPDATED
            assert client.delete(target, dry_run=True) is PushOutcome.DELETED
            assert store.writes() == 0
            assert not client.exists(target)
