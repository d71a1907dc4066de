from __future__ import annotations

import json

import pytest

from virtrigaud_secrets.errors import DecodingError, PropertyNotFoundError
from virtrigaud_secrets.stores.gcp.payload import MetadataPayload

LABELS = {"team": "vm", "a.b": "dotted"}
ANNOTATIONS = {"note": "<now>", "example.com/owner": "me"}


def payload() -> MetadataPayload:
    return MetadataPayload(labels=LABELS, annotations=ANNOTATIONS, store="SecretStore a/b", path="projects/p/secrets/k")


def test_the_whole_is_both_as_go_writes_json():
    assert (
        payload().whole().startswith(b'{"annotations":{"example.com/owner":"me","note":"\\u003cnow\\u003e"},"labels":')
    )
    assert MetadataPayload(labels={}, annotations={}).whole() == b'{"annotations":null,"labels":null}'


def test_one_part_is_json_and_one_entry_is_text():
    assert json.loads(payload().property("labels")) == LABELS
    assert payload().property("annotations.note") == b"<now>"
    assert payload().property("labels.a.b") == b"dotted"
    assert payload().property("annotations.example.com/owner") == b"me"


@pytest.mark.parametrize("name", ["labels.none", "annotations.", "owner", "label.team"])
def test_what_is_not_there_is_a_missing_property(name):
    with pytest.raises(PropertyNotFoundError) as caught:
        payload().property(name)
    assert caught.value.property_name == name
    assert not caught.value.missing


def test_entries_are_those_of_a_part():
    assert payload().entries("labels") == {"team": b"vm", "a.b": b"dotted"}
    assert set(payload().entries()) == {"labels", "annotations"}
    with pytest.raises(DecodingError, match="must be a JSON object"):
        payload().entries("labels.team")
