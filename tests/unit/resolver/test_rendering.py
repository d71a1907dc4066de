"""`spec.target.template` as ESO runs it."""

from typing import ClassVar

import pytest

from virtrigaud_secrets.bundle import Provenance
from virtrigaud_secrets.errors import (
    ConfigurationError,
    DecodingError,
    NothingFoundError,
    ResolveError,
    TemplateExecutionError,
    TemplateSyntaxError,
)
from virtrigaud_secrets.models.external_secret import ExternalSecretTarget
from virtrigaud_secrets.resolver.plan import Plan
from virtrigaud_secrets.resolver.rendering import render
from virtrigaud_secrets.resolver.values import Value
from virtrigaud_secrets.sensitive import Sensitive


class References:
    """One Secret and one ConfigMap, both called `templates`."""

    items: ClassVar = {
        "user.tpl": "user={{ .username }}",
        "pairs.tpl": "a: '{{ .username }}'\nb: 1\n",
        "syntax.tpl": "canary {{ canary",
        "execution.tpl": "canary: {{ .canary }}",
    }

    def secret_value(self, name, key, *, namespace):
        return Sensitive(self.config_map_value(name, key, namespace=namespace))

    def config_map_value(self, name, key, *, namespace):
        assert namespace == "ns"
        if name != "templates" or key not in self.items:
            raise ConfigurationError(f"there is no {name}/{key}")
        return self.items[key]

    def service_account_token(self, name, *, namespace, audiences=()):
        raise AssertionError("no template needs a token")


VALUES = {
    key: Value(data, (Provenance(store="SecretStore ns/s", path=path, property=key),))
    for key, data, path in [
        ("username", b"svc", "kv/user"),
        ("password", b"canary", "kv/password"),
        ("blob", b"\xff\x00", "kv/blob"),
    ]
}


def rendered(template=None, *, values=VALUES, delimiters=("{{", "}}"), **target):
    written = {"template": template, **target} if template is not None else target
    plan = Plan(
        name="es",
        namespace="ns",
        target=ExternalSecretTarget.model_validate(written),
        requests=(),
        steps=(),
        labels={"team": "x"},
        annotations={"note": "y"},
    )
    return render(plan, values, references=References(), delimiters=delimiters)


def test_without_a_template_the_map_and_the_manifests_metadata():
    bundle = rendered(name="target")
    assert dict(bundle) == {key: value.data for key, value in VALUES.items()}
    assert (bundle.name, bundle.namespace, bundle.type) == ("target", "ns", "Opaque")
    assert (bundle.labels, bundle.annotations) == ({"team": "x"}, {"note": "y"})
    assert bundle.provenance["password"] == VALUES["password"].origins


def test_where_nothing_is_found_the_deletion_policy_decides_before_any_template():
    template = {"data": {"login": "{{ .username }}"}}
    for policy in ("Delete", "Retain"):
        with pytest.raises(NothingFoundError, match="ExternalSecret ns/es: nothing") as caught:
            rendered(template, values={}, deletionPolicy=policy)
        assert caught.value.deletion_policy == policy
    with pytest.raises(TemplateExecutionError):
        rendered(template, values={}, deletionPolicy="Merge")
    assert dict(rendered(values={}, deletionPolicy="Merge")) == {}


def test_replace_keeps_only_what_the_template_makes():
    bundle = rendered({"data": {"login": "{{ .username }}:{{ .password }}"}})
    assert dict(bundle) == {"login": b"svc:canary"}
    assert bundle.labels == {}
    assert [origin.path for origin in bundle.provenance["login"]] == ["kv/password", "kv/user"]


def test_merge_keeps_the_map_beside_it():
    assert sorted(rendered({"mergePolicy": "Merge", "data": {"x": "1"}})) == ["blob", "password", "username", "x"]


def test_a_template_that_makes_no_data_keeps_the_map():
    bundle = rendered({"type": "kubernetes.io/basic-auth", "metadata": {"labels": {"user": "{{ .username }}"}}})
    assert sorted(bundle) == ["blob", "password", "username"]
    assert bundle.type == "kubernetes.io/basic-auth"
    assert bundle.labels == {"user": "svc"}


def test_constants_have_no_provenance_and_the_whole_map_has_all():
    bundle = rendered({"data": {"constant": "x", "all": "{{ len . }}"}})
    assert bundle.provenance["constant"] == ()
    assert len(bundle.provenance["all"]) == 3


def test_bytes_pass_unchanged():
    assert rendered({"data": {"copy": "{{ .blob }}"}})["copy"] == b"\xff\x00"


@pytest.mark.parametrize("kind", ["configMap", "secret"])
def test_template_from_values(kind):
    source = {kind: {"name": "templates", "items": [{"key": "user.tpl"}]}}
    assert dict(rendered({"templateFrom": [source]})) == {"user.tpl": b"user=svc"}


def test_template_from_keys_and_values():
    source = {"configMap": {"name": "templates", "items": [{"key": "pairs.tpl", "templateAs": "KeysAndValues"}]}}
    assert dict(rendered({"templateFrom": [source]})) == {"a": b"svc", "b": b"1"}


def test_literals_targets_order_and_decoding():
    bundle = rendered(
        {
            "templateFrom": [
                {"literal": "x: first\nz: YQ==\n", "valuesDecodingStrategy": "Auto"},
                {"literal": "note: '{{ .username }}'", "target": "annotations"},
                {"literal": "l: v", "target": "LABELS"},
            ],
            "data": {"x": "last"},
        }
    )
    assert bundle["x"] == b"last"
    assert bundle["z"] == b"a"
    assert bundle.annotations == {"note": "svc"}
    assert bundle.labels == {"l": "v"}


@pytest.mark.parametrize("literal", ["- canary", "canary", "a: [canary]", "a: {b: canary}", ": : canary", "a: *canary"])
def test_literals_must_render_to_keys_and_texts(literal):
    with pytest.raises(DecodingError) as caught:
        rendered({"templateFrom": [{"literal": literal}]})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        {"literal": "'{{ .password }}!': x"},
        {"literal": "{{ .password }}{{ repeat 300 .username }}: x"},
        {"literal": "{{ .password }}: '!'", "valuesDecodingStrategy": "Base64"},
        {"literal": "{{ .password }}: /w==", "valuesDecodingStrategy": "Base64", "target": "Labels"},
    ],
)
def test_a_key_made_of_values_is_not_shown(source):
    with pytest.raises(DecodingError, match="that the template makes") as caught:
        rendered({"templateFrom": [source]})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("how", ["Values", "KeysAndValues"])
@pytest.mark.parametrize(
    ("key", "kind"), [("syntax.tpl", TemplateSyntaxError), ("execution.tpl", TemplateExecutionError)]
)
def test_a_template_kept_in_a_secret_is_not_shown(key, kind, how):
    items = [{"key": key, "templateAs": how}]
    with pytest.raises(kind, match="canary"):
        rendered({"templateFrom": [{"configMap": {"name": "templates", "items": items}}]})
    with pytest.raises(kind, match="kept in a Secret") as caught:
        rendered({"templateFrom": [{"secret": {"name": "templates", "items": items}}]})
    assert "canary" not in str(caught.value)
    assert "canary" not in str(vars(caught.value))
    assert caught.value.__context__ is None
    assert caught.value.line == 1


def test_numbers_of_a_literal_become_text_as_in_eso():
    literal = "a: 5432\nb: yes\nc: 0600\nd:\ne: 1.50\nf: 3.14159265358979\ng: 1234567.5\n"
    expected = {
        "a": b"5432",
        "b": b"true",
        "c": b"384",
        "d": b"",
        "e": b"1.5",
        "f": b"3.1415927",
        "g": b"1.2345675e+06",
    }
    assert dict(rendered({"templateFrom": [{"literal": literal}]})) == expected


def test_a_missing_config_map_names_the_field():
    with pytest.raises(ConfigurationError) as caught:
        rendered({"templateFrom": [{"configMap": {"name": "nope", "items": [{"key": "k"}]}}]})
    assert caught.value.fields == ("spec.target.template.templateFrom[0]",)


def test_all_faults_of_a_template_are_reported_without_values():
    with pytest.raises(ResolveError) as caught:
        rendered({"data": {"a": "{{ .nope }}", "b": "{{ .username ", "c": "ok", "d": "{{ fail .password }}"}})
    assert [type(error) for error in caught.value.errors] == [
        TemplateExecutionError,
        TemplateSyntaxError,
        TemplateExecutionError,
    ]
    assert caught.value.errors[0].fields == ("spec.target.template.data[a]",)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("key", ["a/b", "../x", "a b"])
def test_keys_that_no_secret_may_have_are_refused(key):
    with pytest.raises(DecodingError, match="invalid secret key"):
        rendered({"data": {key: "x"}})


def test_metadata_must_be_text():
    with pytest.raises(DecodingError, match="UTF-8"):
        rendered({"metadata": {"labels": {"l": "{{ .blob }}"}}})


def test_delimiters_are_a_setting():
    bundle = rendered({"data": {"a": "<< .username >> {{ .x }}"}}, delimiters=("<<", ">>"))
    assert bundle["a"] == b"svc {{ .x }}"
    assert [origin.property for origin in bundle.provenance["a"]] == ["username"]
