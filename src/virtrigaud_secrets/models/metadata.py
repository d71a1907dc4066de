"""`metadata` of every manifest, with the rules that an API server has for it."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from virtrigaud_secrets.models.base import Bool, DateTime, Int64, Json, Model, Name, Namespace, NonEmpty
from virtrigaud_secrets.models.patterns import LABEL_VALUE_PATTERN, NAME_PATTERN

MAX_PREFIX: Final = 253
"""Characters of what stands before the `/` of a label's or annotation's key."""

MAX_ANNOTATIONS: Final = 256 * 1024
"""Bytes that all annotations of an object may have together."""

_QUALIFIED: Final = re.compile(r"(?:([^/]*)/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_PREFIX: Final = re.compile(NAME_PATTERN, re.ASCII)
_LABEL_VALUE: Final = re.compile(LABEL_VALUE_PATTERN, re.ASCII)


def _is_qualified(key: str) -> bool:
    found = _QUALIFIED.fullmatch(key)
    if found is None:
        return False
    prefix: str | None = found[1]
    return prefix is None or (len(prefix) <= MAX_PREFIX and _PREFIX.fullmatch(prefix) is not None)


def _label_key(key: str) -> str:
    if _is_qualified(key):
        return key
    raise PydanticCustomError("label_key", "expected a key such as app.kubernetes.io/name, of at most 63 characters")


def _label_value(value: str) -> str:
    if _LABEL_VALUE.fullmatch(value) is not None:
        return value
    raise PydanticCustomError(
        "label_value", "expected at most 63 letters, digits, -, _ and ., with a letter or digit at both ends"
    )


def _annotations(annotations: Mapping[str, str]) -> Mapping[str, str]:
    if not all(_is_qualified(key.lower()) for key in annotations):
        raise PydanticCustomError(
            "annotation_key", "expected keys such as example.org/note, of at most 63 characters behind the /"
        )
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > MAX_ANNOTATIONS:
        raise PydanticCustomError("annotations_size", "expected at most 256 KiB of annotations")
    return annotations


def _unless_empty(value: object) -> object:
    return None if value == "" else value


LabelKey = Annotated[str, AfterValidator(_label_key)]
"""Key of a label: a name, perhaps with a DNS name and a `/` before it."""

LabelValue = Annotated[str, AfterValidator(_label_value)]
"""Value of a label; may be empty."""


class OwnerReference(Model):
    """The object that this one goes with."""

    api_version: NonEmpty
    kind: NonEmpty
    name: NonEmpty
    uid: NonEmpty
    controller: Bool | None = None
    block_owner_deletion: Bool | None = None


class ObjectMeta(Model):
    """Name, namespace, labels and annotations. The rest is the server's and is kept unread."""

    name: Name
    namespace: Annotated[Namespace | None, BeforeValidator(_unless_empty)] = None
    labels: Mapping[LabelKey, LabelValue] = {}
    annotations: Annotated[Mapping[str, str], AfterValidator(_annotations)] = {}
    generate_name: Annotated[str, StringConstraints(max_length=253)] | None = Field(default=None, repr=False)
    creation_timestamp: DateTime | None = Field(default=None, repr=False)
    deletion_grace_period_seconds: Int64 | None = Field(default=None, repr=False)
    deletion_timestamp: DateTime | None = Field(default=None, repr=False)
    finalizers: tuple[str, ...] | None = Field(default=None, repr=False)
    generation: Int64 | None = Field(default=None, repr=False)
    managed_fields: tuple[Json, ...] | None = Field(default=None, repr=False)
    owner_references: tuple[OwnerReference, ...] | None = Field(default=None, repr=False)
    resource_version: str | None = Field(default=None, repr=False)
    self_link: str | None = Field(default=None, repr=False)
    uid: str | None = Field(default=None, repr=False)
