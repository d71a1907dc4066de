"""`LiveSecret`: a Secret as the cluster keeps it, with all that a write has to leave as it is."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self, cast

from virtrigaud_secrets.errors import StoreUnavailableError
from virtrigaud_secrets.sensitive import Sensitive


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class LiveSecret:
    """A Kubernetes Secret. Neither its values nor its annotations show: `kubectl apply` keeps a copy of all in one."""

    name: str
    """Its name."""
    namespace: str
    """Its namespace."""
    data: Mapping[str, Sensitive] = field(default_factory=dict[str, Sensitive])
    """Its values, decoded."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Its labels."""
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Its annotations."""
    type: str = ""
    """Its type; empty before it has one."""
    immutable: bool = False
    """Whether data and type are there to stay."""
    finalizers: tuple[str, ...] = ()
    """Its finalizers."""
    owners: tuple[Mapping[str, object], ...] = ()
    """`metadata.ownerReferences`."""
    document: Mapping[str, object] = field(default_factory=dict[str, object])
    """All of it as the cluster told it."""

    @classmethod
    def from_document(cls, document: Mapping[str, object]) -> Self:
        """A Secret that the cluster answered.

        Raises:
            StoreUnavailableError: it is none.
        """
        metadata = _mapping(document.get("metadata"))
        try:
            encoded = _texts(document.get("data"))
            return cls(
                name=_text(metadata["name"]),
                namespace=_text(metadata["namespace"]),
                data={key: Sensitive(base64.b64decode(text, validate=True)) for key, text in encoded.items()},
                labels=_texts(metadata.get("labels")),
                annotations=_texts(metadata.get("annotations")),
                type=_text(document.get("type")),
                immutable=document.get("immutable") is True,
                finalizers=tuple(_text(one) for one in _list(metadata.get("finalizers"))),
                owners=_mappings(metadata.get("ownerReferences")),
                document=document,
            )
        except (KeyError, TypeError, ValueError):
            pass
        # Out here: what was wrong may show a part of a value.
        raise StoreUnavailableError("the cluster's answer is no Secret", path="secrets")

    @property
    def uid(self) -> str:
        """Its `uid`; empty before it was made."""
        return _text(self._metadata.get("uid"))

    @property
    def version(self) -> str:
        """Its `resourceVersion`; empty before it was made."""
        return _text(self._metadata.get("resourceVersion"))

    @property
    def is_going(self) -> bool:
        """Whether it was deleted and waits for its finalizers."""
        return bool(self._metadata.get("deletionTimestamp"))

    @property
    def managed_fields(self) -> tuple[Mapping[str, object], ...]:
        """Who wrote what of it."""
        return _mappings(self._metadata.get("managedFields"))

    def values(self) -> dict[str, bytes]:
        """Its values as they are, for what takes bytes."""
        return {key: value.reveal() for key, value in self.data.items()}

    def has_content_of(self, other: LiveSecret) -> bool:
        """Whether what an immutable Secret keeps for ever is the same."""
        return (self.data, self.type, self.immutable) == (other.data, other.type, other.immutable)

    def has_metadata_of(self, other: LiveSecret) -> bool:
        """Whether labels, annotations, finalizers and owners are the same."""
        return (self.labels, self.annotations, self.finalizers, self.owners) == (
            other.labels,
            other.annotations,
            other.finalizers,
            other.owners,
        )

    def to_document(self) -> dict[str, object]:
        """The body of a write: what the cluster told, with what is to be. Holds values."""
        parts: dict[str, object] = {
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "ownerReferences": [dict(owner) for owner in self.owners],
            "finalizers": list(self.finalizers),
        }
        untouched = {key: value for key, value in self._metadata.items() if key not in parts}
        metadata = {**untouched, "name": self.name, "namespace": self.namespace, **_given(parts)}
        content: dict[str, object] = {
            "type": self.type,
            "immutable": self.immutable,
            "data": {key: base64.b64encode(value.reveal()).decode() for key, value in self.data.items()},
        }
        others = {key: value for key, value in self.document.items() if key not in content}
        return {**others, "metadata": metadata, **_given(content)}

    def __repr__(self) -> str:
        """Where it is."""
        return f"<LiveSecret {self.namespace}/{self.name}>"

    @property
    def _metadata(self) -> Mapping[str, object]:
        return _mapping(self.document.get("metadata"))


def _mapping(value: object) -> Mapping[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _mappings(value: object) -> tuple[Mapping[str, object], ...]:
    return tuple(_mapping(one) for one in _list(value))


def _texts(value: object) -> dict[str, str]:
    return {key: _text(text) for key, text in _mapping(value).items()}


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _given(parts: Mapping[str, object]) -> dict[str, object]:
    """Without what is empty: the API keeps none of it either."""
    return {key: value for key, value in parts.items() if value}
