from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.backends.webhook import WebhookProvider

SELECTOR = {"name": "s", "key": "k"}


def test_defaults() -> None:
    provider = WebhookProvider.model_validate({"url": "https://x"})
    assert (provider.method, provider.body, provider.result.json_path, provider.secrets) == ("", "", "", ())
    assert provider.auth is provider.timeout is provider.ca_bundle is provider.ca_provider is None


def test_every_field() -> None:
    provider = WebhookProvider.model_validate(
        {
            "url": "https://x/{{ .remoteRef.key }}",
            "method": "POST",
            "headers": {"X-Key": "planted"},
            "body": "planted",
            "timeout": "5s",
            "result": {"jsonPath": "$.a"},
            "secrets": [{"name": "auth", "secretRef": {"name": "s"}}],
            "auth": {"ntlm": {"usernameSecret": SELECTOR, "passwordSecret": SELECTOR}},
            "caProvider": {"type": "Secret", "name": "ca", "key": "k"},
        }
    )
    assert provider.result.json_path == "$.a"
    assert provider.secrets[0].secret_ref.name == "s"
    assert "planted" not in repr(provider)


@pytest.mark.parametrize("written", [{}, {"url": "x", "auth": {}}, {"url": "x", "timeout": 5}, {"url": "x", "more": 1}])
def test_what_the_schema_refuses(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WebhookProvider.model_validate(written)
