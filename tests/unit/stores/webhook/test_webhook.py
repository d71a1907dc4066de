from __future__ import annotations

import importlib.util

import pytest

from virtrigaud_secrets.errors import ConfigurationError, MissingDependencyError
from virtrigaud_secrets.models.backends.fake import FakeProvider
from virtrigaud_secrets.models.backends.webhook import WebhookProvider
from virtrigaud_secrets.stores.base import Fetch, StoreKey
from virtrigaud_secrets.stores.webhook import FACTORY

STORE = StoreKey("SecretStore", "team", "s")
FETCH = Fetch(store=STORE, key="db", version="2", property="password", metadata=True, parameters=(("a", "1"),))


def spec(**fields: object) -> WebhookProvider:
    return WebhookProvider.model_validate({"url": "https://x/{{ .remoteRef.key }}?t={{ .auth.t }}"} | fields)


def test_a_preview_keeps_what_the_templates_read(make_context):
    preview = FACTORY.preview(spec(), FETCH, make_context())
    assert preview.fetch == Fetch(store=STORE, key="db")
    assert (preview.method, preview.path, preview.side_effect) == ("GET", "https://x/{{ .remoteRef.key }} (db)", False)
    reading = spec(result={"jsonPath": "$.{{ .remoteRef.property }}"}, headers={"V": "{{ .remoteRef.version }}"})
    assert FACTORY.preview(reading, FETCH, make_context()).fetch == Fetch(
        store=STORE, key="db", version="2", property="password"
    )


def test_what_is_more_than_reading_may_make_something(make_context):
    preview = FACTORY.preview(spec(method="POST"), FETCH, make_context())
    assert (preview.method, preview.side_effect) == ("POST", True)


def test_ntlm_needs_its_library(make_context, monkeypatch):
    selector = {"name": "s", "key": "k"}
    provider = spec(auth={"ntlm": {"usernameSecret": selector, "passwordSecret": selector}})
    FACTORY.connect(provider, make_context()).close()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "spnego" else object())
    with pytest.raises(MissingDependencyError, match=r"auth\.ntlm .*virtrigaud-secrets\[webhook\]"):
        FACTORY.connect(provider, make_context())
    FACTORY.connect(spec(), make_context()).close()


def test_another_backends_spec_is_refused(make_context):
    with pytest.raises(ConfigurationError, match="another backend's spec"):
        FACTORY.connect(FakeProvider(data=()), make_context())


def test_it_needs_its_extra(make_context, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jsonpath" else object())
    with pytest.raises(MissingDependencyError, match=r"virtrigaud-secrets\[webhook\]"):
        FACTORY.connect(spec(), make_context())


def test_its_model_and_that_it_wants_properties():
    assert FACTORY.spec_model is WebhookProvider
    assert FACTORY.sends_property
