"""Rules of ESO's schema that more than one model has. Rules of the admission webhook are in `admission`."""

from __future__ import annotations

from typing import Final, TypeVar

from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from virtrigaud_secrets.models.base import Model

ModelT = TypeVar("ModelT", bound=Model)

ONE_FIELD: Final[JsonDict] = {"minProperties": 1, "maxProperties": 1}
"""JSON Schema of a model of which exactly one field is set, whichever."""


def one_of(*aliases: str) -> JsonDict:
    """JSON Schema of a model of which exactly one of these fields is set."""
    return {"oneOf": [{"required": [alias]} for alias in aliases]}


def not_both(first: str, second: str) -> JsonDict:
    """JSON Schema of a model of which not both fields are set; an empty list counts as not set."""
    return {"not": {"required": [first, second], "properties": {second: {"not": {"const": []}}}}}


def exactly_one(model: ModelT, *aliases: str) -> ModelT:
    """The model, if exactly one of the fields is set.

    Raises:
        PydanticCustomError: none is, or several are.
    """
    if len(_set(model, aliases)) == 1:
        return model
    raise PydanticCustomError("exactly_one", "expected exactly one of {names}", {"names": ", ".join(aliases)})


def at_most_one(model: ModelT, *aliases: str) -> ModelT:
    """The model, unless several of the fields are set.

    Raises:
        PydanticCustomError: several are.
    """
    if len(_set(model, aliases)) <= 1:
        return model
    raise PydanticCustomError("at_most_one", "expected at most one of {names}", {"names": ", ".join(aliases)})


def _set(model: Model, aliases: tuple[str, ...]) -> list[str]:
    return [
        name
        for name, field in type(model).model_fields.items()
        if (field.alias or name) in aliases and getattr(model, name) is not None
    ]
