"""The models as JSON Schema, so that editors check manifests while they are written.

What a schema cannot say, such as the webhook's rules, only `check` tells.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Final, cast

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema

from virtrigaud_secrets.models.backends import BACKENDS, KNOWN_TO_ESO, backend_model
from virtrigaud_secrets.models.backends.unsupported import unsupported_model
from virtrigaud_secrets.models.base import Duration
from virtrigaud_secrets.models.kinds import KINDS, Kind
from virtrigaud_secrets.models.secret_store import Provider

if TYPE_CHECKING:
    from pydantic_core import core_schema

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
"""What editors' YAML servers read."""

REFERENCE: Final = "#/$defs/{model}"
"""Where the models are in a schema."""


def schema_of(kind: Kind) -> JsonSchemaValue:
    """The schema of one kind's manifests."""
    schema = _envelope(kind.name, [kind])
    schema["allOf"] = [{"$ref": _reference(kind)}, {"properties": {"kind": {"const": kind.name}}}]
    return schema


def schema_of_all() -> JsonSchemaValue:
    """One schema of all kinds: it chooses by `kind`, and lets documents of other groups pass."""
    schema = _envelope("Manifests of External Secrets Operator", KINDS.values())
    schema["allOf"] = [
        {
            "if": {
                "properties": {
                    "apiVersion": {"pattern": f"^{kind.group.replace('.', '[.]')}/"},
                    "kind": {"const": kind.name},
                },
                "required": ["apiVersion", "kind"],
            },
            "then": {"$ref": _reference(kind)},
        }
        for kind in KINDS.values()
    ]
    return schema


def _envelope(title: str, kinds: Iterable[Kind]) -> JsonSchemaValue:
    models = {kind.attribute: kind.model for kind in kinds}
    _, found = models_json_schema(
        [(model, "validation") for model in models.values()],
        by_alias=True,
        ref_template=REFERENCE,
        schema_generator=_Generator,
    )
    definitions = cast("dict[str, JsonSchemaValue]", found["$defs"])
    for name in models:
        definition = definitions[name]
        definition["properties"]["status"] = {"description": "What the controller wrote back. Not read."}
        definition["required"] = sorted({"apiVersion", "kind", *definition.get("required", [])})
    metadata = definitions["ObjectMeta"]
    del metadata["required"]
    metadata["anyOf"] = [{"required": ["name"]}, {"required": ["generateName"]}]
    return {"$schema": DIALECT, "title": title, "type": "object", "$defs": definitions}


def _reference(kind: Kind) -> str:
    return REFERENCE.format(model=kind.attribute)


class _Generator(GenerateJsonSchema):
    """Pydantic's, with the attributes' docstrings, without titles, and with no word of null: it counts as absent."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """The schema of what stands there if anything does."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The default, unless it is that nothing is there."""
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def encode_default(self, dft: object) -> object:
        """A default as a manifest writes it."""
        return dft.written if isinstance(dft, Duration) else super().encode_default(dft)

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002  # as the base class has it
        """Never: the name says as much."""
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """A model, each field with what its docstring says."""
        model = schema["cls"]
        if model is Provider:
            return self._provider()
        found = super().model_schema(schema)
        found.pop("title", None)
        told = _attribute_docstrings(model)
        for name, field in model.model_fields.items():
            if name in told:
                found["properties"][field.alias or name]["description"] = told[name]
        return found

    def _provider(self) -> JsonSchemaValue:
        """Exactly one of the backends that ESO or this library has."""
        backends: dict[str, JsonSchemaValue] = {}
        for name in sorted(KNOWN_TO_ESO | set(BACKENDS)):
            model = backend_model(name) if name in BACKENDS else unsupported_model(name)
            assert model is not None  # noqa: S101  # each of the BACKENDS has one
            model.model_rebuild()
            backends[name] = self.generate_inner(model.__pydantic_core_schema__)
            if name not in BACKENDS:
                backends[name]["description"] = "Known to ESO, not supported here."
        return {
            "type": "object",
            "description": "The backend: exactly one.",
            "properties": backends,
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }


def _attribute_docstrings(model: type) -> dict[str, str]:
    """What stands below the attributes of a class in its source."""
    try:
        source = inspect.getsource(model)
    except OSError:
        # Made at run time.
        return {}
    tree = ast.parse(textwrap.dedent(source))
    body = cast("ast.ClassDef", tree.body[0]).body
    told: dict[str, str] = {}
    for node, after in pairwise(body):
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            # Who writes a manifest knows no None but the word.
            told[node.target.id] = inspect.cleandoc(after.value.value).replace("None means", "Left out, it means")
    return told
