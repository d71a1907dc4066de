from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.cluster_external_secret import ClusterExternalSecret, ClusterExternalSecretSpec

SPEC = {"externalSecretSpec": {"data": [{"secretKey": "k", "remoteRef": {"key": "x"}}]}}


def spec(**fields: object) -> ClusterExternalSecretSpec:
    return ClusterExternalSecretSpec.model_validate(SPEC | fields)


def test_every_field() -> None:
    written = {
        "apiVersion": "external-secrets.io/v1beta1",
        "kind": "ClusterExternalSecret",
        "metadata": {"name": "c"},
        "spec": SPEC
        | {
            "externalSecretName": "s",
            "externalSecretMetadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
            "namespaceSelector": {"matchLabels": {"a": "b"}},
            "namespaceSelectors": [{"matchExpressions": [{"key": "k", "operator": "Exists"}]}],
            "namespaces": ["n"],
            "refreshTime": "1m",
        },
    }
    found = ClusterExternalSecret.model_validate(written)

    assert found.model_dump(mode="json", by_alias=True, exclude_unset=True) == written


@pytest.mark.parametrize(
    "wrong", [{"externalSecretSpec": None}, {"externalSecretName": "A"}, {"namespaces": ["A"]}, {"refreshTime": "1d"}]
)
def test_wrong_fields(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        spec(**wrong)


def test_namespaces_are_chosen_by_name_and_by_label() -> None:
    labelled = {"matchLabels": {"tier": "vm"}}

    assert spec(namespaces=["a"]).chooses("a", {})
    assert spec(namespaceSelectors=[labelled]).chooses("b", {"tier": "vm"})
    assert spec(namespaceSelector=labelled).chooses("b", {"tier": "vm"})
    assert spec(namespaceSelectors=[{}]).chooses("b", {})
    assert not spec(namespaces=["a"], namespaceSelectors=[labelled]).chooses("b", {"tier": "db"})
    assert not spec().chooses("a", {"tier": "vm"})
