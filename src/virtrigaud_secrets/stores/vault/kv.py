"""Reads answers of the KV engine, versions 1 and 2. Which path was asked is the matter of `paths` and `routes`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from virtrigaud_secrets.errors import InvalidRequestError, SecretNotFoundError, StoreError
from virtrigaud_secrets.golang.encoding_json import Decoded, Number
from virtrigaud_secrets.stores.base import Answer
from virtrigaud_secrets.stores.stringification import as_bytes
from virtrigaud_secrets.stores.vault.errors import deleted_version
from virtrigaud_secrets.stores.vault.payload import VaultPayload
from virtrigaud_secrets.stores.vault.transport import Reply

_METADATA: Final = ("created_time", "current_version", "delete_version_after")
"""What ESO shows of a secret's metadata besides the custom part."""


def answer(
    reply: Reply,
    *,
    version: int,
    path: str,
    store: str,
    repairs: tuple[str, ...] = (),
    payload: type[VaultPayload] = VaultPayload,
) -> Answer | StoreError:
    """The secret in a KV answer, or why there is none.

    Args:
        reply: the server's answer.
        version: of the engine.
        path: what was read.
        store: the store, for errors.
        repairs: passed on.
        payload: how properties are looked up.
    """
    outer = reply.body.get("data")
    metadata = outer.get("metadata") if version != 1 and isinstance(outer, Mapping) else None
    data = outer.get("data") if version != 1 and isinstance(outer, Mapping) else outer
    if isinstance(data, Mapping):
        return Answer(
            payload=payload(data, store=store, path=path),
            path=path,
            version=_number(metadata),
            request_id=reply.request_id,
            repairs=repairs,
        )
    if version == 1:
        return SecretNotFoundError("there is no such secret", path=path, request_id=reply.request_id)
    if isinstance(outer, Mapping) and isinstance(metadata, Mapping):
        return deleted_version(outer, path=path, request_id=reply.request_id)
    return InvalidRequestError(
        "the answer is not that of a KV engine of version 2: set version to v1 in the store", path=path,
        request_id=reply.request_id,
    )  # fmt: skip


def metadata_answer(reply: Reply, *, path: str, store: str) -> Answer | StoreError:
    """A secret's metadata, as ESO shows it: everything as text, the custom part beside the rest (ESO §3.1)."""
    data = reply.body.get("data")
    if not isinstance(data, Mapping):
        return SecretNotFoundError("there is no such secret", path=path, request_id=reply.request_id)
    shown: dict[str, Decoded] = {name: as_bytes(data[name]).decode() for name in _METADATA if name in data}
    custom = data.get("custom_metadata")
    if isinstance(custom, Mapping):
        shown.update({name: as_bytes(value).decode() for name, value in custom.items()})
    payload = VaultPayload(shown, store=store, path=path)
    return Answer(payload=payload, path=path, version=_text(data, "current_version"), request_id=reply.request_id)


def _number(metadata: Decoded) -> str:
    return _text(metadata, "version") if isinstance(metadata, Mapping) else ""


def _text(data: Mapping[str, Decoded], name: str) -> str:
    value = data.get(name)
    return str(value) if isinstance(value, Number) else ""
