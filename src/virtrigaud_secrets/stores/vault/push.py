"""Writes to the store's KV engine, under ESO's mark of ownership (ESO §3.1, "PushSecret"). Knows no login.

Version 2 keeps the mark in the secret's custom metadata, version 1 beside the data, under `custom_metadata`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from virtrigaud_secrets.errors import (
    ConflictError,
    InvalidRequestError,
    SecretNotFoundError,
    StoreError,
)
from virtrigaud_secrets.golang import encoding_json
from virtrigaud_secrets.golang.encoding_json import Decoded, JSONError
from virtrigaud_secrets.models.push_metadata import VaultPushMetadata
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Push, PushOutcome, PushTarget, is_text
from virtrigaud_secrets.stores.push_metadata import MARK, is_owned, not_owned, read_metadata
from virtrigaud_secrets.stores.vault.errors import Fault
from virtrigaud_secrets.stores.vault.paths import kv_path, plain
from virtrigaud_secrets.stores.vault.transport import Reply, Request

CUSTOM_METADATA: Final = "custom_metadata"
"""Where both versions of the engine keep the mark."""

Send = Callable[[Request], "Reply | Fault"]
"""Sends a request with the token in force."""

Members = Mapping[str, Decoded]
"""Members of a JSON object."""


@dataclass(frozen=True, slots=True)
class _Data:
    """A secret's data, hidden: local variables hold it while requests fail."""

    members: Members = field(repr=False)
    """The data."""

    def without(self, name: str) -> _Data:
        """The data without one member."""
        return _Data({key: value for key, value in self.members.items() if key != name})

    def equals(self, other: _Data) -> bool:
        """Whether both are the same JSON, however their numbers are written."""
        return _plain(self.members) == _plain(other.members)


@dataclass(frozen=True, slots=True)
class _Secret:
    """A secret as it is before a write."""

    marks: Mapping[str, str] = field(repr=False)
    """Its custom metadata."""
    data: _Data | None = field(repr=False)
    """Its data; None where it has none: it is new, or its last version was deleted."""
    version: int = 0
    """The version that a write must find, 0 for none."""
    known: bool = False
    """Whether the engine knows it at all."""

    @property
    def foreign(self) -> bool:
        """Whether somebody else has written it."""
        return self.known and (self.version > 0 or self.data is not None) and not is_owned(self.marks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes to one KV engine."""

    send: Send
    """How to ask the server."""
    mount: str
    """Path of the engine; empty where the store names none and keys begin with it."""
    version: int
    """Of the engine, 1 or 2."""

    def push(self, push: Push) -> PushOutcome:
        """Write a value; of several that write at the same time, one succeeds.

        Raises:
            NotOwnedError: the secret is somebody else's.
            ConflictError: somebody else wrote it meanwhile.
            InvalidRequestError: the whole of a secret must be a JSON object.
            StoreError: a request failed.
        """
        path = self._path(push.target)
        metadata = self._read_metadata(push)
        value = push.value
        before = self._look(path)
        if before.foreign:
            raise not_owned(push.target, path)
        wanted = _wanted(before.data, push.target.property, value)
        if wanted is None:
            reason = "a secret is a JSON object: what is pushed to it as a whole must be one"
            if push.target.property:
                reason = "the value is not UTF-8 text, which JSON cannot hold"
            raise InvalidRequestError(reason, path=path)
        marks = _marks(before, metadata)
        changed = before.data is None or not before.data.equals(wanted)
        if not changed and marks == before.marks:
            return PushOutcome.UNCHANGED
        if not push.dry_run:
            self._write(path, wanted if changed else None, marks, before)
        return PushOutcome.CREATED if before.data is None else PushOutcome.UPDATED

    def exists(self, target: PushTarget) -> bool:
        """Whether the secret has data, and the property in it."""
        found = self._data(self._path(target)).data
        if found is None:
            return False
        if self.version == 1:
            found = found.without(CUSTOM_METADATA)
        return not target.property or target.property in found.members

    def delete(self, target: PushTarget, *, dry_run: bool) -> PushOutcome:
        """Delete a secret with all its versions and its metadata, or write it anew without the property."""
        path = self._path(target)
        before = self._look(path)
        if before.data is None or (target.property and target.property not in before.data.members):
            return PushOutcome.NOT_OWNED if before.foreign else PushOutcome.ABSENT
        if before.foreign:
            return PushOutcome.NOT_OWNED
        left = before.data.without(target.property)
        if dry_run:
            return PushOutcome.DELETED
        if target.property and left.members:
            self._write(path, left, before.marks, before)
            return PushOutcome.DELETED
        self._ask(Request(method="DELETE", path=self._metadata_path(path) if self.version != 1 else path))
        return PushOutcome.DELETED

    def _read_metadata(self, push: Push) -> VaultPushMetadata:
        if self.version != 1:
            return read_metadata(push, VaultPushMetadata)
        if push.metadata is not None:
            raise InvalidRequestError("a KV engine of version 1 keeps no metadata: data[].metadata needs version v2")
        return VaultPushMetadata()

    def _path(self, target: PushTarget) -> str:
        return kv_path(plain(target.key), mount=self.mount, version=self.version)

    def _metadata_path(self, path: str) -> str:
        # Differs from ESO: with a mount in the key, its mark is written to another secret's metadata than the data.
        start = len(self.mount) if self.mount else 0
        return path[:start] + path[start:].replace("/data/", "/metadata/", 1)

    def _look(self, path: str) -> _Secret:
        if self.version == 1:
            found = self._data(path)
            if found.data is None:
                return found
            marks = _texts(found.data.members.get(CUSTOM_METADATA))
            return _Secret(marks, found.data.without(CUSTOM_METADATA), known=True)
        reply = self._found(Request(method="GET", path=self._metadata_path(path), repeatable=True))
        if reply is None:
            return _Secret({}, None)
        about = _mapping(reply.body.get("data"))
        marks, current = _texts(about.get(CUSTOM_METADATA)), _number(about.get("current_version"))
        known = _Secret(marks, None, version=current, known=True)
        if known.foreign or not current:
            return known
        # What is written must be what was compared, so that the version read is the one a write must find.
        found = self._data(path)
        return _Secret(marks, found.data, version=found.version or current, known=True)

    def _data(self, path: str) -> _Secret:
        """The data of the newest version, without marks."""
        outcome = self.send(Request(method="GET", path=path, repeatable=True))
        if isinstance(outcome, Fault):
            if not isinstance(outcome.error, SecretNotFoundError) or not outcome.error.missing:
                raise outcome.error
            return _Secret({}, None)
        outer = _mapping(outcome.body.get("data"))
        if self.version == 1:
            return _Secret({}, _Data(outer), known=True)
        inner = outer.get("data")
        version = _number(_mapping(outer.get("metadata")).get("version"))
        return _Secret({}, _Data(inner) if isinstance(inner, dict) else None, version=version, known=True)

    def _write(self, path: str, data: _Data | None, marks: Mapping[str, str], before: _Secret) -> None:
        if self.version == 1:
            text = _version_1_text(data or before.data or _Data({}), marks)
            self._ask(Request(method="POST", path=path, text=text))
            return
        if marks != before.marks:
            # Before the data, as in ESO: should the data not arrive, the secret is ours and the next push goes on.
            request = Request(
                method="POST",
                path=self._metadata_path(path),
                body={CUSTOM_METADATA: dict(marks)},
                # It says what is to be, so a second time changes nothing.
                repeatable=True,
            )
            self._ask(request)
        if data is not None:
            # ESO asks for the version only under checkAndSet.required; without it, two that write lose one of the two.
            self._ask(Request(method="POST", path=path, text=_version_2_text(data, before.version)), conflict=True)

    def _found(self, request: Request) -> Reply | None:
        outcome = self.send(request)
        if isinstance(outcome, Reply):
            return outcome
        if isinstance(outcome.error, SecretNotFoundError) and outcome.error.missing:
            return None
        raise outcome.error

    def _ask(self, request: Request, *, conflict: bool = False) -> None:
        outcome = self.send(request)
        if isinstance(outcome, Fault):
            raise _conflict(outcome.error) if conflict and outcome.conflict else outcome.error


def _conflict(error: StoreError) -> ConflictError:
    return ConflictError(
        "somebody else wrote the secret meanwhile, so nothing was written",
        store=error.store,
        path=error.path,
        status=HTTPStatus.BAD_REQUEST,
        request_id=error.request_id,
    )


def _wanted(current: _Data | None, name: str, value: Sensitive) -> _Data | None:
    """The data to write, None where the value cannot be part of it."""
    if not is_text(value):
        return None
    if name:
        kept: Members = {} if current is None else current.members
        return _Data({**kept, name: value.reveal_text()})
    try:
        # Numbers as ESO writes them, which reads them as floats.
        members = encoding_json.unmarshal(value.reveal())
    except JSONError:
        return None
    return _Data(members) if isinstance(members, dict) else None


def _plain(data: Members) -> str:
    return encoding_json.marshal(encoding_json.unmarshal(encoding_json.marshal(data)))


def _marks(before: _Secret, metadata: VaultPushMetadata) -> Mapping[str, str]:
    kept: Mapping[str, str] = before.marks if metadata.merge_policy == "Merge" else {}
    return {**kept, **metadata.custom_metadata, **MARK}


def _version_1_text(data: _Data, marks: Mapping[str, str]) -> Sensitive:
    return Sensitive(encoding_json.marshal({**data.members, CUSTOM_METADATA: {**marks}}))


def _version_2_text(data: _Data, version: int) -> Sensitive:
    return Sensitive(encoding_json.marshal({"data": data.members, "options": {"cas": version}}))


def _mapping(value: Decoded) -> Members:
    return value if isinstance(value, dict) else {}


def _texts(value: Decoded) -> dict[str, str]:
    return {name: text for name, text in _mapping(value).items() if isinstance(text, str)}


def _number(value: Decoded) -> int:
    return int(value) if isinstance(value, str) and value.isdigit() else 0
