"""Law: whatever a file holds, `inspect` returns a report; no other exception, no value in a message."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from virtrigaud_secrets.manifests import Judgement, inspect
from virtrigaud_secrets.manifests.documents import YamlFault, compose, split
from virtrigaud_secrets.manifests.kinds import recognise
from virtrigaud_secrets.models.external_secret import ExternalSecret
from virtrigaud_secrets.models.reading import read

GUIDE = Path(__file__).parents[1] / "data" / "guide"
WIDE = """
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: a, namespace: n, labels: {a: b}, annotations: {c: d}}
spec:
  secretStoreRef: {name: s, kind: SecretStore}
  refreshInterval: 1h
  refreshPolicy: Periodic
  syncWindows: {kind: allow, windows: [{schedule: "@daily", duration: 1h}]}
  target:
    name: t
    creationPolicy: Owner
    deletionPolicy: Retain
    immutable: true
    manifest: {apiVersion: v1, kind: Secret}
    template:
      type: Opaque
      engineVersion: v2
      mergePolicy: Merge
      metadata: {labels: {a: b}, annotations: {a: b}, finalizers: [f]}
      data: {k: v}
      templateFrom:
        - {configMap: {name: c, items: [{key: k, templateAs: Values}]}, target: Data, valuesDecodingStrategy: Auto}
        - {literal: "a: b"}
  data:
    - secretKey: k
      remoteRef: {key: p, property: q, version: "1", metadataPolicy: Fetch, decodingStrategy: Auto}
      sourceRef: {storeRef: {name: s}}
  dataFrom:
    - find: {path: p, name: {regexp: x}, tags: {a: b}}
      rewrite: [{regexp: {source: a, target: b}}, {merge: {priority: [a]}}]
    - sourceRef: {generatorRef: {kind: UUID, name: u}}
"""
STORES = """
vault:
  server: https://v
  caBundle: YQ==
  caProvider: {type: Secret, name: c, key: k}
  headers: {a: b}
  checkAndSet: {required: true}
  auth:
    kubernetes: {role: r, serviceAccountRef: {name: a, audiences: [x]}}
    appRole: {roleId: r, secretRef: {name: s, key: k}}
    iam: {vaultRole: r, secretRef: {accessKeyIDSecretRef: {name: a}}}
aws:
  service: SecretsManager
  region: eu-central-1
  sessionTags: [{key: k, value: v}]
  secretsManager: {recoveryWindowInDays: 7}
  auth: {serviceAccount: {name: a}}
azurekv: {vaultUrl: https://v, authSecretRef: {clientId: {name: a}}, customCloudConfig: {activeDirectoryEndpoint: a}}
gcpsm: {projectId: p, auth: {workloadIdentity: {serviceAccountRef: {name: a}}}}
kubernetes: {server: {url: u, caBundle: YQ==}, auth: {token: {bearerToken: {name: a, key: k}}}}
fake: {data: [{key: k, value: v}]}
files: {path: /p}
gitlab: {auth: {SecretRef: {accessToken: {name: a, key: k}}}}
crd: {resource: {group: "", version: v1, kind: A}, authRef: {name: a}, whitelist: {rules: [{name: a}]}}
"""
MARK = "hunter2"
JUNK = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        2**70,
        1.5,
        float("inf"),
        "",
        MARK,
        [],
        [None],
        [MARK],
        {},
        {"": None},
        {MARK: MARK},
        {"a": [1]},
    ]
)


def manifests() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [yaml.safe_load(WIDE)]
    for name, spec in yaml.safe_load(STORES).items():
        for kind in ("SecretStore", "ClusterSecretStore"):
            store = {"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": {"name": "a"}}
            conditions = [{"namespaces": ["a"], "namespaceRegexes": ["a"], "namespaceSelector": {"matchLabels": {}}}]
            found.append(store | {"spec": {"provider": {name: spec}, "conditions": conditions, "refreshInterval": 5}})
    return found


def places(data: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [at, *(place for key, value in inside for place in places(value, (*at, key)))]


def replaced(document: dict[str, Any], place: tuple[str | int, ...], junk: object) -> object:
    if not place:
        return junk
    changed = copy.deepcopy(document)
    inner: Any = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = junk
    return changed


CASES = [(document, place) for document in manifests() for place in places(document)]


@pytest.mark.parametrize(
    "document", manifests(), ids=lambda document: next(iter(document["spec"].get("provider", "e")))
)
def test_the_manifests_themselves_are_readable(document: dict[str, Any]) -> None:
    assert recognise(document, strict=False).kind == document["kind"]


@given(case=st.sampled_from(CASES), junk=JUNK, strict=st.booleans())
@settings(max_examples=1500, deadline=None)
def test_a_wrong_type_in_any_field_is_a_finding(
    case: tuple[dict[str, Any], tuple[str | int, ...]], junk: object, strict: bool
) -> None:
    document, place = case
    found = recognise(replaced(document, place, junk), strict=strict)

    assert all(MARK not in remark.message for remark in found.remarks)
    if found.judgement is Judgement.INVALID:
        assert any(remark.severity == "error" for remark in found.remarks)
        assert found.manifest is None


@given(
    number=st.integers(0, 9999),
    position=st.integers(0, 9999),
    junk=JUNK | st.text(max_size=8) | st.integers(),
    strict=st.booleans(),
)
@settings(max_examples=1500, deadline=None)
def test_a_wrong_type_in_any_field_of_any_kind_is_a_finding(
    every_document: list[dict[str, Any]], number: int, position: int, junk: object, strict: bool
) -> None:
    document = every_document[number % len(every_document)]
    all_places = places(document)
    found = recognise(replaced(document, all_places[position % len(all_places)], junk), strict=strict)

    assert all(MARK not in remark.message for remark in found.remarks)
    if found.judgement is Judgement.INVALID:
        assert any(remark.severity == "error" for remark in found.remarks)
        assert found.manifest is None


def test_every_field_of_every_kind_stands_odd_things(every_document: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for document in every_document:
        for place in places(document):
            name = f"{document['kind']} {'.'.join('*' if isinstance(part, int) else part for part in place)}"
            if place and name not in seen:
                seen.add(name)
                recognise(replaced(document, place, {"": [None]}), strict=True)
                recognise(replaced(document, place, [[[]]]), strict=True)

    assert len(seen) > 1000


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=10,
    )
)
@settings(max_examples=200, deadline=None)
def test_any_data_is_read_or_remarked_on(data: object) -> None:
    model, remarks = read(ExternalSecret, data)

    assert (model is None) == any(remark.severity == "error" for remark in remarks)


PIECES = st.sampled_from(
    [
        "---\n",
        "...\n",
        "a",
        ": ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "&a ",
        "*a",
        "<<: ",
        "!t ",
        "|\n",
        '"',
        "'",
        "#",
        "\n",
        "  ",
        ",",
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=60))
@settings(max_examples=600, deadline=None)
def test_any_text_is_composed_or_faulted(text: str) -> None:
    for chunk in split(text):
        # YamlFault is the one answer besides a document; anything else fails the test.
        with contextlib.suppress(YamlFault):
            compose(chunk)


@given(raw=st.binary(max_size=200) | st.lists(PIECES, max_size=30).map(lambda pieces: "".join(pieces).encode()))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_ends_in_a_report(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"apiVersion: external-secrets.io/v1\n" + raw)

    json.dumps([verdict.to_json() for verdict in inspect(file).verdicts])


@given(cut=st.integers(min_value=0), data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_guides_end_in_a_report(tmp_path: Path, cut: int, data: st.DataObject) -> None:
    guide = sorted(GUIDE.glob("*.yaml"))
    text = data.draw(st.sampled_from(guide)).read_text()
    at = cut % len(text)
    file = tmp_path / "a.yaml"
    file.write_text(text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 20)) :])

    for finding in inspect(file).findings:
        assert finding.line is None or finding.line >= 1


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_plain_yaml_means_what_pyyaml_says(data: st.DataObject) -> None:
    value = data.draw(
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text("abc xyz-_:#'\"\n", max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcz", min_size=1), inner, max_size=3),
            max_leaves=12,
        )
    )
    text = json.dumps(value)
    (chunk,) = split(text)
    composed = compose(chunk)

    assert composed is not None
    assert composed.data == value
