"""What tests of several packages share: names of parametrised tests, a kubeconfig, a logger that works, a subscription.

Names are the same in every process, and without the bytes or long texts under test. And documents of every kind with
every field set, made of the JSON Schema of the models: new fields are in them too.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

from virtrigaud_secrets.errors import StoreUnavailableError
from virtrigaud_secrets.models.json_schema import schema_of
from virtrigaud_secrets.models.kinds import KINDS, Kind

T = TypeVar("T")

LONGEST_NAME = 60
"""Characters of a text that may stand in a test's name."""


@pytest.fixture
def kubeconfig_file(tmp_path: Path) -> Path:
    """The kubeconfig of a cluster that nobody is to be asked at."""
    document = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "c", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(document))
    return file


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes and long texts are often made anew in each process: the name of the argument stands in for them."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > LONGEST_NAME) else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Whoever configures logging in another test of this process may have switched the logger off."""
    logging.getLogger("virtrigaud_secrets").disabled = False


class ByHand(Generic[T]):
    """Has what a delivery asks of a subscription; a test rotates it by hand."""

    def __init__(self, value: T | None = None) -> None:
        self.value = value
        self.callbacks: list[Callable[[T, T | None], None]] = []

    @property
    def current(self) -> T:
        if self.value is None:
            raise StoreUnavailableError("nothing valid")
        return self.value

    def on_change(self, callback: Callable[[T, T | None], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def rotate(self, value: T) -> None:
        old, self.value = self.value, value
        for callback in list(self.callbacks):
            callback(value, old)


@pytest.fixture
def by_hand() -> type[ByHand[object]]:
    return ByHand


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
