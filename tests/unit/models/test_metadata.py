from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.metadata import ObjectMeta


def test_what_a_server_adds_is_accepted() -> None:
    written = {
        "name": "a",
        "labels": {"x": "1"},
        "creationTimestamp": None,
        "managedFields": [{"manager": "kubectl"}],
        "ownerReferences": [],
        "resourceVersion": "17",
        "uid": "u",
        "generation": 3,
        "finalizers": ["f"],
    }

    assert ObjectMeta.model_validate(written).labels == {"x": "1"}


@pytest.mark.parametrize(
    "written",
    [{}, {"name": "A"}, {"name": "a", "namespace": "a.b"}, {"name": "a", "labels": {"x": 1}}, {"name": "a", "x": 1}],
)
def test_what_a_server_refuses(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ObjectMeta.model_validate(written)
