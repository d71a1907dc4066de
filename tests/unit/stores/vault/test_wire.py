import json
import ssl
from collections.abc import Iterator

import pytest
import urllib3

from virtrigaud_secrets.stores.vault.wire import MAX_SERVERS, WireSession
from virtrigaud_secrets.testing.servers import FaultProxy
from virtrigaud_secrets.testing.servers.fault_proxy import Trouble

TIMEOUT = urllib3.Timeout(total=5)


@pytest.fixture
def server() -> Iterator[FaultProxy]:
    """A server that says 200 to everything."""
    with FaultProxy("http://127.0.0.1:1") as made:
        made.order(Trouble.STATUS, status=200, body=b'{"a": "b"}')
        yield made


@pytest.fixture
def session(server) -> Iterator[WireSession]:
    tls = ssl.create_default_context(cadata=server.ca_pem.decode())
    made = WireSession(tls, {"X-Store": "s", "Accept": "application/vnd"})
    yield made
    made.close()


def read(response):
    with response:
        return response.raw.read()


def test_an_answer_has_the_names_of_requests(session, server):
    response = session.request("get", f"{server.address}/v1/a", headers={}, timeout=TIMEOUT)
    assert (response.status_code, response.ok, response.headers["content-type"]) == (200, True, "application/json")
    assert read(response) == b'{"a": "b"}'


def test_one_connection_serves_many_requests(session, server):
    for _ in range(3):
        read(session.request("get", f"{server.address}/a", headers={}, timeout=TIMEOUT))
    assert server.connections == 1


def test_an_answer_that_was_not_read_takes_its_connection_along(session, server):
    for _ in range(2):
        with session.request("get", f"{server.address}/a", headers={}, timeout=TIMEOUT):
            pass
    assert server.connections == 2
    with (
        pytest.raises(RuntimeError),
        session.request("get", f"{server.address}/a", headers={}, timeout=TIMEOUT) as response,
    ):
        raise RuntimeError(response.status_code)


@pytest.mark.parametrize(("path", "query", "seen"), [
    ("/a%20b", (("version", "3"), ("x", "é&")), "GET /a%20b?version=3&x=%C3%A9%26"),
    ("/a", (), "GET /a"),
])  # fmt: skip
def test_path_and_query_arrive_as_they_are(session, server, path, query, seen):
    read(session.request("get", server.address + path, headers={}, timeout=TIMEOUT, params=query))
    assert server.requests == [seen]


class Recording:
    """A pool that keeps what it is told."""

    def __init__(self):
        self.told = []

    def urlopen(self, *given, **options):
        self.told.append((given, options))
        return urllib3.HTTPResponse(b"", status=404, preload_content=False)

    def close(self):
        self.told.append("closed")


def test_headers_and_body(session):
    pool = Recording()
    session._pools["https", "h"] = pool
    headers = {"X-Vault-Token": "t", "X-Store": "own"}
    response = session.request("post", "https://h/v1/a", headers=headers, timeout=TIMEOUT, json={"k": "é"}, stream=True)
    assert not response.ok
    (method, path), options = pool.told[0]
    assert (method, path) == ("POST", "/v1/a")
    assert options["headers"] == {
        "User-Agent": "virtrigaud-secrets",
        "Accept": "application/vnd",
        "Accept-Encoding": "identity",
        "X-Store": "own",
        "X-Vault-Token": "t",
        "Content-Type": "application/json",
    }
    assert json.loads(options["body"]) == {"k": "é"}
    assert (options["retries"], options["redirect"], options["timeout"]) == (False, False, TIMEOUT)


def test_connections_are_kept_for_few_servers_only(session):
    first = Recording()
    session._pools["https", "first"] = first
    for number in range(MAX_SERVERS):
        session.pool("https", f"host{number}")
    assert len(session._pools) == MAX_SERVERS
    assert first.told == ["closed"]
    kept = session.pool("https", "host1")
    assert session.pool("https", "host1") is kept


def test_trust_is_exactly_the_given_one(session):
    pool = session.pool("https", "vault.example.com:8200")
    assert isinstance(pool, urllib3.HTTPSConnectionPool)
    connection = pool._new_conn()
    assert connection.ssl_context is session._tls
    assert connection.ca_certs is None
    assert connection.cert_reqs is ssl.CERT_REQUIRED
    assert (connection.host, connection.port) == ("vault.example.com", 8200)
    connection.close()


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [("[::1]:8200", "::1", 8200), ("vault.example.com", "vault.example.com", 80)],
)
def test_hosts(session, address, host, port):
    pool = session.pool("http", address)
    assert not isinstance(pool, urllib3.HTTPSConnectionPool)
    connection = pool._new_conn()
    assert (connection.host, connection.port) == (host, port)
    connection.close()


def test_closing_twice(session, server):
    read(session.request("get", f"{server.address}/a", headers={}, timeout=TIMEOUT))
    session.close()
    session.close()
    assert session._pools == {}
