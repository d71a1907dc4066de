from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import ConfigurationError, TemplateSyntaxError
from virtrigaud_secrets.models.backends.webhook import WebhookProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Fetch, StoreKey
from virtrigaud_secrets.stores.webhook import request

PLANTED = "planted-value-7f3a"
STORE = StoreKey("SecretStore", "team", "s")
FETCH = Fetch(store=STORE, key="a/b c&d~é", version="v 1", property="p+q")
SECRETS = {"auth": {"user": Sensitive("alice"), "password": Sensitive(PLANTED)}}


def spec(**fields: object) -> WebhookProvider:
    return WebhookProvider.model_validate({"url": "https://x/"} | fields)


def build(context, **fields: object) -> request.Request:
    return request.build(spec(**fields), FETCH, SECRETS, context)


def test_the_reference_is_escaped_in_the_url_only(make_context):
    text = "{{ .remoteRef.key }}|{{ .remoteRef.version }}|{{ .remoteRef.property }}|{{ .remoteRef.namespace }}"
    made = build(make_context(), url=f"https://x/?{text}", body=text, headers={"X-It": text})
    assert made.url.reveal_text() == "https://x/?a%2Fb+c%26d~%C3%A9|v+1|p%2Bq|team"
    assert made.body.reveal_text() == made.headers["X-It"].reveal_text() == "a/b c&d~é|v 1|p+q|team"


def test_secrets_are_under_their_names(make_context):
    header = '{{ print .auth.user ":" .auth.password | b64enc }}'
    made = build(make_context(), url="https://x/?k={{ .auth.user }}", headers={"Authorization": f"Basic {header}"})
    assert made.url.reveal_text() == "https://x/?k=alice"
    assert made.headers["Authorization"].reveal_text().startswith("Basic YWxpY2U6")
    assert PLANTED not in repr(made)
    assert "alice" not in repr(made)


def test_what_is_missing_has_no_value(make_context):
    made = build(make_context(), body="{{ .remoteRef.absent }}")
    assert made.body.reveal_text() == "<no value>"


def test_a_secret_may_be_called_like_the_reference(make_context):
    secrets = {"remoteRef": {"token": Sensitive("t")}}
    made = request.build(spec(body="{{ .remoteRef.token }} {{ .remoteRef.version }}"), FETCH, secrets, make_context())
    assert made.body.reveal_text() == "t v 1"


@pytest.mark.parametrize(("name", "value"), [("X-A", "a\nX-B: b"), ("X-A", "a\x00"), ("X A", "a"), ("X-A:", "a")])
def test_a_header_that_would_become_another_is_refused_unseen(make_context, name, value):
    secrets = {"auth": {"v": Sensitive(PLANTED + value)}}
    with pytest.raises(ConfigurationError, match="characters that no header may have") as caught:
        request.build(spec(headers={name: "{{ .auth.v }}"}), FETCH, secrets, make_context())
    assert PLANTED not in str(caught.value)


def test_the_method(make_context):
    assert [build(make_context(), method=method).method for method in ("", "GET", "POST")] == ["GET", "GET", "POST"]
    assert [request.is_harmless(spec(method=method)) for method in ("", "HEAD", "POST")] == [True, True, False]
    with pytest.raises(ConfigurationError, match="no HTTP method"):
        build(make_context(), method="GET /other")


def test_texts_show_neither_query_nor_credentials():
    shown = request.shown_path(spec(url="https://user:pass@x/{{ .remoteRef.key }}?token={{ .auth.t }}"), FETCH.key)
    assert shown == "https://x/{{ .remoteRef.key }} (a/b c&d~é)"


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        ({}, set()),
        ({"url": "https://x/{{ .remoteRef.key }}"}, {"key"}),
        (
            {"url": "https://x/{{ .remoteRef.key }}", "result": {"jsonPath": "$.{{ .remoteRef.property }}"}},
            {"key", "property"},
        ),
        (
            {"headers": {"X": "{{ .remoteRef.version }}"}, "body": "{{ .remoteRef.namespace }}"},
            {"version", "namespace"},
        ),
        ({"url": "{{ or .remoteRef.remoteKey .remoteRef.key }}", "body": "{{ .remoteRef.secretKey }}"}, {"key"}),
        ({"body": "{{ .remoteRef | toJson }}"}, {"key", "version", "property", "namespace"}),
        ({"body": '{{ index . "remoteRef" "property" }}'}, {"key", "version", "property", "namespace"}),
        ({"body": "{{ . | toJson }}"}, {"key", "version", "property", "namespace"}),
    ],
)
def test_which_fields_templates_read(fields, read):
    assert request.fields_read(spec(**fields)) == read


def test_a_template_that_is_none_is_told_while_planning():
    with pytest.raises(TemplateSyntaxError):
        request.fields_read(spec(body="{{ ."))


def test_the_json_path_is_a_template(make_context):
    provider = spec(result={"jsonPath": "$['{{ .remoteRef.key }}']"})
    assert request.json_path(provider, FETCH, SECRETS, make_context()).reveal_text() == "$['a/b c&d~é']"
