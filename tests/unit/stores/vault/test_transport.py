from datetime import timedelta

import pytest
import urllib3.exceptions as u3

from virtrigaud_secrets.errors import ConfigurationError, StoreUnavailableError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import RetryPolicy
from virtrigaud_secrets.stores.vault import transport
from virtrigaud_secrets.stores.vault.errors import Fault
from virtrigaud_secrets.stores.vault.transport import Reply, Request, Transport

READ = Request(method="GET", path="secret/data/x", repeatable=True)
DYNAMIC = Request(method="GET", path="vsphere/creds/r")
ISSUE = Request(method="POST", path="pki/issue/r", body={"common_name": "a"})
TOKEN = Sensitive("token-1")


@pytest.fixture
def make(make_spec, make_context, server):
    def make(spec=None, **context):
        return Transport(make_spec(**(spec or {})), make_context(**context))

    return make


def refused():
    return u3.NewConnectionError(None, "x")


def test_a_read(make, server, clock):
    server.on("GET", "secret/data/x", server.say(200, {"request_id": "id", "data": {"n": 1.5}}))
    reply = make().send(READ, TOKEN)
    assert isinstance(reply, Reply)
    assert reply.body["data"] == {"n": "1.5"}  # as it was written
    assert (reply.request_id, reply.sent_at, reply.sent) == ("id", clock.now(), clock.elapsed())
    (seen,) = server.seen
    assert (seen.token, seen.query, seen.host) == ("token-1", {}, "vault.example.com:8200")
    assert seen.headers["X-Vault-Request"] == "true"
    assert "X-Vault-Namespace" not in seen.headers


def test_namespace_headers_query_and_body(make, server):
    server.on("POST", "pki/issue/r", server.say(200, {}))
    made = make({"namespace": "team", "headers": {"X-Trace": "on"}})
    made.send(Request(method="POST", path="pki/issue/r", body={"a": Sensitive("x"), "b": 1}), TOKEN)
    made.send(Request(method="GET", path="s", query=(("version", "3"),), namespace="admin"), None)
    assert [seen.headers["X-Vault-Namespace"] for seen in server.seen] == ["team", "admin"]
    assert [seen.headers["X-Trace"] for seen in server.seen] == ["on", "on"]
    assert [seen.token for seen in server.seen] == ["token-1", ""]
    assert server.seen[0].body == {"a": "x", "b": 1}
    assert server.seen[1].query == {"version": "3"}


def test_the_environment_is_not_asked(make, server, monkeypatch):
    for name, value in {
        "VAULT_ADDR": "https://elsewhere",
        "VAULT_TOKEN": "from-environment",
        "VAULT_NAMESPACE": "from-environment",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "REQUESTS_CA_BUNDLE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    server.on("GET", "secret/data/x", server.say(200, {}))
    assert isinstance(make().send(READ, None), Reply)
    (seen,) = server.seen
    assert (seen.token, seen.host) == ("", "vault.example.com:8200")
    assert "X-Vault-Namespace" not in seen.headers


def test_keys_with_odd_characters_arrive_as_they_are(make, server):
    server.on("GET", "secret/data/a b?c#d%2f", server.say(200, {}))
    assert isinstance(make().send(Request(method="GET", path="secret/data/a b?c#d%2f"), TOKEN), Reply)


def test_an_address_may_be_replaced_by_settings(make, server):
    made = make(endpoints={"https://vault.example.com:8200/": "https://127.0.0.1:9999"})
    made.send(READ, TOKEN)
    assert server.seen[0].host == "127.0.0.1:9999"


@pytest.mark.parametrize("address", ["vault.example.com:8200", "https://", "ftp://x", ""])
def test_an_address_must_be_one(make, address):
    with pytest.raises(ConfigurationError, match="server must be an address"):
        make({"server": address})


@pytest.mark.parametrize("answers", [(503,), (500,), (412,), (429,)])
def test_reads_are_repeated_twice(make, server, clock, answers):
    server.on("GET", "secret/data/x", *(server.say(status) for status in answers))
    assert isinstance(make().send(READ, TOKEN), Fault)
    assert len(server.seen) == 3
    assert len(clock.sleeps) == 2
    assert all(1 <= pause <= 1.5 for pause in clock.sleeps)


def test_a_repeated_read_may_succeed(make, server):
    server.on("GET", "secret/data/x", server.say(503), refused(), server.say(200, {"data": {}}))
    assert isinstance(make().send(READ, TOKEN), Reply)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501])
def test_definite_answers_are_not_repeated(make, server, clock, status):
    server.on("GET", "secret/data/x", server.say(status, {"errors": []}))
    make().send(READ, TOKEN)
    assert len(server.seen) == 1
    assert clock.sleeps == []


def test_a_sealed_server_is_not_pressed(make, server):
    server.on("GET", "secret/data/x", server.say(503, {"errors": ["Vault is sealed"]}))
    make().send(READ, TOKEN)
    assert len(server.seen) == 1


@pytest.mark.parametrize("request_", [DYNAMIC, ISSUE])
@pytest.mark.parametrize("answer", [500, 502, u3.ReadTimeoutError(None, "/", "x"), u3.ProtocolError("x")])
def test_what_may_have_been_done_is_not_repeated(make, server, request_, answer):
    said = server.say(answer) if isinstance(answer, int) else answer
    server.on(request_.method, request_.path, said)
    outcome = make().send(request_, TOKEN)
    assert isinstance(outcome, Fault)
    assert outcome.acted
    assert len(server.seen) == 1


@pytest.mark.parametrize("request_", [DYNAMIC, ISSUE])
def test_what_was_certainly_not_done_is_repeated(make, server, request_):
    server.on(request_.method, request_.path, refused(), server.say(429), server.say(200, {"data": {}}))
    assert isinstance(make().send(request_, TOKEN), Reply)


@pytest.mark.parametrize(("policy", "sent", "pauses"), [
    (RetryPolicy(retries=4, interval=timedelta(seconds=2)), 5, [2.0] * 4),
    (RetryPolicy(), 1, []),
])  # fmt: skip
def test_the_manifest_decides_on_retries(make, server, clock, policy, sent, pauses):
    server.on("GET", "secret/data/x", server.say(500))
    make(retry=policy).send(READ, TOKEN)
    assert len(server.seen) == sent
    assert clock.sleeps == pauses


def test_retries_end_with_the_time_allowed(make, server, clock):
    server.on("GET", "secret/data/x", server.say(500))
    policy = RetryPolicy(retries=100, interval=timedelta(seconds=2))
    make(retry=policy, request_timeout=timedelta(seconds=5)).send(READ, TOKEN)
    assert clock.sleeps == [2.0, 2.0]


def test_a_wait_that_is_asked_for_is_kept(make, server, clock):
    server.on("GET", "secret/data/x", server.say(429, Retry_After="7"), server.say(200, {}))
    assert isinstance(make().send(READ, TOKEN), Reply)
    assert clock.sleeps == [7.0]


def test_a_wait_beyond_the_time_allowed_is_an_error_at_once(make, server, clock):
    server.on("GET", "secret/data/x", server.say(429, Retry_After="3600"))
    outcome = make().send(READ, TOKEN)
    assert isinstance(outcome, Fault)
    assert outcome.error.retry_after == 3600.0
    assert clock.sleeps == []


def test_with_a_limit_nothing_is_repeated(make, server):
    server.on("GET", "secret/data/x", server.say(500))
    make().send(READ, TOKEN, limit=5.0)
    assert len(server.seen) == 1


@pytest.mark.parametrize("raw", [b"<html>hello</html>", b"[1]", b'{"data": {"password": "s3cr', b"null"])
def test_an_answer_that_is_no_object_is_no_secret(make, server, raw):
    server.on("GET", "secret/data/x", server.say(200, raw=raw))
    outcome = make().send(READ, TOKEN)
    assert isinstance(outcome, Fault)
    assert "no JSON object" in outcome.error.reason
    assert "s3cr" not in f"{outcome.error} {outcome!r}"


def test_an_error_page_of_a_proxy_is_an_error_of_its_status(make, server):
    server.on("GET", "secret/data/x", server.say(502, raw=b"<html>Bad Gateway"))
    outcome = make().send(READ, TOKEN)
    assert isinstance(outcome, Fault)
    assert outcome.error.status == 502


@pytest.mark.parametrize("raw", [b"<html>default backend - 404", b"404 page not found", b""])
def test_nothing_there_by_the_word_of_a_proxy_is_no_missing_secret(make, server, raw):
    server.on("GET", "secret/data/x", server.say(404, raw=raw))
    outcome = make().send(READ, TOKEN)
    assert isinstance(outcome, Fault)
    assert type(outcome.error) is StoreUnavailableError
    assert len(server.seen) == 1


def test_no_content_is_an_empty_answer(make, server):
    server.on("PUT", "sys/leases/revoke", server.say(204))
    reply = make().send(Request(method="PUT", path="sys/leases/revoke", body={}), TOKEN)
    assert isinstance(reply, Reply)
    assert reply.body == {}


def test_an_endless_answer_is_cut(make, server, monkeypatch):
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 1000)
    server.on("GET", "secret/data/x", server.say(200, raw=b'"' + b"x" * 2000))
    outcome = make().send(READ, TOKEN)
    assert isinstance(outcome, Fault)
    assert "too long" in outcome.error.reason


def test_an_answer_that_dribbles_is_given_up(make, server, clock):
    def slow(_seen):
        clock.advance(31)
        return server.say(200, {"data": {}})

    server.on("GET", "secret/data/x", slow)
    outcome = make(retry=RetryPolicy()).send(READ, TOKEN)
    assert isinstance(outcome, Fault)
    assert "no complete answer within 30 s" in outcome.error.reason


def test_a_standby_sends_to_the_active_server(make, server):
    def answer(seen):
        if seen.host == "vault.example.com:8200":
            return server.say(307, Location="https://active.example.com:8200/v1/secret/data/x")
        return server.say(200, {"data": {}})

    server.on("GET", "secret/data/x", answer)
    assert isinstance(make().send(READ, TOKEN), Reply)
    assert [seen.host for seen in server.seen] == ["vault.example.com:8200", "active.example.com:8200"]
    assert server.seen[1].token == "token-1"


@pytest.mark.parametrize("location", ["http://active.example.com/v1/secret/data/x", "", "/v1/other", "ftp://x/y"])
def test_no_redirect_leads_out_of_tls_or_nowhere(make, server, location):
    server.on("GET", "secret/data/x", server.say(307, Location=location))
    assert isinstance(make().send(READ, TOKEN), Fault)
    assert len(server.seen) == 1


def test_redirects_do_not_go_round(make, server):
    server.on("GET", "secret/data/x", server.say(307, Location="https://b.example.com/v1/secret/data/x"))
    assert isinstance(make().send(READ, TOKEN), Fault)
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, (None, None)),
        ({"readYourWrites": True}, ("state-1", None)),
        ({"forwardInconsistent": True}, ("state-1", None)),
        ({"readYourWrites": True, "forwardInconsistent": True}, ("state-1", "forward-active-node")),
    ],
)
def test_own_writes_are_read(make, server, spec, expected):
    server.on("POST", "pki/issue/r", server.say(200, {}, X_Vault_Index="state-1"))
    made = make(spec)
    made.send(ISSUE, TOKEN)
    made.send(READ, TOKEN)
    headers = server.seen[1].headers
    assert (headers.get("X-Vault-Index"), headers.get("X-Vault-Inconsistent")) == expected


def test_faults_name_the_store(make, server):
    outcome = make().send(READ, TOKEN)
    assert isinstance(outcome, Fault)
    assert outcome.error.store == "SecretStore team/vault-secret-store"
    assert outcome.error.path == "secret/data/x"


def test_tokens_bodies_and_answers_do_not_show(make, server):
    server.on("GET", "secret/data/x", server.say(200, {"data": {"password": "s3cret"}}))
    reply = make().send(READ, TOKEN)
    assert "s3cret" not in repr(reply)
    assert "common_name" not in repr(ISSUE)
    assert "token-1" not in repr(TOKEN)


@pytest.mark.parametrize("token", ["line\nbreak", "\u20ac"])
def test_a_token_that_no_header_can_hold_does_not_show(make, server, token):
    server.on("GET", "secret/data/x", ValueError(f"Invalid header value {token!r}"))
    outcome = make().send(READ, Sensitive(token))
    assert isinstance(outcome, Fault)
    assert "line break" in outcome.error.reason
    assert token not in f"{outcome.error}"
    assert repr(token) not in f"{outcome.error!r}"
    assert len(server.seen) == 1


def test_after_reconnecting_authorities_are_read_anew(make, server, cluster, monkeypatch):
    server.on("GET", "secret/data/x", server.say(200, {}))
    opened = []
    inner = transport._session
    monkeypatch.setattr(transport, "_session", lambda *given: opened.append(1) or inner(*given))
    made = make()
    made.send(READ, TOKEN)
    made.send(READ, TOKEN)
    made.reconnect()
    made.send(READ, TOKEN)
    assert len(opened) == 2


def test_closing_before_anything_was_sent(make):
    made = make()
    made.close()
    made.close()
