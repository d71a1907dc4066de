"""Secrets that are one text, often a JSON object: how properties and entries are found in it. No I/O, no backend.

ESO's providers share the text form and differ in the order of look-up (ESO §3.0), so the order is an argument.
Functions that hold a value in a local variable return None instead of raising: a traceback may show locals.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Final, NoReturn

from virtrigaud_secrets import gjson
from virtrigaud_secrets.errors import DecodingError, PropertyNotFoundError
from virtrigaud_secrets.stores.base import Payload

_BLANK: Final = re.compile(r"[ \t\n\r]*")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Lookup(StrEnum):
    """In which order a property is sought."""

    PATH = "path"
    """As a gjson path: `fake`. A property that is not there counts as a missing secret (ESO §3.7)."""
    PATH_THEN_LITERAL = "path-then-literal"
    """As a gjson path, then, if it has a dot, with its dots taken literally: Azure Key Vault."""
    LITERAL_THEN_PATH = "literal-then-path"
    """If it has a dot, with its dots taken literally, then as a gjson path: AWS."""
    INNER_LITERAL_THEN_PATH = "inner-literal-then-path"
    """As the one before, where the first dot is not the first character, and only in JSON: Google Secret Manager."""
    KEY_THEN_PATH = "key-then-path"
    """As a key of the object, whatever characters it has, then as a gjson path: `files`."""


class TextPayload(Payload):
    """One text. A property is looked up in it as JSON."""

    __slots__ = ("_lookup", "_path", "_store", "_text")

    def __init__(self, text: bytes, *, lookup: Lookup, store: str = "", path: str = "") -> None:
        self._text = text
        self._lookup = lookup
        self._store = store
        self._path = path

    def whole(self) -> bytes:
        """The text."""
        return self._text

    def property(self, name: str) -> bytes:
        """The value at `name`, sought as `lookup` says."""
        try:
            found, refused = self._find(name), ""
        except gjson.PathLimitError as error:
            found, refused = None, str(error)
        if refused:
            raise DecodingError(f'the property "{name}" cannot be looked up: {refused}')
        if found is None:
            raise PropertyNotFoundError(
                f'the secret has no property "{name}"',
                property_name=name,
                store=self._store,
                path=self._path,
                missing=self._lookup is Lookup.PATH,
            )
        return found

    def entries(self, name: str = "") -> dict[str, bytes]:
        """The members of the JSON object that the text, or its property, is."""
        members = split_object(self.property(name) if name else self._text)
        if members is None:
            raise DecodingError(f"the secret{self._place(name)} must be a JSON object to be split into entries")
        return members

    def _place(self, name: str) -> str:
        return (f' at property "{name}"' if name else "") + (f" [path {self._path}]" if self._path else "")

    def _find(self, name: str) -> bytes | None:
        if self._lookup is Lookup.KEY_THEN_PATH:
            member = _member(self._text, name)
            return _at(self._text, name) if member is None else member
        if self._lookup is Lookup.INNER_LITERAL_THEN_PATH and not _is_json(self._text):
            raise DecodingError(f"the secret{self._place('')} must be JSON to look up a property")
        hits = (_at(self._text, path) for path in self._paths(name))
        return next((hit for hit in hits if hit is not None), None)

    def _paths(self, name: str) -> list[str]:
        literal = name.replace(".", r"\.")
        match self._lookup:
            case Lookup.PATH_THEN_LITERAL if "." in name:
                return [name, literal]
            case Lookup.LITERAL_THEN_PATH if "." in name:
                return [literal, name]
            case Lookup.INNER_LITERAL_THEN_PATH if name.find(".") > 0:
                return [literal, name]
            case _:
                return [name]


def split_object(text: bytes) -> dict[str, bytes] | None:
    """The members of a JSON object, as ESO splits one (ESO §3.0, "map split"); None where the text is none.

    A string gives its decoded text, null nothing, and everything else its source text, inner blanks as they were.
    """
    try:
        return _members(text.decode(errors="surrogateescape"))
    except (ValueError, RecursionError):
        return None


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(parse_constant=_refuse, parse_float=str, parse_int=str)


def _is_json(text: bytes) -> bool:
    try:
        _decoder().decode(text.decode(errors="surrogateescape"))
    except (ValueError, RecursionError):
        return False
    return True


def _members(source: str) -> dict[str, bytes]:
    decoder = _decoder()
    position = _skip(source)
    if source[position:].rstrip(" \t\n\r") == "null":
        return {}  # Go decodes null into a map without complaint
    position = _expect(source, position, "{")
    members: dict[str, bytes] = {}
    if source.startswith("}", position):
        return _finish(source, position + 1, members)
    while True:
        key, position = decoder.raw_decode(source, _require(source, position, '"'))
        start = _expect(source, _skip(source, position), ":")
        value, position = decoder.raw_decode(source, start)
        members[_plain(str(key))] = _member_text(source[start:position], value)
        position = _skip(source, position)
        if source.startswith("}", position):
            return _finish(source, position + 1, members)
        position = _expect(source, position, ",")


def _member_text(raw: str, value: object) -> bytes:
    if raw.startswith('"'):
        return _plain(str(value)).encode()
    return b"" if raw == "null" else raw.encode(errors="surrogateescape")


def _skip(source: str, position: int = 0) -> int:
    blanks = _BLANK.match(source, position)
    return position if blanks is None else blanks.end()


def _require(source: str, position: int, character: str) -> int:
    if not source.startswith(character, position):
        raise ValueError
    return position


def _expect(source: str, position: int, character: str) -> int:
    return _skip(source, _require(source, position, character) + 1)


def _finish(source: str, position: int, members: dict[str, bytes]) -> dict[str, bytes]:
    if _skip(source, position) != len(source):
        raise ValueError
    return members


def _plain(text: str) -> str:
    """`text` as Go keeps it: half a surrogate pair, or a byte that is no UTF-8, becomes U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _at(text: bytes, path: str) -> bytes | None:
    hit = gjson.get(text, path)
    return hit.text.encode(errors="surrogateescape") if hit.exists else None


def _member(text: bytes, name: str) -> bytes | None:
    members = split_object(text)
    return None if members is None else members.get(name)
