"""Answers of a server, asked as a webhook store asks."""

from types import SimpleNamespace

import pytest

from virtrigaud_secrets.errors import SecretNotFoundError
from virtrigaud_secrets.generators.webhook import FACTORY, _provider
from virtrigaud_secrets.models.generators.webhook import WebhookSpec
from virtrigaud_secrets.stores.base import Fetch, StoreKey
from virtrigaud_secrets.testing.contract import store_context

KEY = StoreKey("Webhook", "team", "g")
FETCH = Fetch(store=KEY, key="ExternalSecret team/es spec.dataFrom[0]")


def spec(**written):
    return WebhookSpec.model_validate({"url": "https://user:pw@x.example/a?token={{ .t.v }}", "result": {}, **written})


def test_a_preview_shows_no_credentials_and_no_query():
    preview = FACTORY.preview(spec(method="POST"), FETCH, store_context(store=KEY))
    assert (preview.method, preview.path, preview.side_effect) == ("POST", "https://x.example/a", True)


def test_the_request_is_that_of_a_store():
    written = {
        "method": "PUT",
        "headers": {"X": "{{ .t.v }}"},
        "body": "b",
        "timeout": "3s",
        "auth": {"ntlm": {"usernameSecret": {"name": "s", "key": "u"}, "passwordSecret": {"name": "s", "key": "p"}}},
        "result": {"jsonPath": "$.data"},
        "secrets": [{"name": "t", "secretRef": {"name": "s", "key": "v"}}],
    }
    provider = _provider(spec(**written))
    assert (provider.method, provider.headers, provider.body) == ("PUT", {"X": "{{ .t.v }}"}, "b")
    assert (provider.result.json_path, str(provider.timeout)) == ("$.data", "3s")
    assert provider.auth.ntlm.password_secret.key == "p"
    assert (provider.secrets[0].name, provider.secrets[0].secret_ref.name) == ("t", "s")


def test_templates_see_no_reference_and_nothing_is_repeated(make):
    generator = make("Webhook", {"url": "https://x.example", "result": {}})
    asked = []

    def get(fetch):
        asked.append(fetch)
        return SimpleNamespace(payload=SimpleNamespace(entries=lambda: {"a": b"1"}), path="p", request_id="")

    assert generator._client._context.retry.retries == 0
    generator._client = SimpleNamespace(get=get, close=lambda: None)
    assert generator.get(FETCH).payload.entries() == {"a": b"1"}
    assert asked[0].key == ""


def test_404_is_an_error_and_not_missing(make):
    generator = make("Webhook", {"url": "https://x.example", "result": {}})

    def get(_):
        raise SecretNotFoundError("the server has no such secret", status=404)

    generator._client = SimpleNamespace(get=get, close=lambda: None)
    with pytest.raises(SecretNotFoundError) as caught:
        generator.get(FETCH)
    assert not caught.value.missing
