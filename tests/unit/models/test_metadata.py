from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.metadata import MAX_ANNOTATIONS, ObjectMeta


def test_what_a_server_adds_is_accepted() -> None:
    written = {
        "name": "a",
        "labels": {"x": "1"},
        "creationTimestamp": None,
        "managedFields": [{"manager": "kubectl"}],
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "u", "controller": True}
        ],
        "resourceVersion": "17",
        "uid": "u",
        "generation": 3,
        "finalizers": ["f"],
    }

    assert ObjectMeta.model_validate(written).labels == {"x": "1"}


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"name": "A"},
        {"name": ""},
        {"name": "a", "namespace": "a.b"},
        {"name": "a", "labels": {"x": 1}},
        {"name": "a", "labels": {"x": "-"}},
        {"name": "a", "labels": {"x": "a b"}},
        {"name": "a", "labels": {"x": "a" * 64}},
        {"name": "a", "labels": {"": "a"}},
        {"name": "a", "labels": {"a/b/c": "a"}},
        {"name": "a", "labels": {"A.b/c": "a"}},
        {"name": "a", "labels": {"/c": "a"}},
        {"name": "a", "labels": {"a" * 64: "a"}},
        {"name": "a", "labels": {f"{'a' * 254}/x": "a"}},
        {"name": "a", "annotations": {"x": True}},
        {"name": "a", "annotations": {"a b": "x"}},
        {"name": "a", "annotations": {"a": "x" * MAX_ANNOTATIONS}},
        {"name": "a", "finalizers": "f"},
        {"name": "a", "generation": "1"},
        {"name": "a", "creationTimestamp": "today"},
        {"name": "a", "uid": 7},
        {"name": "a", "generateName": "a" * 254},
        {"name": "a", "managedFields": "x"},
        {"name": "a", "ownerReferences": [{"kind": "Deployment", "name": "d"}]},
        {"name": "a", "x": 1},
    ],
)
def test_what_a_server_refuses(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ObjectMeta.model_validate(written)


@pytest.mark.parametrize(
    "written",
    [
        {"namespace": ""},
        {"labels": {"app.kubernetes.io/name": "a", "b": "", "C_d.e": "A-1.b_c", "x" * 63: "y" * 63}},
        {"annotations": {"Example.ORG/Note": "any {{ text }}\n"}},
        {"annotations": {"a": "x" * (MAX_ANNOTATIONS - 1)}},
        {"creationTimestamp": "2026-01-31T12:00:00Z"},
    ],
)
def test_what_a_server_accepts(written: dict[str, object]) -> None:
    assert ObjectMeta.model_validate({"name": "a", **written}).name == "a"
