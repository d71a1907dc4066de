"""What goes with every request: namespaces, headers, client certificates."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import AccessDeniedError, StoreUnavailableError
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch, Query, RetryPolicy, StoreClient, StoreContext
from virtrigaud_secrets.stores.vault import FACTORY
from virtrigaud_secrets.testing.contract import STORE, NoReferences
from virtrigaud_secrets.testing.servers import OpenBao
from virtrigaud_secrets.testing.servers.certificates import Authority, server_context

pytestmark = pytest.mark.integration

FETCH = Fetch(store=STORE, key="kv/a")


class Secrets(NoReferences):
    """A cluster with some Secrets."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], Sensitive] = {}

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        return self.values[name, key]


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
def connect(secrets: Secrets) -> Iterator[Callable[..., StoreClient]]:
    with ExitStack() as stack:

        def make(server: str, ca: bytes, token: Sensitive | None = None, **fields: object) -> StoreClient:
            bundle = base64.b64encode(ca).decode()
            spec = {"server": server, "path": "kv", "version": "v1", "caBundle": bundle} | fields
            context = StoreContext(
                store=STORE,
                namespace=STORE.namespace,
                settings=Settings(vault_token=token),
                clock=SystemClock(),
                references=secrets,
                retry=RetryPolicy(),
            )
            return stack.enter_context(FACTORY.connect(VaultProvider.model_validate(spec), context))

        yield make


@pytest.fixture(scope="module")
def spaces(openbao: OpenBao) -> OpenBao:
    """Namespaces `outer` and `outer/inner`, each with a secret; who logs in at `outer` may read below `inner`."""
    openbao.ask("POST", "sys/namespaces/outer", {})
    openbao.ask("POST", "outer/sys/namespaces/inner", {})
    for place in ("outer", "outer/inner"):
        openbao.ask("POST", f"{place}/sys/mounts/kv", {"type": "kv", "options": {"version": "1"}})
        openbao.ask("POST", f"{place}/kv/a", {"where": place})
    openbao.ask("POST", "outer/sys/auth/userpass", {"type": "userpass"})
    user = {"password": "password", "token_policies": ["inner"]}
    openbao.ask("POST", "outer/auth/userpass/users/u", user)
    rule = 'path "inner/kv/*" { capabilities = ["read", "list"] }'
    openbao.ask("PUT", "outer/sys/policies/acl/inner", {"policy": rule})
    return openbao


@pytest.mark.parametrize("place", ["outer", "outer/inner"])
def test_each_namespace_has_its_own_engine(connect, spaces, place):
    client = connect(spaces.address, spaces.ca_pem, spaces.root_token, namespace=place)
    assert client.get(FETCH).payload.property("where").decode() == place
    found = client.find(Query(store=STORE, name="."))
    assert [answer.payload.property("where").decode() for answer in found.values()] == [place]


def test_engines_are_looked_up_in_the_namespace(connect, spaces):
    client = connect(spaces.address, spaces.ca_pem, spaces.root_token, namespace="outer/inner", path="elsewhere")
    assert client.get(FETCH).payload.property("where") == b"outer/inner"


def test_a_login_in_a_namespace_of_its_own(connect, spaces, secrets):
    secrets.values["login", "password"] = Sensitive("password")
    login = {"userPass": {"username": "u", "secretRef": {"name": "login", "key": "password"}}}
    client = connect(spaces.address, spaces.ca_pem, namespace="outer/inner", auth=login | {"namespace": "outer"})
    assert client.get(FETCH).payload.property("where") == b"outer/inner"
    client = connect(spaces.address, spaces.ca_pem, namespace="outer", auth=login)
    with pytest.raises(AccessDeniedError):
        client.get(FETCH)


def test_headers_of_the_manifest_arrive(connect, spaces):
    for name in ("X-Trace", "X-Vault-Inconsistent"):
        spaces.ask("POST", f"sys/config/auditing/request-headers/{name}", {"hmac": False})
    start = len(spaces.audit_entries())
    both = {"readYourWrites": True, "forwardInconsistent": True}
    client = connect(
        spaces.address, spaces.ca_pem, spaces.root_token, namespace="outer", headers={"X-Trace": "on"}, **both
    )
    client.get(FETCH)
    (entry,) = [entry for entry in spaces.audit_entries(after=start) if entry.kind == "request"]
    headers = entry.raw["request"]["headers"]
    assert headers["x-trace"] == ["on"]
    assert headers["x-vault-inconsistent"] == ["forward-active-node"]


class Answering(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"data": {"where": "behind a certificate"}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        pass


class Quiet(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass


@pytest.fixture
def guarded() -> Iterator[tuple[str, Authority]]:
    """A server that speaks with nobody who has no certificate of its authority."""
    authority = Authority.create("guarded CA")
    issued = authority.issue()
    context = server_context(issued.certificate, issued.key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.pem.decode())
    with Quiet(("127.0.0.1", 0), Answering) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"https://127.0.0.1:{server.server_address[1]}", authority
        server.shutdown()
        thread.join()


TLS = {"certSecretRef": {"name": "client"}, "keySecretRef": {"name": "client"}}


def test_the_certificate_of_the_connection(connect, guarded, secrets):
    address, authority = guarded
    issued = authority.issue(("provider.example.com",))
    secrets.values |= {("client", "tls.crt"): Sensitive(issued.certificate), ("client", "tls.key"): issued.key}
    client = connect(address, authority.pem, Sensitive("token"), tls=TLS)
    assert client.get(FETCH).payload.property("where") == b"behind a certificate"


@pytest.mark.parametrize("shown", [True, False])
def test_without_the_right_certificate_nothing_is_said(connect, guarded, secrets, shown):
    address, authority = guarded
    issued = Authority.create("another CA").issue(("provider.example.com",))
    secrets.values |= {("client", "tls.crt"): Sensitive(issued.certificate), ("client", "tls.key"): issued.key}
    client = connect(address, authority.pem, Sensitive("token"), **({"tls": TLS} if shown else {}))
    with pytest.raises(StoreUnavailableError):
        client.get(FETCH)
