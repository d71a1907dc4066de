from __future__ import annotations

import json
from datetime import timedelta

import pytest

from virtrigaud_secrets.errors import AuthenticationError, ConfigurationError, ThrottledError, UnsupportedFeatureError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.gcp import exchange
from virtrigaud_secrets.stores.gcp.errors import Fault
from virtrigaud_secrets.stores.gcp.identity import AccessToken
from virtrigaud_secrets.stores.gcp.wire import Reply, Wire

EMAIL = "me@p.iam.gserviceaccount.com"
POOL = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k"
SOURCE = {"file": "/nowhere"}


def text(**parts: object) -> Sensitive:
    return Sensitive(json.dumps({"type": "external_account", "audience": POOL, "credential_source": SOURCE, **parts}))


class Tokens:
    """Tokens of a cluster that Google trusts."""

    def __init__(self, google):
        self.google = google

    def get_subject_token(self, context, request):
        return self.google.identity.kubernetes_token("a", "n", POOL).reveal_text()


@pytest.fixture
def line(world):
    return Wire(world.context())


def test_a_key_becomes_a_token_with_an_end(world, line):
    key = world.google.identity.service_account_key(EMAIL)
    token = exchange.exchanged(exchange.service_account(key, "x"), line)
    assert isinstance(token, AccessToken)
    assert timedelta(minutes=59) < token.ends_at - world.clock.now() < timedelta(minutes=61)
    assert world.google.identity.caller(f"Bearer {token.value.reveal_text()}") == EMAIL


def test_a_foreign_token_becomes_googles_and_then_an_accounts(world, line):
    world.google.identity.bind(f"{POOL}[n/a]", EMAIL)
    for email, expected in (("", f"{POOL}[n/a]"), (EMAIL, EMAIL)):
        token = exchange.exchanged(exchange.federated(POOL, Tokens(world.google), email=email), line)
        assert isinstance(token, AccessToken)
        assert world.google.identity.caller(f"Bearer {token.value.reveal_text()}") == expected


@pytest.mark.parametrize("email", ["a/b@c", "a@b/c:x", "x"])
def test_an_address_that_would_lead_elsewhere_is_refused(world, email):
    with pytest.raises(ConfigurationError, match="no address of a Google service account"):
        exchange.federated(POOL, Tokens(world.google), email=email)


def test_every_kind_of_file(world):
    key = world.google.identity.service_account_key(EMAIL)
    user = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
    for good in (key, Sensitive(json.dumps(user)), text()):
        assert callable(exchange.by_type(good, "x").refresh)
    for bad in ("", "{}", '{"type": "authorized_user"}', '{"type": 1}'):
        with pytest.raises(ConfigurationError, match="x holds no Google credentials"):
            exchange.by_type(Sensitive(bad), "x")
    with pytest.raises(UnsupportedFeatureError):
        exchange.by_type(Sensitive('{"type": "impersonated_service_account"}'), "x")


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ({"type": "service_account"}, ConfigurationError),
        ({"credential_source": {}}, ConfigurationError),
        ({"credential_source": {"executable": {"command": "id"}}}, UnsupportedFeatureError),
        ({"credential_source": {"environment_id": "aws1", "url": "http://169.254.169.254"}}, UnsupportedFeatureError),
        ({"credential_source": {"certificate": {}}}, UnsupportedFeatureError),
        ({"token_url": "https://evil.example.com/v1/token"}, ConfigurationError),
        ({"service_account_impersonation_url": "https://evil.example.com/x:generateAccessToken"}, ConfigurationError),
        ({"service_account_impersonation_url": 1}, ConfigurationError),
        ({"universe_domain": "example.com"}, UnsupportedFeatureError),
        ({"audience": None}, ConfigurationError),
    ],
)
def test_a_configuration_that_would_run_or_tell_something_is_refused(parts, kind):
    with pytest.raises(kind):
        exchange.external_account(text(**parts), "x")


def test_only_the_stores_url_gives_tokens():
    config = text(credential_source={"url": "https://idp/token"})
    assert exchange.external_account(config, "x", url="https://idp/token")
    assert exchange.external_account(config, "x")
    with pytest.raises(ConfigurationError, match="externalTokenEndpoint"):
        exchange.external_account(config, "x", url="")


def test_an_answer_without_a_token_is_a_refusal(world, line, monkeypatch):
    key = world.google.identity.service_account_key(EMAIL)
    for reply in (Reply(200, {}, b"{}"), Reply(200, {}, b"<"), Reply(400, {}, b"[]"), Reply(404, {}, b"")):
        monkeypatch.setattr(line, "send", lambda *_, reply=reply, **__: reply)
        fault = exchange.exchanged(exchange.service_account(key, "x"), line)
        assert isinstance(fault, Fault)
        assert isinstance(fault.error, AuthenticationError)


def test_trouble_ends_googles_own_repetition(world, line, monkeypatch):
    sent = []
    key = world.google.identity.service_account_key(EMAIL)

    def send(*_, **__):
        sent.append(1)
        return Reply(429, {"Retry-After": "4"}, b"{}")

    monkeypatch.setattr(line, "send", send)
    fault = exchange.exchanged(exchange.service_account(key, "x"), line)
    assert isinstance(fault, Fault)
    assert isinstance(fault.error, ThrottledError)
    assert fault.error.retry_after == 4.0
    assert len(sent) == 1


def test_what_a_supplier_misses_is_told_as_it_is(line):
    class Nobody:
        def get_subject_token(self, context, request):
            raise ConfigurationError("no account here")

    with pytest.raises(ConfigurationError, match="no account here"):
        exchange.exchanged(exchange.federated(POOL, Nobody()), line)
