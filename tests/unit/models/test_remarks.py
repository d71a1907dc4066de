from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import pytest
from pydantic import Field, StringConstraints, ValidationError

from virtrigaud_secrets.models.base import Bool, DurationText, Key, Model, Name, Namespace, NonEmpty
from virtrigaud_secrets.models.remarks import MAX_SHOWN, MAX_SUGGESTED, field_path, nearest, remarks_of


class Inner(Model):
    value: str


class Sample(Model):
    text: str = ""
    flag: Bool = False
    every: DurationText | None = None
    name: Name = "a"
    namespace: Namespace = "a"
    key: Key = "a"
    short: NonEmpty = "a"
    inner: Inner = Inner(value="")
    inners: tuple[Inner, ...] = Field(default=(), min_length=0)
    letter: Annotated[str, StringConstraints(pattern="^[a-z]$")] = "a"
    texts: Mapping[str, str] = {}


def messages(data: object) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate(data)
    return {field_path(remark.location): remark.message for remark in remarks_of(caught.value, data)}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"text": 5}, {"text": "expected text, found a number: write it in quotes"}),
        ({"text": 1.5}, {"text": "expected text, found a number: write it in quotes"}),
        ({"text": True}, {"text": "expected text, found true or false: write it in quotes"}),
        ({"text": ["a"]}, {"text": "expected text, found a list"}),
        ({"text": {}}, {"text": "expected text, found a mapping"}),
        ({"text": None}, {"text": "expected text"}),
        ({"flag": "true"}, {"flag": "expected true or false, found text: write it without quotes"}),
        ({"flag": 1}, {"flag": "expected true or false, found a number"}),
        ({"inner": []}, {"inner": "expected a mapping"}),
        ({"inner": {}}, {"inner.value": "is required"}),
        ({"inners": {}}, {"inners": "expected a list"}),
        (
            {"inners": [{"value": "a"}, {"value": 5}]},
            {"inners[1].value": "expected text, found a number: write it in quotes"},
        ),
        ({"texts": []}, {"texts": "expected a mapping"}),
        ({"texts": {"a.b": 1}}, {"texts[a.b]": "expected text, found a number: write it in quotes"}),
        ({"short": ""}, {"short": "expected text that is not empty"}),
        ({"name": "a" * 300}, {"name": "expected at most 253 characters"}),
        ({"letter": "7"}, {"letter": "expected text that matches ^[a-z]$"}),
        ({"other": 1}, {"other": "unknown field"}),
        ([], {"": "expected a mapping"}),
    ],
)
def test_what_was_expected(data: object, expected: dict[str, str]) -> None:
    assert messages(data) == expected


@pytest.mark.parametrize(
    ("field", "word"), [("name", "a name of"), ("namespace", "a namespace's"), ("key", "a key of")]
)
def test_patterns_are_told_in_words(field: str, word: str) -> None:
    assert word in messages({field: "Ä"})[field]


def test_a_number_in_place_of_a_duration() -> None:
    found = messages({"every": 5})["every"]

    assert found == "expected a duration as text, such as 1h30m, found a number: write it in quotes, with a unit"


def test_values_are_not_shown() -> None:
    told = messages({"text": ["hunter2"], "name": "HUNTER2", "every": "hunter2", "inner": "hunter2"})

    assert "hunter2" not in str(told).lower()


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ((), ""),
        (("spec", "data", 0, "remoteRef", "key"), "spec.data[0].remoteRef.key"),
        (("metadata", "labels", "app.kubernetes.io/name"), "metadata.labels[app.kubernetes.io/name]"),
        (("a", "k" * 200), f"a[{'k' * MAX_SHOWN}…]"),
        (("a", "b\n: error"), "a[…]"),
        ((3,), "[3]"),
    ],
)
def test_field_path(location: tuple[str | int, ...], path: str) -> None:
    assert field_path(location) == path


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("projectId", ": did you mean projectID?"),
        ("Vault", ": did you mean vault?"),
        ("zzz", ""),
        ("v" * (MAX_SUGGESTED + 1), ""),
    ],
)
def test_nearest(name: str, suggestion: str) -> None:
    assert nearest(name, ["projectID", "vault", "location"]) == suggestion
