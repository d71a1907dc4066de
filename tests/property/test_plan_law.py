"""Laws: a plan of n references has as many fetches as distinct requests; planning order does not change a bundle; a
planted value is in no output."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.settings import Settings

CANARY = "canary-" + "51f0c3"
KEYS = ("a", "b", "team/c")
VERSIONS = ("", "1")
PROPERTIES = ("", "user", "deep.password", "nope")

SECRET = json.dumps({"user": CANARY, "deep": {"password": CANARY}, "b64": "Y2FuYXJ5LTUxZjBjMw=="})
STORE = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "SecretStore",
    "metadata": {"name": "fake", "namespace": "ns"},
    "spec": {
        "provider": {
            "fake": {
                "data": [{"key": key, "value": SECRET, "version": version} for key in KEYS for version in VERSIONS]
            }
        }
    },
}

REMOTE = st.fixed_dictionaries(
    {"key": st.sampled_from(KEYS)},
    optional={
        "version": st.sampled_from(VERSIONS),
        "property": st.sampled_from(PROPERTIES),
        "decodingStrategy": st.sampled_from(["None", "Auto", "Base64"]),
    },
)
REWRITE = st.lists(
    st.sampled_from([
        {"regexp": {"source": "^", "target": "x-"}},
        {"transform": {"template": "{{ .value | upper }}"}},
        {"merge": {"conflictPolicy": "Ignore"}},
        {"merge": {"strategy": "JSON", "into": "all"}},
    ]),
    max_size=2,
)  # fmt: skip
SOURCES = st.one_of(
    st.fixed_dictionaries({"extract": REMOTE, "rewrite": REWRITE}),
    st.fixed_dictionaries(
        {
            "find": st.fixed_dictionaries({"name": st.just({"regexp": "."})}),
            "rewrite": REWRITE,
        }
    ),
)
TEMPLATES = st.sampled_from([
    None,
    {"data": {"out": '{{ index . "k0" }}'}},
    {
        "mergePolicy": "Merge",
        "data": {"out": "{{ .k0 }}{{ .nope }}"},
        "metadata": {"labels": {"l": "{{ .k0 | b64enc }}"}},
    },
])  # fmt: skip


def keyed(remotes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries of `data`, each under a key of its own."""
    return [{"secretKey": f"k{index}", "remoteRef": remote} for index, remote in enumerate(remotes)]


def over(entries: list[dict[str, Any]], data_from: list[dict[str, Any]], target: dict[str, Any]) -> Resolver:
    spec = {"secretStoreRef": {"name": "fake"}, "data": entries, "dataFrom": data_from, "target": target}
    document = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "es", "namespace": "ns"},
        "spec": spec,
    }
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "all.json")
        path.write_text(json.dumps({"kind": "List", "items": [STORE, document]}))
        return Resolver.from_path(path, settings=Settings())


@settings(deadline=None, max_examples=60)
@given(st.lists(REMOTE, min_size=1, max_size=8))
def test_as_many_fetches_as_distinct_requests(remotes: list[dict[str, Any]]) -> None:
    with over(keyed(remotes), [], {}) as resolver:
        plan = resolver.plan("es")
    distinct = {(remote["key"], remote.get("version", "")) for remote in remotes}
    assert len(plan.requests) == len(distinct)
    assert len(plan.steps) == len(remotes)
    assert {(one.fetch.key, one.fetch.version) for one in plan.requests} == distinct


@settings(deadline=None, max_examples=60)
@given(
    st.lists(REMOTE.filter(lambda remote: remote.get("decodingStrategy") != "Base64"), min_size=1, max_size=5),
    st.data(),
)
def test_the_order_of_entries_does_not_change_a_bundle(remotes: list[dict[str, Any]], data: st.DataObject) -> None:
    remotes = [remote | ({"property": "user"} if remote.get("property") == "nope" else {}) for remote in remotes]
    entries, bundles = keyed(remotes), []
    for order in (entries, data.draw(st.permutations(entries))):
        with over(list(order), [], {}) as resolver:
            bundles.append(resolver.resolve("es"))
    assert dict(bundles[0]) == dict(bundles[1])
    assert bundles[0].provenance == bundles[1].provenance


@settings(deadline=None, max_examples=80)
@given(
    st.lists(REMOTE, max_size=4),
    st.lists(SOURCES, max_size=3),
    TEMPLATES,
    st.sampled_from(["Retain", "Delete", "Merge"]),
)
def test_a_planted_value_is_in_no_output(
    remotes: list[dict[str, Any]], sources: list[dict[str, Any]], template: dict[str, Any] | None, policy: str
) -> None:
    if not remotes and not sources:
        return
    target: dict[str, Any] = {"deletionPolicy": policy, **({} if template is None else {"template": template})}
    shown: list[str] = []
    with over(keyed(remotes), sources, target) as resolver:
        shown += [repr(resolver), repr(resolver.catalog)]
        outcome: Any
        try:
            shown.append(repr(resolver.plan("es")))
            outcome = resolver.resolve("es")
        except SecretsError as error:
            outcome = error
        told = resolver.explain("es", outcome=outcome)
        shown += [repr(outcome), str(outcome), repr(told), told.as_text(), json.dumps(told.as_json())]
    for text in shown:
        assert CANARY not in text
        assert "Y2FuYXJ5" not in text
