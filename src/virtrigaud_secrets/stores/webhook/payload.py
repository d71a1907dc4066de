"""What a webhook's answer means: a JSONPath into it, as text or as entries (ESO §3.8).

Functions that hold a value in a local variable return a reason instead of raising: a traceback may show locals.
"""

from __future__ import annotations

from enum import StrEnum
from typing import cast

from virtrigaud_secrets.errors import DecodingError, PropertyNotFoundError, SecretsError
from virtrigaud_secrets.golang import encoding_json, strconv
from virtrigaud_secrets.golang.encoding_json import Decoded
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Payload


class _Fault(StrEnum):
    NO_JSON = "the answer is no JSON"
    NO_PATH = "result.jsonPath is no JSONPath once it is rendered"
    NOTHING = "result.jsonPath finds nothing in the answer"
    NO_OBJECT = "the answer must be a JSON object to be split into entries"


class WebhookPayload(Payload):
    """One answer. Which part of it a property means was decided when it was asked for."""

    __slots__ = ("_body", "_json_path", "_path", "_store", "_written")

    def __init__(self, body: Sensitive, *, json_path: Sensitive, written: str, store: str, path: str) -> None:
        """Keep the answer.

        Args:
            body: all of it.
            json_path: the JSONPath into it; empty for all of it.
            written: the JSONPath as the manifest writes it, for errors.
            store: the store, for errors.
            path: what was asked, for errors.
        """
        self._body = body
        self._json_path = json_path
        self._written = written
        self._store = store
        self._path = path

    def whole(self) -> bytes:
        """What the JSONPath finds, as text; without one, the answer as it is."""
        if not self._json_path:
            return self._body.reveal()
        found = _text(self._body, self._json_path)
        if isinstance(found, _Fault):
            raise self._error(found)
        return found

    def property(self, name: str) -> bytes:  # noqa: ARG002  # the templates have seen it
        """The same: a property is the templates' matter."""
        return self.whole()

    def entries(self, name: str = "") -> dict[str, bytes]:  # noqa: ARG002  # the templates have seen it
        """The members of the JSON object that is found, or that a text found there holds."""
        found = _entries(self._body, self._json_path)
        if isinstance(found, _Fault):
            raise self._error(found)
        return found

    def _error(self, fault: _Fault) -> SecretsError:
        if fault is _Fault.NOTHING:
            return PropertyNotFoundError(str(fault), property_name=self._written, store=self._store, path=self._path)
        return DecodingError(f"{fault} [path {self._path}] [store {self._store}]")


def _text(body: Sensitive, json_path: Sensitive) -> bytes | _Fault:
    found = _found(body, json_path)
    while isinstance(found, list):
        # ESO keeps to the first of several, for manifests that were written when it knew no better.
        if not found:
            return _Fault.NOTHING
        found = found[0]
    if isinstance(found, _Fault):
        return found
    if isinstance(found, float):
        return strconv.format_float(found, "f", 0).encode()
    return _bytes(found)


def _entries(body: Sensitive, json_path: Sensitive) -> dict[str, bytes] | _Fault:
    found = _found(body, json_path)
    if isinstance(found, str) and not isinstance(found, _Fault):
        found = _decoded(Sensitive(found.encode(errors="surrogateescape")))
    if isinstance(found, _Fault):
        return found
    if not isinstance(found, dict):
        return _Fault.NO_OBJECT
    return {key: _bytes(value) for key, value in found.items()}


def _decoded(text: Sensitive) -> Decoded | _Fault:
    try:
        return encoding_json.unmarshal(text.reveal())
    except encoding_json.JSONError:
        return _Fault.NO_JSON


def _found(body: Sensitive, json_path: Sensitive) -> Decoded | _Fault:
    """What the JSONPath finds: one value where it can only mean one, else a list of all."""
    import jsonpath

    document = _decoded(body)
    if isinstance(document, _Fault) or not json_path:
        return document
    try:
        path = jsonpath.compile(json_path.reveal_text())
        # The library would read a text as JSON once more; there is nothing in one but itself.
        found: list[Decoded] = [
            cast("Decoded", match.obj) for match in path.finditer([] if isinstance(document, str) else document)
        ]
    except (jsonpath.JSONPathError, ValueError, RecursionError):
        return _Fault.NO_PATH
    if isinstance(document, str):
        found = [document] if str(path) == "$" else []
    if not (isinstance(path, jsonpath.JSONPath) and path.singular_query()):
        return found
    return found[0] if found else _Fault.NOTHING


def _bytes(value: Decoded) -> bytes:
    """A JSON value as the text it has in a Secret (ESO §3.0, "stringification")."""
    if value is None:
        return b""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, str):
        return value.encode(errors="surrogateescape")
    if isinstance(value, float):
        return strconv.format_float(value, "f").encode()
    return encoding_json.marshal(value).encode()
