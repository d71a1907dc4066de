from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.push_secret import (
    ClusterPushSecret,
    PushSecret,
    PushSecretDataTo,
    PushSecretRewrite,
    PushSecretSelector,
    PushSecretSpec,
    PushSecretStoreRef,
)

SPEC = {"secretStoreRefs": [{"name": "s"}], "selector": {"secret": {"name": "a"}}}


def test_defaults_are_those_of_the_schema() -> None:
    spec = PushSecretSpec.model_validate(SPEC | {"data": [{"match": {"remoteRef": {"remoteKey": "r"}}}]})

    assert (spec.update_policy, spec.deletion_policy, str(spec.refresh_interval)) == ("Replace", "None", "1h0m0s")
    assert spec.secret_store_refs == (PushSecretStoreRef(name="s", kind="SecretStore"),)
    assert (spec.data[0].conversion_strategy, spec.data[0].metadata, spec.data[0].match.secret_key) == (
        "None",
        None,
        None,
    )
    assert (spec.data_to, spec.template) == ((), None)


def test_every_field() -> None:
    written = {
        "secretStoreRefs": (
            {"name": "s", "kind": "ClusterSecretStore"},
            {
                "labelSelector": {
                    "matchLabels": {"a": "b"},
                    "matchExpressions": ({"key": "k", "operator": "In", "values": ("v",)},),
                }
            },
        ),
        "selector": {"secret": {"selector": {"matchLabels": {"app": "x"}}}},
        "refreshInterval": "0",
        "updatePolicy": "IfNotExists",
        "deletionPolicy": "Delete",
        "data": (
            {
                "match": {"secretKey": "k", "remoteRef": {"remoteKey": "r", "property": "p"}},
                "metadata": {"kind": "PushSecretMetadata", "spec": {"any": [1, {"b": None}]}},
                "conversionStrategy": "ReverseUnicode",
            },
        ),
        "dataTo": (
            {
                "storeRef": {"name": "s"},
                "match": {"regexp": "^db-"},
                "rewrite": ({"regexp": {"source": "a", "target": "b"}}, {"transform": {"template": "t"}}),
            },
            {"storeRef": {"labelSelector": {}}, "remoteKey": "all", "metadata": "text"},
        ),
        "template": {"data": {"k": "{{ .v }}"}, "mergePolicy": "Merge"},
    }

    assert PushSecretSpec.model_validate(written).model_dump(by_alias=True, exclude_unset=True) == written


@pytest.mark.parametrize("field", ["secretStoreRefs", "selector"])
def test_stores_and_selector_are_required(field: str) -> None:
    with pytest.raises(ValidationError, match="Field required"):
        PushSecretSpec.model_validate({name: value for name, value in SPEC.items() if name != field})


@pytest.mark.parametrize("written", [{}, {"secret": {"name": "a"}, "generatorRef": {"kind": "UUID", "name": "a"}}])
def test_a_selector_is_exactly_one(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="expected exactly one of secret, generatorRef"):
        PushSecretSelector.model_validate(written)


@pytest.mark.parametrize("written", [{}, {"regexp": {"source": "a", "target": "b"}, "transform": {"template": "t"}}])
def test_a_rewrite_is_exactly_one(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="expected exactly one of regexp, transform"):
        PushSecretRewrite.model_validate(written)


@pytest.mark.parametrize("written", [{}, {"storeRef": {}}, {"storeRef": {"kind": "ClusterSecretStore"}}])
def test_a_bulk_entry_chooses_stores(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="expected storeRef with name or labelSelector"):
        PushSecretDataTo.model_validate(written)


def test_a_bulk_entry_has_one_mode() -> None:
    rewrite = [{"transform": {"template": "t"}}]

    with pytest.raises(ValidationError, match="expected at most one of remoteKey, rewrite"):
        PushSecretDataTo.model_validate({"storeRef": {"name": "s"}, "remoteKey": "r", "rewrite": rewrite})
    assert PushSecretDataTo.model_validate({"storeRef": {"name": "s"}, "remoteKey": "r", "rewrite": []}).rewrite == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("updatePolicy", "Always"),
        ("deletionPolicy", "Retain"),
        ("refreshInterval", "1d"),
        ("secretStoreRefs", [{"name": "Upper"}]),
        ("secretStoreRefs", [{"name": "s", "kind": "Store"}]),
        ("data", [{"match": {}}]),
        ("data", [{"match": {"remoteRef": {}}}]),
        ("data", [{"match": {"remoteRef": {"remoteKey": "r"}}, "conversionStrategy": "Unicode"}]),
    ],
)
def test_values_that_the_schema_refuses(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        PushSecretSpec.model_validate(SPEC | {field: value})


def test_the_schema_lets_a_spec_be_missing() -> None:
    document = {"apiVersion": "external-secrets.io/v1alpha1", "metadata": {"name": "a"}}

    assert PushSecret.model_validate(document | {"kind": "PushSecret"}).spec is None
    assert ClusterPushSecret.model_validate(document | {"kind": "ClusterPushSecret"}).spec is None


def test_a_cluster_push_secret() -> None:
    written = {
        "apiVersion": "external-secrets.io/v1alpha1",
        "kind": "ClusterPushSecret",
        "metadata": {"name": "a"},
        "spec": {
            "pushSecretName": "b",
            "pushSecretMetadata": {"labels": {"l": "1"}, "annotations": {"a": "2"}},
            "refreshTime": "5m",
            "namespaceSelectors": ({"matchLabels": {"team": "x"}},),
            "pushSecretSpec": SPEC | {"secretStoreRefs": ({"name": "s"},)},
        },
    }

    assert ClusterPushSecret.model_validate(written).model_dump(by_alias=True, exclude_unset=True) == written
