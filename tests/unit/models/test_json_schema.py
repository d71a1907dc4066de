from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from virtrigaud_secrets.models.json_schema import schema_of, schema_of_all
from virtrigaud_secrets.models.kinds import GENERATORS_GROUP, GROUP, KINDS, Kind

SNAPSHOT = Path(__file__).with_name("json_schema.json")
REWRITE = "VIRTRIGAUD_SECRETS_REWRITE_SNAPSHOTS"
GUIDE = Path(__file__).parents[2] / "data" / "guide"

ALL = Draft7Validator(schema_of_all())


def complaints(document: object) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in ALL.iter_errors(document)]


def test_the_schema_is_the_one_that_was_reviewed() -> None:
    text = json.dumps(schema_of_all(), indent=1) + "\n"
    if os.environ.get(REWRITE):
        SNAPSHOT.write_text(text)

    assert SNAPSHOT.read_text() == text, f"{SNAPSHOT.name} is out of date: review it with {REWRITE}=1 pytest {__file__}"


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_schema_of_one_kind_is_whole(kind: Kind) -> None:
    schema = schema_of(kind)
    Draft7Validator.check_schema(schema)
    document = {"apiVersion": kind.api_versions[0], "kind": kind.name, "metadata": {"name": "a"}, "spec": 5}
    found = {error.json_path for error in Draft7Validator(schema).iter_errors(document)}

    assert found == {"$.spec"}
    assert not Draft7Validator(schema).is_valid(document | {"kind": "Other"})


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(schema_of_all())


@pytest.mark.parametrize("file", sorted(GUIDE.glob("*.yaml")), ids=lambda file: file.stem)
def test_editors_find_what_eso_would_drop_in_the_guide_and_nothing_else(file: Path) -> None:
    found: list[str] = []
    # Some are programs in other languages under the name of a manifest.
    with contextlib.suppress(yaml.YAMLError):
        for document in yaml.safe_load_all(file.read_text()):
            found += complaints(document) if isinstance(document, dict) else []

    assert all("'serviceAccount' was unexpected" in text or "'projectId' was unexpected" in text for text in found)


@pytest.mark.parametrize(
    "document", [None, [], 5, {}, {"kind": "ExternalSecret"}, {"apiVersion": "v1", "kind": "Fake"}]
)
def test_what_is_not_of_eso_passes(document: object) -> None:
    assert [text for text in complaints(document) if "is not of type 'object'" not in text] == []


def test_kinds_are_chosen_with_their_group() -> None:
    fake = {"kind": "Fake", "metadata": {"name": "a"}, "spec": {"data": 5}}

    assert complaints(fake | {"apiVersion": f"{GENERATORS_GROUP}/v1alpha1"})
    assert not complaints(fake | {"apiVersion": f"{GROUP}/v1"})


STORE: dict[str, Any] = {"apiVersion": f"{GROUP}/v1", "kind": "SecretStore", "metadata": {"generateName": "a-"}}


@pytest.mark.parametrize(
    ("provider", "complaint"),
    [
        ({"vault": {"server": "https://v"}}, ""),
        ({"ibm": {"auth": {"secretRef": {}}}}, ""),
        ({"gitlab": {"auth": {"SecretRef": {"accessToken": {"name": "s"}}}}}, ""),
        ({"gitlab": {"auth": {"secretRef": {}}}}, "'SecretRef' is a required property"),
        ({"ibm": {"auth": {}}}, "should be non-empty"),
        ({"files": {"path": "/p"}}, ""),
        ({}, "should be non-empty"),
        ({"vault": {"server": "v"}, "fake": {"data": []}}, "has too many properties"),
        ({"valt": {}}, "'valt' was unexpected"),
        ({"kubernetes": {"auth": {}}}, "should be non-empty"),
        ({"openBao": {"server": "b", "auth": {"namespace": "n"}}}, "is not valid under any of the given schemas"),
        (
            {"openBao": {"server": "b", "caBundle": "YQ==", "caProvider": {"type": "Secret", "name": "n"}}},
            "should not be",
        ),
    ],
)
def test_providers(provider: dict[str, object], complaint: str) -> None:
    found = complaints(STORE | {"spec": {"provider": provider}})

    assert bool(found) == bool(complaint)
    assert complaint in " ".join(found)


def test_every_field_has_the_words_of_its_docstring() -> None:
    spec = schema_of_all()["$defs"]["ExternalSecretSpec"]["properties"]

    assert spec["refreshPolicy"]["description"] == "Left out, it means Periodic."
    assert spec["refreshInterval"]["default"] == "1h0m0s"
