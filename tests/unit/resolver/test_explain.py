"""The way of every key, told from plans and from what came of them."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.bundle import Bundle, Lease, Provenance
from virtrigaud_secrets.errors import (
    DecodingError,
    PropertyNotFoundError,
    ResolveError,
    StoreNotFoundError,
    TemplateExecutionError,
)
from virtrigaud_secrets.settings import Settings

DATA = Path(__file__).parents[2] / "data"
PARAMETERS = {"pki/issue/virtrigaud": {"common_name": "provider.virtrigaud.local"}}

MANIFESTS = """
{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: dev, namespace: ns},
 spec: {provider: {fake: {data: [{key: one, value: '{"user": "canary", "b64": "Y2FuYXJ5"}'},
                                 {key: team/a, value: canary}]}}}}
---
{apiVersion: generators.external-secrets.io/v1alpha1, kind: UUID, metadata: {name: id, namespace: ns}}
---
"""


@pytest.fixture
def resolver(tmp_path):
    """A resolver over one ExternalSecret with this spec."""
    made = []

    def opened(**spec):
        document = {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": "es", "namespace": "ns"},
            "spec": {"secretStoreRef": {"name": "dev"}, **spec},
        }
        (tmp_path / "all.yaml").write_text(MANIFESTS + json.dumps(document))
        made.append(Resolver.from_path(tmp_path / "all.yaml", settings=Settings()))
        return made[-1]

    yield opened
    for one in made:
        one.close()


def entry(key, name, **remote):
    return {"secretKey": name, "remoteRef": {"key": key, **remote}}


def outputs(explanation):
    return {output.key or output.made_by: (output.made_by, output.entries) for output in explanation.outputs}


def test_the_guides_manifests():
    """Rewritten where `VIRTRIGAUD_SECRETS_REWRITE_SNAPSHOTS=1`."""
    with Resolver.from_path(DATA / "guide", settings=Settings(parameters=PARAMETERS)) as resolver:
        told = "\n".join(
            resolver.explain(document.name, namespace=document.namespace).as_text()
            for document in resolver.catalog.external_secrets
        )
    snapshot = DATA / "explain/guide.txt"
    if os.environ.get("VIRTRIGAUD_SECRETS_REWRITE_SNAPSHOTS") == "1":
        snapshot.write_text(told)
    assert told == snapshot.read_text()


def test_without_a_template_each_entry_makes_its_key(resolver):
    told = resolver(data=[entry("one", "a", property="user"), entry("one", "b")]).explain("es")
    assert outputs(told) == {"a": ("spec.data[0]", ("spec.data[0]",)), "b": ("spec.data[1]", ("spec.data[1]",))}
    assert [(asked.method, asked.path) for asked in told.requests] == [("GET", "one")]
    assert [one.steps for one in told.entries] == [("property user",), ("the whole secret",)]
    assert (told.target, told.type, told.resolved) == ("es", "Opaque", False)


def test_a_later_entry_replaces_an_earlier_one(resolver):
    target = {"deletionPolicy": "Merge"}
    told = resolver(data=[entry("one", "a"), entry("one", "a", property="user")], target=target).explain("es")
    assert outputs(told) == {"a": ("spec.data[1]", ("spec.data[1]",))}
    assert told.entries[0].replaced_by == "spec.data[1]"
    assert "spec.data[0]: replaced by spec.data[1]" in told.as_text()


def test_templates_read_the_entries_they_name(resolver):
    template = {
        "type": "kubernetes.io/basic-auth",
        "metadata": {"labels": {"team": "{{ .a }}"}},
        "data": {"x": "{{ .a }}:{{ .b }}", "constant": "c", "all": "{{ . | toJson }}"},
        "templateFrom": [{"literal": "{{ .b }}: 1", "target": "Annotations"}],
    }
    told = resolver(
        data=[entry("one", "a"), entry("one", "b"), entry("one", "unused")], target={"template": template}
    ).explain("es")
    everything = ("spec.data[0]", "spec.data[1]", "spec.data[2]")
    place = "spec.target.template"
    assert outputs(told) == {
        f"{place}.templateFrom[0].literal": (f"{place}.templateFrom[0].literal", ("spec.data[1]",)),
        "x": (f"{place}.data[x]", ("spec.data[0]", "spec.data[1]")),
        "constant": (f"{place}.data[constant]", ()),
        "all": (f"{place}.data[all]", everything),
        "team": (f"{place}.metadata.labels[team]", ("spec.data[0]",)),
    }
    assert told.type == "kubernetes.io/basic-auth"


def test_under_replace_an_entry_that_no_template_names_is_told_to_be_unused(resolver):
    told = resolver(
        data=[entry("one", "a"), entry("one", "b")], target={"template": {"data": {"x": "{{ .a }}"}}}
    ).explain("es")
    assert [one.used for one in told.entries] == [True, False]
    assert "spec.data[1]: nothing of the Secret is made of it" in told.as_text()
    merged = {"template": {"mergePolicy": "Merge", "data": {"x": "{{ .a }}"}}}
    told = resolver(data=[entry("one", "a"), entry("one", "b")], target=merged).explain("es")
    assert sorted(outputs(told)) == ["a", "b", "x"]


def test_templates_that_are_kept_elsewhere_may_read_anything(resolver):
    source = {"configMap": {"name": "t", "items": [{"key": "x"}, {"key": "y", "templateAs": "KeysAndValues"}]}}
    told = resolver(data=[entry("one", "a")], target={"template": {"templateFrom": [source]}}).explain("es")
    place = "spec.target.template.templateFrom[0].configMap"
    assert outputs(told) == {
        "x": (f"{place}.items[0]", ("spec.data[0]",)),
        f"{place}.items[1]": (f"{place}.items[1]", ("spec.data[0]",)),
    }


def test_names_that_are_not_known_yet_may_serve_a_template(resolver):
    told = resolver(
        dataFrom=[
            {"extract": {"key": "one", "decodingStrategy": "Auto", "nullBytePolicy": "Fail", "property": "p"}},
            {
                "find": {"name": {"regexp": "^team/"}, "conversionStrategy": "Unicode"},
                "rewrite": [
                    {"regexp": {"source": "a", "target": "b"}},
                    {"transform": {"template": "{{ .value }}"}},
                    {"merge": {"strategy": "JSON", "into": "all"}},
                    {"merge": {}},
                ],
            },
            {"sourceRef": {"generatorRef": {"kind": "UUID", "name": "id"}}},
        ],
        target={"template": {"data": {"x": "{{ .user }}"}}},
    ).explain("es")
    assert [one.steps for one in told.entries] == [
        (
            "every entry of property p",
            "names converted by Default",
            "decoded by Auto",
            "refused if it holds a null byte",
        ),
        (
            "every secret found, whole",
            "names converted by Unicode",
            "names rewritten by the pattern 'a' to 'b'",
            "names made by the template '{{ .value }}'",
            "all joined as JSON under 'all'",
            "all joined, their members become the keys",
        ),
        ("every value that is made",),
    ]
    assert outputs(told)["x"][1] == ("spec.dataFrom[0]", "spec.dataFrom[1]", "spec.dataFrom[2]")
    assert [(asked.method, asked.path) for asked in told.requests] == [
        ("GET", "one"),
        ("make", "a UUID"),
        ("search", "name ^team/"),
    ]


def test_a_bundle_tells_every_key_and_where_it_came_from(resolver):
    opened = resolver(dataFrom=[{"extract": {"key": "one"}}], data=[entry("team/a", "a")])
    told = opened.explain("es", outcome=opened.resolve("es"))
    assert {output.key: output.origins[0].path for output in told.outputs} == {
        "a": "team/a",
        "b64": "one",
        "user": "one",
    }
    assert {output.key: output.made_by for output in told.outputs}["user"] == "spec.dataFrom[0]"
    assert told.resolved
    assert "read one, property user" in told.as_text()
    assert "canary" not in told.as_text() + str(told.as_json()) + repr(told)


def test_a_key_that_several_entries_may_have_made_names_them_all(resolver):
    opened = resolver(dataFrom=[{"extract": {"key": "one"}}, {"find": {"name": {"regexp": "team"}}}])
    told = opened.explain("es", outcome=opened.resolve("es"))
    assert outputs(told)["team_a"][0] == "spec.dataFrom[0] or spec.dataFrom[1]"


def test_a_failure_tells_which_keys_are_not_there(resolver):
    opened = resolver(
        data=[entry("one", "a", property="nope"), entry("one", "b", property="user"), entry("team/a", "c")],
        target={"template": {"data": {"x": "{{ .a }}", "y": "{{ .b }}", "z": "{{ .c }}"}}},
    )
    faults = ResolveError(
        "two faults",
        errors=[
            PropertyNotFoundError("no property", property_name="nope", path="one").at(
                "ExternalSecret ns/es", "spec.data[0]"
            ),
            TemplateExecutionError("map has no entry", name="z").at(
                "ExternalSecret ns/es", "spec.target.template.data[z]"
            ),
        ],
    )
    told = opened.explain("es", outcome=faults)
    assert [(fault.code, fault.fields, fault.keys) for fault in told.faults] == [
        ("property-not-found", ("spec.data[0]",), ("x",)),
        ("template-execution", ("spec.target.template.data[z]",), ("z",)),
    ]
    assert told.faults[0].message == "no property [path one]"
    assert "so there is no x" in told.as_text()


def test_a_fault_inside_an_entry_is_the_entrys(resolver):
    fault = DecodingError("conflict").at("ExternalSecret ns/es", "spec.dataFrom[0].rewrite[1]")
    opened = resolver(dataFrom=[{"extract": {"key": "one"}}], data=[entry("one", "a")])
    (told,) = opened.explain("es", outcome=fault).faults
    assert told.keys == ()  # no key is known yet that the entry would make


def test_what_cannot_be_planned_is_told_as_a_failure(resolver):
    told = resolver(secretStoreRef={"name": "nowhere"}, data=[entry("one", "a")]).explain("es")
    assert [fault.code for fault in told.faults] == [StoreNotFoundError.code]
    assert "nowhere" in told.as_text()
    assert told.requests == ()


def test_leases_and_ends_are_told_by_fingerprint(resolver):
    end = datetime(2030, 1, 1, tzinfo=UTC)
    lease = Lease(lease_id="canary", duration=900, renewable=True, expires_at=end)
    origin = Provenance(store="SecretStore ns/dev", path="one", version="3", lease=lease, expires_at=end)
    bundle = Bundle({"a": b"canary"}, name="es", provenance={"a": (origin,)})
    told = resolver(data=[entry("one", "a")]).explain("es", outcome=bundle)
    assert (
        f"read one; version 3; lease {lease.fingerprint}, 900 s, renewable; ends 2030-01-01 00:00:00 UTC"
        in told.as_text()
    )
    assert "canary" not in told.as_text() + str(told.as_json())
