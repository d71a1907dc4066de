"""Answers of Vault's paths: which request is sent, what of an answer is meant, and what becomes of its lease."""

from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ConfigurationError,
    InvalidRequestError,
    MountNotFoundError,
    SecretNotFoundError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.generators.vault_dynamic_secret import FACTORY
from virtrigaud_secrets.golang.encoding_json import unmarshal
from virtrigaud_secrets.models.generators.vault_dynamic_secret import VaultDynamicSecretSpec
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Fetch, Query, StoreKey
from virtrigaud_secrets.stores.vault.errors import Fault
from virtrigaud_secrets.stores.vault.login import Token
from virtrigaud_secrets.stores.vault.transport import Reply
from virtrigaud_secrets.testing.contract import store_context

KEY = StoreKey("VaultDynamicSecret", "team", "g")
FETCH = Fetch(store=KEY, key="ExternalSecret team/es spec.dataFrom[0]")
SENT_AT = datetime(2026, 1, 1, tzinfo=UTC)
LEASED = """{"request_id":"id-1","lease_id":"db/creds/r/canary","lease_duration":900,"renewable":true,
 "data":{"username":"u","password":"canary","port":5432.0,"none":null,"o":{"b":1.50,"a":"<"}},"warnings":null}"""


@pytest.fixture
def ask(make):
    """What comes of an answer, and the requests that were sent."""

    def run(outcome, uses=0, **spec):
        generator = make("VaultDynamicSecret", {"path": "db/creds/r", "provider": {"server": "https://v"}, **spec})
        sent = []
        token = Token(Sensitive("t"), generation=1, own=True, uses=uses)

        def send(request):
            sent.append(request)
            body = unmarshal(outcome, use_number=True) if isinstance(outcome, str) else outcome
            return (body if isinstance(body, Fault) else Reply(body, SENT_AT, 0.0)), token

        generator._tokens.send = send
        generator._tokens.current = lambda: token
        try:
            return generator.get(FETCH), sent
        finally:
            generator._tokens.close()
            generator.close(revoke=False)

    return run


@pytest.mark.parametrize(
    ("spec", "method", "query", "body"),
    [
        ({}, "GET", (), None),
        ({"method": ""}, "GET", (), None),
        (
            {"method": "GET", "getParameters": {"b": ["2"], "a": ["1", "3"]}},
            "GET",
            (("a", "1"), ("a", "3"), ("b", "2")),
            None,
        ),
        ({"method": "LIST", "getParameters": {"a": ["1"]}}, "LIST", (), None),
        ({"method": "DELETE"}, "DELETE", (), None),
        ({"method": "POST", "parameters": {"ttl": "1h", "n": 1}}, "PUT", (), {"ttl": "1h", "n": 1}),
        ({"method": "PUT"}, "PUT", (), {}),
        ({"method": "get"}, "PUT", (), {}),  # whatever is none of the three words writes
        ({"parameters": {"ignored": 1}}, "GET", (), None),
    ],
)
def test_the_request(ask, spec, method, query, body):
    _, (request,) = ask(LEASED, **spec)
    assert (request.method, request.path, request.query, request.body) == (method, "db/creds/r", query, body)
    assert not request.repeatable
    assert request.fresh


def test_data_is_stringified_and_its_lease_travels(ask):
    answer, _ = ask(LEASED)
    assert answer.payload.entries() == {
        "username": b"u",
        "password": b"canary",
        "port": b"5432.0",  # numbers of the data keep their form
        "none": b"",
        "o": b'{"a":"\\u003c","b":1.50}',
    }
    assert (answer.lease.lease_id, answer.lease.duration, answer.lease.renewable) == ("db/creds/r/canary", 900, True)
    assert (answer.path, answer.request_id) == ("db/creds/r", "id-1")
    assert "canary" not in repr(answer)


def test_raw_is_the_envelope(ask):
    answer, _ = ask(LEASED, resultType="Raw")
    assert answer.payload.entries() == {
        "request_id": b"id-1",
        "lease_id": b"db/creds/r/canary",
        "lease_duration": b"900",
        "renewable": b"true",
        "data": b'{"none":null,"o":{"a":"\\u003c","b":1.5},"password":"canary","port":5432,"username":"u"}',
        "warnings": b"",
    }
    assert answer.lease is not None


def test_auth_has_all_of_gos_fields(ask):
    text = """{"request_id":"id","data":null,"mount_type":"token","auth":{"client_token":"canary","policies":["a"],
     "lease_duration":3600,"num_uses":5}}"""
    answer, _ = ask(text, resultType="Auth", method="POST", path="auth/token/create")
    assert answer.payload.entries() == {
        "client_token": b"canary",
        "accessor": b"",
        "policies": b'["a"]',
        "token_policies": b"",
        "identity_policies": b"",
        "metadata": b"",
        "orphan": b"false",
        "entity_id": b"",
        "lease_duration": b"3600",
        "renewable": b"false",
        "mfa_requirement": b"",
    }
    raw, _ = ask(text, resultType="Raw", method="POST", path="auth/token/create")
    assert raw.payload.property("mount_type") == b"token"
    assert raw.payload.property("auth").startswith(b'{"accessor":""')


def test_an_answer_without_what_is_meant_makes_nothing(ask):
    assert ask('{"request_id":"i","data":null}')[0].payload.entries() == {}
    assert ask(LEASED, resultType="Auth")[0].payload.entries() == {}


@pytest.mark.parametrize("method", ["GET", "LIST", "DELETE", "POST"])
def test_an_empty_answer_is_an_error_unless_it_is_allowed(ask, method):
    with pytest.raises(SecretNotFoundError, match="empty response from Vault") as caught:
        ask("{}", method=method)
    assert not caught.value.missing
    assert ask("{}", method=method, allowEmptyResponse=True)[0].payload.entries() == {}


@pytest.mark.parametrize("kind", [SecretNotFoundError, MountNotFoundError])
def test_what_is_not_there_is_empty_to_a_read(ask, kind):
    for method in ("GET", "LIST"):
        with pytest.raises(kind) as caught:
            ask(Fault(kind("gone", path="db/creds/r")), method=method)
        assert not caught.value.missing
        allowed, _ = ask(Fault(kind("gone")), method=method, allowEmptyResponse=True)
        assert allowed.payload.entries() == {}
    for method in ("POST", "DELETE"):
        with pytest.raises(kind):
            ask(Fault(kind("gone")), method=method, allowEmptyResponse=True)


def test_a_login_of_limited_uses_is_refused_before_anything_is_made(ask):
    with pytest.raises(InvalidRequestError, match=r"limited number of uses.*VaultDynamicSecret team/g"):
        ask(LEASED, uses=3)


def test_a_refusal_names_the_generator(ask):
    with pytest.raises(AccessDeniedError, match="VaultDynamicSecret team/g"):
        ask(Fault(AccessDeniedError("no policy", path="db/creds/r")), allowEmptyResponse=True)


@pytest.mark.parametrize(
    ("path", "engine"), [("pki/issue/r", "pki"), ("my/ca/sign/r", "pki"), ("db/creds/r", ""), ("a/issue", "")]
)
def test_the_lease_of_a_certificate_is_not_revoked_with_the_login(make, path, engine):
    made = make("VaultDynamicSecret", {"path": path, "provider": {"server": "https://v"}})
    assert made._route.endpoint.engine == engine


@pytest.mark.parametrize(
    ("spec", "reason"),
    [({"path": "/"}, "path is empty"), ({"method": "POST", "parameters": ["canary"]}, "parameters must be an object")],
)
def test_what_cannot_be_asked(ask, spec, reason):
    with pytest.raises(ConfigurationError, match=reason) as caught:
        ask(LEASED, **spec)
    assert "canary" not in str(caught.value)


def test_a_preview_says_verb_and_path_and_there_is_nothing_to_search(make):
    spec = VaultDynamicSecretSpec.model_validate({"path": "/db/creds/r", "provider": {"server": "https://v"}})
    preview = FACTORY.preview(spec, FETCH, store_context(store=KEY))
    assert (preview.method, preview.path, preview.side_effect) == ("GET", "db/creds/r", True)
    generator = make("VaultDynamicSecret", {"path": "db/creds/r", "provider": {"server": "https://v"}})
    with pytest.raises(UnsupportedFeatureError, match="cannot be searched"):
        generator.find(Query(store=KEY, name="x"))
