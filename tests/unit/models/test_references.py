from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.references import (
    CAProvider,
    LabelSelector,
    SecretKeySelector,
    ServiceAccountSelector,
)


def select(**data: object) -> LabelSelector:
    return LabelSelector.model_validate(data)


@pytest.mark.parametrize(
    ("operator", "values", "matches"),
    [
        ("In", ["a", "b"], True),
        ("In", ["b"], False),
        ("NotIn", ["a"], False),
        ("NotIn", ["b"], True),
        ("Exists", [], True),
        ("DoesNotExist", [], False),
    ],
)
def test_a_condition_on_a_label_that_is_there(operator: str, values: list[str], matches: bool) -> None:
    selector = select(matchExpressions=[{"key": "k", "operator": operator, "values": values}])

    assert selector.matches({"k": "a"}) is matches


def test_conditions_as_the_api_writes_them() -> None:
    expressions = [
        {"key": "a", "operator": "In", "values": ["1", "2"]},
        {"key": "b", "operator": "NotIn", "values": ["3"]},
        {"key": "c", "operator": "Exists"},
        {"key": "d", "operator": "DoesNotExist"},
    ]
    selector = select(matchLabels={"z": "1", "y": "2"}, matchExpressions=expressions)
    assert selector.query == "y=2,z=1,a in (1,2),b notin (3),c,!d"
    assert select().query == ""
    assert select(matchExpressions=[{"key": "k", "operator": "Like"}]).query == "k,!k"


@pytest.mark.parametrize(
    ("operator", "matches"), [("In", False), ("NotIn", True), ("Exists", False), ("DoesNotExist", True)]
)
def test_a_condition_on_a_label_that_is_not(operator: str, matches: bool) -> None:
    assert select(matchExpressions=[{"key": "k", "operator": operator, "values": ["a"]}]).matches({}) is matches


def test_all_conditions_must_hold() -> None:
    selector = select(matchLabels={"a": "1"}, matchExpressions=[{"key": "b", "operator": "Exists"}])

    assert selector.matches({"a": "1", "b": "2"})
    assert not selector.matches({"a": "1"})
    assert not selector.matches({"a": "2", "b": "2"})


def test_an_empty_selector_chooses_all() -> None:
    assert select().matches({})


def test_what_is_required() -> None:
    assert SecretKeySelector() == SecretKeySelector(name=None, namespace=None, key=None)
    with pytest.raises(ValidationError):
        ServiceAccountSelector.model_validate({})
    with pytest.raises(ValidationError):
        CAProvider.model_validate({"name": "a", "type": "File"})
