"""What Secret Manager makes of requests that write: the changed secret, or the error. Keeps nothing."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, cast

from virtrigaud_secrets.stores.gcp.crc32c import crc32c
from virtrigaud_secrets.testing.servers.google_identity import Answer, error

LARGEST: Final = 64 * 1024
"""Bytes that one version may have."""

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")
_LABEL: Final = re.compile(r"[a-z0-9_-]{0,63}")
_CHANGEABLE: Final = frozenset({"labels", "annotations", "topics"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A secret as a request describes it."""

    labels: dict[str, str]
    """Its labels."""
    annotations: dict[str, str]
    """Its annotations."""
    topics: list[str]
    """Where its changes are told."""
    replication: dict[str, object] = field(default_factory=dict[str, object])
    """Where copies are kept; empty for a regional secret."""


def described(body: Mapping[str, object], *, key: str, regional: bool) -> Wanted | Answer:
    """The secret that CreateSecret asks for."""
    wanted = changed(body, mask="labels,annotations,topics")
    if not isinstance(wanted, Wanted):
        return wanted
    replication = body.get("replication")
    if not _KEY.fullmatch(key):
        return wrong("Invalid secretId.")
    if regional == isinstance(replication, dict):
        return wrong("The replication policy must be set for a global secret, and only there.")
    known = cast("dict[str, object]", replication) if isinstance(replication, dict) else {}
    return Wanted(wanted.labels, wanted.annotations, wanted.topics, known)


def changed(body: Mapping[str, object], *, mask: str) -> Wanted | Answer:
    """The fields that UpdateSecret asks for."""
    if not mask or not set(mask.split(",")) <= _CHANGEABLE:
        return wrong("Invalid update mask.")
    labels, annotations = (_texts(body.get(name)) for name in ("labels", "annotations"))
    if not all(_LABEL.fullmatch(part) for item in labels.items() for part in item):
        return wrong("Invalid label.")
    topics = body.get("topics")
    entries = cast("list[object]", topics) if isinstance(topics, list) else []
    names = [str(cast("dict[str, object]", entry).get("name")) for entry in entries if isinstance(entry, dict)]
    return Wanted(labels, annotations, names)


def payload(body: Mapping[str, object]) -> bytes | Answer:
    """The value that AddSecretVersion sends."""
    sent = body.get("payload")
    parts = cast("dict[str, object]", sent) if isinstance(sent, dict) else {}
    try:
        data = base64.b64decode(str(parts.get("data") or ""), validate=True)
    except binascii.Error:
        return wrong("Invalid value.")
    checksum = parts.get("dataCrc32c")
    if checksum is not None and str(checksum) != str(crc32c(data)):
        return wrong("The provided CRC32C checksum did not match the data.")
    return data if len(data) <= LARGEST else wrong("The value is too large.")


def wrong(message: str) -> Answer:
    """The answer to a request that makes no sense."""
    return error(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT", message)


def outdated() -> Answer:
    """The answer to a request about a state that is not the current one."""
    return error(HTTPStatus.BAD_REQUEST, "FAILED_PRECONDITION", "The etag does not match the current one.")


def exists(name: str) -> Answer:
    """The answer to the creation of what is there."""
    return error(HTTPStatus.CONFLICT, "ALREADY_EXISTS", f"Secret [{name}] already exists.")


def _texts(value: object) -> dict[str, str]:
    parts = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    return {name: str(text) for name, text in parts.items()}
