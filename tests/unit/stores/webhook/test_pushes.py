from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import ConfigurationError, DecodingError, TemplateError, UnsupportedFeatureError
from virtrigaud_secrets.models.backends.webhook import WebhookProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Push, PushTarget, StoreKey
from virtrigaud_secrets.stores.webhook import pushes

STORE = StoreKey("SecretStore", "team", "s")
SECRETS = {"auth": {"token": Sensitive("t&t")}}
VALUE = "hunter2&never=show"


def spec(**fields):
    return WebhookProvider.model_validate({"url": "https://x/{{ .remoteRef.remoteKey }}", **fields})


def target(key="vm/db", name=""):
    return PushTarget(store=STORE, key=key, property=name)


def push(**fields):
    entries = {"password": Sensitive(VALUE), "user": Sensitive("u")}
    return Push(**{"target": target(), "entries": entries, "secret_key": "password"} | fields)


def test_the_value_is_sent_where_the_manifest_names_no_body(make_context):
    asked = pushes.pushing(spec(), push(), SECRETS, make_context())
    assert (asked.method, asked.body) == ("POST", Sensitive(VALUE))
    assert asked.url == Sensitive("https://x/vm%2Fdb")
    assert (asked.repeatable, asked.capability) == (False, "update")
    assert asked.shown == "https://x/{{ .remoteRef.remoteKey }} (vm/db)"
    whole = pushes.pushing(spec(), push(secret_key=""), SECRETS, make_context())
    assert whole.body == Sensitive(f'{{"password":"{VALUE}","user":"u"}}')


def test_templates_see_key_value_and_secrets(make_context):
    made = spec(
        method="PUT",
        url='https://x/{{ .remoteRef.secretKey }}?v={{ index .remoteRef "vm/db" }}&t={{ .auth.token }}',
        headers={"X-Key": "{{ .remoteRef.remoteKey }}", "X-Token": "{{ .auth.token }}"},
        body='{"{{ .remoteRef.property }}": "{{ index .remoteRef "vm/db" }}", "v": "{{ .remoteRef.version }}"}',
    )
    asked = pushes.pushing(made, push(target=target(name="p")), SECRETS, make_context())
    assert asked.method == "PUT"
    assert asked.url == Sensitive("https://x/password?v=hunter2%26never%3Dshow&t=t&t")
    assert asked.headers == {"X-Key": Sensitive("vm/db"), "X-Token": Sensitive("t&t")}
    assert asked.body == Sensitive(f'{{"p": "{VALUE}", "v": "<no value>"}}')
    assert VALUE not in repr(asked)


def test_a_value_may_be_any_bytes(make_context):
    entries = {"password": Sensitive(b"\xff\x00")}
    asked = pushes.pushing(spec(), push(entries=entries), SECRETS, make_context())
    assert asked.body == Sensitive(b"\xff\x00")
    with pytest.raises(DecodingError):
        pushes.pushing(spec(), push(entries=entries, secret_key=""), SECRETS, make_context())


def test_what_cannot_be_sent(make_context):
    with pytest.raises(TemplateError):
        pushes.pushing(spec(body="{{"), push(), SECRETS, make_context())
    bad = spec(headers={"X-Key": '{{ index .remoteRef "vm/db" }}\n'})
    with pytest.raises(ConfigurationError) as caught:
        pushes.pushing(bad, push(), SECRETS, make_context())
    assert VALUE not in str(caught.value)


def test_a_deletion_has_no_body_and_sees_the_secrets(make_context):
    made = spec(method="PUT", body="never {{ fail `sent` }}", headers={"X-Token": "{{ .auth.token }}"})
    asked = pushes.deleting(made, target(), SECRETS, make_context())
    assert (asked.method, asked.body, asked.capability) == ("DELETE", Sensitive(""), "delete")
    assert (asked.url, asked.headers) == (Sensitive("https://x/vm%2Fdb"), {"X-Token": Sensitive("t&t")})
    assert not asked.repeatable


def test_a_look_is_the_request_of_a_read(make_context):
    made = spec(
        url="https://x/{{ or .remoteRef.key .remoteRef.none }}{{ .remoteRef.property }}", body="{{ .auth.token }}"
    )
    asked = pushes.looking(made, target(), SECRETS, make_context())
    assert (asked.method, asked.url, asked.body) == ("GET", Sensitive("https://x/vm%2Fdb"), Sensitive("t&t"))
    assert asked.repeatable
    assert asked.capability == "read"


def test_a_look_that_may_act_is_refused(make_context):
    with pytest.raises(UnsupportedFeatureError, match="POST"):
        pushes.looking(spec(method="POST"), target(), SECRETS, make_context())
