"""From a document's plain data to a model, as an API server reads it: nulls and unknown fields dropped.

Rules that span fields are in `admission`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Final, TypeVar, Union, cast, get_args, get_origin

from pydantic import ValidationError

from virtrigaud_secrets.findings import Severity
from virtrigaud_secrets.models.backends import KNOWN_TO_ESO, backend_model, is_known
from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.remarks import Location, Remark, field_path, nearest, remarks_of
from virtrigaud_secrets.models.secret_store import Provider
from virtrigaud_secrets.repairs import GUIDE_SPELLING

ModelT = TypeVar("ModelT", bound=Model)

_UNIONS: Final = (Union, UnionType)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What may stand in a field, as far as cleaning must know."""

    model: type[Model] | None = None
    items: _Shape | None = None
    """Of a list."""
    values: _Shape | None = None
    """Of a mapping with free keys."""


_LEAF: Final = _Shape()


def read(model: type[ModelT], data: object, *, strict: bool = False) -> tuple[ModelT | None, list[Remark]]:
    """The model that `data` describes, and what there is to say about it.

    Args:
        model: what is expected.
        data: mappings, lists and scalars, keys being text.
        strict: unknown fields are errors, and the guide's spellings are unknown.

    Returns:
        None in place of the model where a remark is an error that makes it impossible.
    """
    try:
        return model.model_validate(data, by_alias=True, by_name=False), []
    except ValidationError:
        # Nearly all documents need nothing dropped. This one does, or is wrong.
        pass
    cleaning = _Cleaning(strict=strict, tolerant=not strict)
    found, remarks = _cleaned(model, data, cleaning)
    if found is None and cleaning.moved:
        # What the guide spells otherwise may be wrong itself: ESO drops it unseen.
        without = _Cleaning(strict=strict, tolerant=False)
        second = _cleaned(model, data, without)
        if second[0] is not None:
            return second
    return found, remarks


def _cleaned(model: type[ModelT], data: object, cleaning: _Cleaning) -> tuple[ModelT | None, list[Remark]]:
    cleaned = cleaning.clean(_Shape(model=model), data, ())
    try:
        found = model.model_validate(cleaned, by_alias=True, by_name=False)
    except ValidationError as error:
        return None, cleaning.remarks + [cleaning.in_document(remark) for remark in remarks_of(error, cleaned)]
    return found, cleaning.remarks


class _Cleaning:
    """Drops what an API server would drop, and remarks on it."""

    def __init__(self, *, strict: bool, tolerant: bool) -> None:
        self._strict = strict
        self._tolerant = tolerant
        self.moved: dict[Location, Location] = {}
        """Where a field is now that the guide spells otherwise → where the document has it."""
        self.remarks: list[Remark] = []

    def in_document(self, remark: Remark) -> Remark:
        """The remark with the location that the document has for it, where a field was moved."""
        for now, before in self.moved.items():
            if remark.location[: len(now)] == now:
                location = before + remark.location[len(now) :]
                return Remark(location=location, message=remark.message, severity=remark.severity, code=remark.code)
        return remark

    def clean(self, shape: _Shape, value: object, location: Location) -> object:
        """`value` without nulls and unknown fields. What has the wrong type stays, for validation to say so."""
        if isinstance(value, dict):
            mapping = cast("dict[str, object]", value)
            if shape.model is Provider:
                return self._provider(mapping, location)
            if shape.model is not None:
                return self._fields(shape.model, mapping, location)
            if shape.values is not None:
                return {
                    key: self.clean(shape.values, item, (*location, key))
                    for key, item in mapping.items()
                    if item is not None
                }
        if isinstance(value, list) and shape.items is not None:
            items = cast("list[object]", value)
            return [self.clean(shape.items, item, (*location, index)) for index, item in enumerate(items)]
        return value  # pyright: ignore[reportUnknownVariableType]  # isinstance left it partially unknown

    def _fields(self, model: type[Model], mapping: dict[str, object], location: Location) -> dict[str, object]:
        shapes = _shapes(model)
        cleaned: dict[str, object] = {}
        for key, value in self._guide_spellings(model, mapping, location).items():
            if key not in shapes:
                self._unknown((*location, key), sorted(shapes))
            elif value is not None:
                cleaned[key] = self.clean(shapes[key], value, (*location, key))
        return cleaned

    def _provider(self, mapping: dict[str, object], location: Location) -> dict[str, object]:
        chosen = {name: spec for name, spec in mapping.items() if spec is not None}
        known = {name: spec for name, spec in chosen.items() if is_known(name)}
        if not known:
            return chosen
        for name in chosen.keys() - known.keys():
            self._unknown((*location, name), sorted(KNOWN_TO_ESO))
        cleaned: dict[str, object] = {}
        for name, spec in known.items():
            model = backend_model(name) or _fields_of_unsupported(name)
            # A package may bring a model that is not of our kind: it says itself what it takes.
            if model is not None and issubclass(model, Model):
                spec = self.clean(_Shape(model=model), spec, (*location, name))  # noqa: PLW2901  # the cleaned one
            cleaned[name] = spec
        return cleaned

    def _guide_spellings(self, model: type[Model], mapping: dict[str, object], location: Location) -> dict[str, object]:
        for written, meant in model.guide_spellings.items():
            if not self._tolerant or mapping.get(written) is None or meant[0] in mapping:
                continue
            value: object = mapping[written]
            for part in reversed(meant[1:]):
                value = {part: value}
            mapping = {key: item for key, item in mapping.items() if key != written} | {meant[0]: value}
            self.moved[(*location, *meant)] = (*location, written)
            self.remarks.append(
                Remark(
                    location=(*location, written),
                    message=f"read as {field_path(meant)}, which is ESO's name for it",
                    severity=Severity.NOTE,
                    code=GUIDE_SPELLING,
                )
            )
        return mapping

    def _unknown(self, location: Location, known: list[str]) -> None:
        self.remarks.append(
            Remark(
                location=location,
                message=f"unknown field{nearest(str(location[-1]), known)}",
                severity=Severity.ERROR if self._strict else Severity.WARNING,
                code="unknown-field",
            )
        )


def _fields_of_unsupported(name: str) -> type[Model] | None:
    """The model of a backend that only ESO has; None where its fields are not known: it is kept as it is."""
    # Most programs name none of them.
    from virtrigaud_secrets.models.backends.unsupported import FIELDS, unsupported_model

    return unsupported_model(name) if name in FIELDS else None


@cache
def _shapes(model: type[Model]) -> Mapping[str, _Shape]:
    return {field.alias or name: _shape(field.annotation) for name, field in model.model_fields.items()}


def _shape(annotation: object) -> _Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _shape(arguments[0])
    if origin in _UNIONS:
        return next((shape for shape in map(_shape, arguments) if shape != _LEAF), _LEAF)
    if origin is tuple:
        return _Shape(items=_shape(arguments[0]))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _Shape(values=_shape(arguments[1]))
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return _Shape(model=annotation)
    return _LEAF
