"""Rules of ESO's schema that more than one model has. Rules of the admission webhook are in `admission`."""

from __future__ import annotations

from typing import TypeVar

from pydantic_core import PydanticCustomError

from virtrigaud_secrets.models.base import Model

ModelT = TypeVar("ModelT", bound=Model)


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
