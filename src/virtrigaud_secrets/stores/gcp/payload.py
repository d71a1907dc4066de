"""Labels and annotations of a secret as a payload: `metadataPolicy: Fetch` (ESO §3.5). No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from virtrigaud_secrets.errors import DecodingError, PropertyNotFoundError
from virtrigaud_secrets.golang import encoding_json
from virtrigaud_secrets.stores.base import Payload
from virtrigaud_secrets.stores.payload import split_object


class MetadataPayload(Payload):
    """What `labels`, `annotations`, `labels.K` and `annotations.K` name. K may hold dots."""

    __slots__ = ("_parts", "_path", "_store")

    def __init__(
        self, *, labels: Mapping[str, str], annotations: Mapping[str, str], store: str = "", path: str = ""
    ) -> None:
        self._parts = {"annotations": dict(annotations), "labels": dict(labels)}
        self._store = store
        self._path = path

    def whole(self) -> bytes:
        """Both, as one JSON object."""
        return encoding_json.marshal({name: part or None for name, part in self._parts.items()}).encode()

    def property(self, name: str) -> bytes:
        """One of the two as JSON, or one entry as it is."""
        if name in self._parts:
            return encoding_json.marshal(self._parts[name] or None).encode()
        part, _, key = name.partition(".")
        value = self._parts.get(part, {}).get(key)
        if value is None:
            wanted = f'no entry "{key}" among its {part}' if part in self._parts else (
                f'no property "{name}" in its metadata: expected labels, annotations, labels.<key> or annotations.<key>'
            )  # fmt: skip
            raise PropertyNotFoundError(
                f"the secret has {wanted}", property_name=name, store=self._store, path=self._path
            )
        return value.encode()

    def entries(self, name: str = "") -> dict[str, bytes]:
        """The entries of what `property` would be."""
        members = split_object(self.property(name) if name else self.whole())
        if members is None:
            raise DecodingError(f'the metadata at property "{name}" must be a JSON object to be split into entries')
        return members
