"""Law: a manifest that was read and is written again says what it said: no field is lost, none is added."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from virtrigaud_secrets.manifests.kinds import recognise
from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.kinds import KINDS
from virtrigaud_secrets.models.reading import read


def places(data: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inside:
        yield (*at, key)
        yield from places(value, (*at, key))


def without(document: dict[str, Any], gone: list[tuple[str | int, ...]]) -> dict[str, Any]:
    """The document less what stands at these places. Items of lists stay, so that indexes stay true."""
    changed = copy.deepcopy(document)
    for place in gone:
        inner: Any = changed
        for key in place[:-1]:
            inner = inner[key] if isinstance(inner, list) else inner.get(key, {})
        if isinstance(inner, dict):
            inner.pop(place[-1], None)
    return changed


def model_of(document: dict[str, Any]) -> Model | None:
    kind = KINDS[document["apiVersion"].rpartition("/")[0], document["kind"]]
    return read(kind.model, document)[0]


def written(model: Model, **options: bool) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True, **options)


def test_every_document_is_valid(every_document: list[dict[str, Any]]) -> None:
    refused = [(document["kind"], recognise(document, strict=True).remarks) for document in every_document]

    assert [(kind, remark) for kind, remarks in refused for remark in remarks if remark.code == "unknown-field"] == []
    assert [document["kind"] for document in every_document if model_of(document) is None] == []


def test_every_field_comes_back(every_document: list[dict[str, Any]]) -> None:
    for document in every_document:
        model = model_of(document)
        assert model is not None
        assert written(model, exclude_unset=True) == document


@given(number=st.integers(0, 999), left_out=st.lists(st.integers(0, 9999), max_size=8))
@settings(max_examples=400, deadline=None)
def test_any_part_of_it_comes_back(every_document: list[dict[str, Any]], number: int, left_out: list[int]) -> None:
    whole = every_document[number % len(every_document)]
    all_places = [*places(whole["spec"], ("spec",)), ("spec",)]
    document = without(whole, [all_places[position % len(all_places)] for position in left_out])
    model = model_of(document)
    if model is None:
        return

    assert written(model, exclude_unset=True) == document
    for options in ({}, {"exclude_defaults": True}, {"exclude_none": True}):
        again = model_of(written(model, **options) | {"apiVersion": document["apiVersion"], "kind": document["kind"]})
        assert again == model
