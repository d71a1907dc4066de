"""Which keys a template may read."""

import pytest

from virtrigaud_secrets.errors import TemplateSyntaxError
from virtrigaud_secrets.template.roots import root_fields


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("plain", set()),
        ("{{ .username }}", {"username"}),
        ("{{ .ca_cert | b64dec }}", {"ca_cert"}),
        ("{{ printf `%s:%s` .user (.password | quote) }}", {"user", "password"}),
        ("{{ if .a }}{{ .b }}{{ else if .c }}{{ .d }}{{ else }}{{ .e }}{{ end }}", set("abcde")),
        ('{{ index . "tls.key" }}{{ index $ "b" }}', {"tls.key", "b"}),
        ("{{ $x := .a }}{{ $x }}{{ $.b }}", {"a", "b"}),
        ("{{ with .a }}{{ . }}{{ .inner }}{{ $.b }}{{ else }}{{ .c }}{{ end }}", set("abc")),
        ("{{ range splitList `,` .a }}{{ . }}{{ .x }}{{ else }}{{ .c }}{{ end }}", {"a", "c"}),
        ("{{ (fromJson .doc).user }}", {"doc"}),
        ('{{ define "t" }}{{ . }}{{ .x }}{{ end }}{{ template "t" .a }}', {"a"}),
        ('{{ block "t" .a }}{{ . }}{{ end }}', {"a"}),
    ],
)
def test_keys_named(text, keys):
    assert root_fields(text) == keys


@pytest.mark.parametrize(
    "text",
    [
        "{{ . }}",
        "{{ toJson . }}",
        "{{ range $k, $v := . }}{{ $k }}{{ end }}",
        "{{ with .a }}{{ $ }}{{ end }}",
        '{{ define "t" }}x{{ end }}{{ template "t" . }}',
        "{{ index . .key }}",
        "{{ len . }}",
    ],
)
def test_the_map_itself(text):
    assert root_fields(text) is None


def test_no_template():
    with pytest.raises(TemplateSyntaxError):
        root_fields("{{ .a ")
