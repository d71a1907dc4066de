"""Documents of every kind with every field set, made from the JSON Schema of the models: new fields are in them too."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from virtrigaud_secrets.models.json_schema import schema_of
from virtrigaud_secrets.models.kinds import KINDS, Kind

TEXTS = {
    "^.*@": "a@b.iam.gserviceaccount.com",
    "^(@(": "@daily",
}
"""Beginning of a pattern that `a` does not match → a text that matches."""


class Example:
    """One document: where the schema asks for one of several fields, the `choice`-th."""

    def __init__(self, definitions: dict[str, Any], choice: int) -> None:
        self._definitions = definitions
        self._choice = choice
        self.choices = 1
        """The most fields that there were to choose from."""

    def of(self, schema: dict[str, Any]) -> Any:
        if "$ref" in schema:
            return self.of(self._definitions[schema["$ref"].rpartition("/")[2]])
        given = [schema["const"]] if "const" in schema else schema.get("enum", [])
        if given:
            return given[0]
        by_type = {
            "object": self._mapping,
            "array": lambda schema: [self.of(schema["items"])],
            "string": self._text,
            "integer": lambda schema: schema.get("minimum", 1),
            "boolean": lambda _: True,
        }
        if "type" in schema:
            return by_type[schema["type"]](schema)
        return 60 if "anyOf" in schema else {"anything": [None, 1.5]}

    def _mapping(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "properties" not in schema:
            values = schema.get("additionalProperties")
            return {"a": self.of(values)} if isinstance(values, dict) else {}
        return {name: self.of(schema["properties"][name]) for name in self._names(schema)}

    def _names(self, schema: dict[str, Any]) -> list[str]:
        names = [name for name in schema["properties"] if name != "status"]
        if schema.get("maxProperties") == 1:
            return [self._one_of(names)]
        if "oneOf" in schema:
            rivals = [alternative["required"][0] for alternative in schema["oneOf"]]
            chosen = self._one_of(rivals)
            return [name for name in names if name == chosen or name not in rivals]
        forbidden = schema.get("not", {}).get("required", [])
        return [name for name in names if name not in forbidden[1:]]

    def _one_of(self, names: list[str]) -> str:
        self.choices = max(self.choices, len(names))
        return names[self._choice % len(names)]

    def _text(self, schema: dict[str, Any]) -> str:
        if "examples" in schema:
            return str(schema["examples"][0])
        if schema.get("format") == "date-time":
            return "2026-01-31T12:00:00Z"
        if schema.get("contentEncoding") == "base64":
            return "YQ=="
        pattern = schema.get("pattern", "")
        return next((text for start, text in TEXTS.items() if pattern.startswith(start)), "a")


def examples(kind: Kind) -> Iterator[dict[str, Any]]:
    schema = schema_of(kind)
    for choice in count():
        example = Example(schema["$defs"], choice)
        document = example.of(schema["allOf"][0])
        yield document | {"kind": kind.name, "apiVersion": kind.api_versions[0]}
        if choice + 1 >= example.choices:
            return


@pytest.fixture(scope="session")
def every_document() -> list[dict[str, Any]]:
    """Each kind often enough that every field of every backend and generator is in one of them."""
    return [document for kind in KINDS.values() for document in examples(kind)]
