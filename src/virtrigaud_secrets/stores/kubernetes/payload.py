"""What a Kubernetes Secret answers to a manifest's questions: its data, or its labels and annotations (ESO §3.6).

Functions that hold a value in a local variable return None instead of raising: a traceback may show locals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from virtrigaud_secrets import gjson
from virtrigaud_secrets.errors import DecodingError, PropertyNotFoundError
from virtrigaud_secrets.golang import base64, encoding_json
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Payload

LABELS: Final = "labels"
"""Property that means all labels, and the start of those that mean one."""
ANNOTATIONS: Final = "annotations"
"""The same for annotations."""


class SecretPayload(Payload):
    """The data of one Secret."""

    __slots__ = ("_data", "_path", "_store")

    def __init__(self, data: Mapping[str, Sensitive], *, store: str = "", path: str = "") -> None:
        self._data = data
        self._store = store
        self._path = path

    def whole(self) -> bytes:
        """A JSON object of texts. A byte that is no UTF-8 becomes U+FFFD."""
        return _object(_revealed(self._data))

    def property(self, name: str) -> bytes:
        """The value of key `name`; else, as `key.path`, what a gjson path finds in the value of `key`."""
        return _required(self._find(name), name, self._store, self._path)

    def entries(self, name: str = "") -> dict[str, bytes]:
        """The data as it is; with a name, the members of the JSON object under that key, as JSON texts each."""
        if not name:
            return _revealed(self._data)
        return _members(Sensitive(encoding_json.marshal(_revealed(self._data))), name, self._store, self._path)

    def _find(self, name: str) -> bytes | str | None:
        if name in self._data:
            return self._data[name].reveal()
        key, _, path = name.partition(".")
        if not key or not path or key not in self._data:
            return None
        return _at(self._data[key], path)


class MetadataPayload(Payload):
    """The labels and annotations of one Secret: `metadataPolicy: Fetch`."""

    __slots__ = ("_parts", "_path", "_store")

    def __init__(
        self, labels: Mapping[str, str], annotations: Mapping[str, Sensitive], *, store: str = "", path: str = ""
    ) -> None:
        self._parts = {LABELS: {key: Sensitive(text) for key, text in labels.items()}, ANNOTATIONS: annotations}
        self._store = store
        self._path = path

    def whole(self) -> bytes:
        """A JSON object with both."""
        members = (b'"%s":%s' % (part.encode(), self._part(part, escape_html=False)) for part in sorted(self._parts))
        return b"{" + b",".join(members) + b"}"

    def property(self, name: str) -> bytes:
        """`labels`, `labels.KEY`, `annotations` or `annotations.KEY`; what follows another dot is a gjson path."""
        return _required(self._find(name), name, self._store, self._path)

    def entries(self, name: str = "") -> dict[str, bytes]:
        """`labels` and `annotations`, a JSON object each; with a name, the members of one of them."""
        if not name:
            return self._written()
        return _members(Sensitive(encoding_json.marshal(self._written())), name, self._store, self._path)

    def _written(self) -> dict[str, bytes]:
        return {part: self._part(part, escape_html=True) for part in self._parts}

    def _part(self, part: str, *, escape_html: bool) -> bytes:
        # Go writes a map that was never made as null.
        values = _revealed(self._parts[part])
        return _object(values, escape_html=escape_html) if values else b"null"

    def _find(self, name: str) -> bytes | str | None:
        part, *keys = name.split(".")
        if part not in self._parts:
            return None
        if not keys:
            return self._part(part, escape_html=False)
        key, *path = keys
        value = self._parts[part].get(key)
        if value is None or not path:
            return None if value is None else value.reveal()
        return _at(value, "".join(path))


def _revealed(values: Mapping[str, Sensitive]) -> dict[str, bytes]:
    return {key: value.reveal() for key, value in values.items()}


def _object(values: Mapping[str, bytes], *, escape_html: bool = False) -> bytes:
    texts = {key: value.decode(errors="surrogateescape") for key, value in values.items()}
    return encoding_json.marshal(texts, escape_html=escape_html).encode()


def _at(document: Sensitive, path: str) -> bytes | str | None:
    """What the path finds; text for why it was not followed."""
    try:
        hit = gjson.get(document.reveal(), path)
    except gjson.PathLimitError as error:
        return str(error)
    return hit.text.encode(errors="surrogateescape") if hit.exists else None


def _required(found: bytes | str | None, name: str, store: str, path: str) -> bytes:
    if isinstance(found, bytes):
        return found
    if found is not None:
        raise DecodingError(f'the property "{name}" cannot be looked up: {found}')
    raise PropertyNotFoundError(f'the Secret has no property "{name}"', property_name=name, store=store, path=path)


def _members(document: Sensitive, name: str, store: str, path: str) -> dict[str, bytes]:
    """The members of the JSON object that `name` finds, as JSON texts."""
    refused = ""
    try:
        found = _split(document, name)
    except gjson.PathLimitError as error:
        found, refused = None, str(error)
    if refused:
        raise DecodingError(f'the property "{name}" cannot be looked up: {refused}')
    if found is None:
        raise PropertyNotFoundError(f'the Secret has no property "{name}"', property_name=name, store=store, path=path)
    if isinstance(found, dict):
        return found
    raise DecodingError(f'the Secret at property "{name}" must be a JSON object to be split into entries [path {path}]')


def _split(document: Sensitive, name: str) -> dict[str, bytes] | bool | None:
    """As ESO does it: a gjson path into the whole Data of the object, where values are base64 (ESO §3.6).

    None where nothing is found, False where it is no JSON object.
    """
    hit = gjson.get(document.reveal(), name.replace(".", r"\.")) if "." in name else None
    if hit is None or not hit.exists:
        hit = gjson.get(document.reveal(), name)
    if not hit.exists:
        return None
    try:
        members = encoding_json.unmarshal(base64.decode(hit.text.encode(errors="surrogateescape")))
    except (base64.Base64Error, encoding_json.JSONError):
        return False
    if members is None:
        return {}
    if not isinstance(members, dict):
        return False
    return {key: encoding_json.marshal(value).encode() for key, value in members.items()}
