"""From a manifest's key to a path of the KV engine, and how paths are written in URLs. Pure text; nothing is sent."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from virtrigaud_secrets.errors import InvalidRequestError

_SLASHES: Final = re.compile("/+")
_URL_SAFE: Final = "/:@!$&'()*+,;=~"


def plain(path: str) -> str:
    """`path` without slashes at its ends and with single ones inside: the server has no others.

    Raises:
        InvalidRequestError: nothing is left, or a segment is `.` or `..`, by which a key would leave the store's path.
    """
    cleaned = _SLASHES.sub("/", path).strip("/")
    if not cleaned:
        raise InvalidRequestError("the key is empty")
    if any(segment in {".", ".."} for segment in cleaned.split("/")):
        raise InvalidRequestError('the key has a segment "." or ".."', path=cleaned)
    return cleaned


def is_below(key: str, mount: str) -> bool:
    """Whether `key` starts with the mount's own path."""
    return bool(mount) and key.startswith(f"{mount}/")


def kv_path(key: str, *, mount: str, version: int) -> str:
    """The path of a KV read (ESO §3.1).

    Args:
        key: the manifest's key.
        mount: the engine's path; empty where the store names none.
        version: of the engine, 1 or 2.
    """
    if mount:
        rest = key.removeprefix(f"{mount}/")
        if version == 1:
            return f"{mount}/{rest}"
        # ESO cuts `data/` only behind a mount it has cut: a key `data/x` means the secret named `data/x`.
        return f"{mount}/data/{rest.removeprefix('data/') if rest != key else rest}"
    first, _, rest = key.partition("/")
    if version == 1 or "/data/" in key or not rest:
        return key
    return f"{first}/data/{rest}"


def kv_metadata_path(key: str, *, mount: str) -> str:
    """The path of a secret's metadata in a KV v2 engine (ESO §3.1, "Metadata").

    Raises:
        InvalidRequestError: the store names no mount and the key does not tell where the engine's path ends.
    """
    if mount:
        # A mount in the key is not cut here, other than for a read: ESO's own behaviour.
        return f"{mount}/metadata/{key}"
    if "/data/" not in key:
        raise InvalidRequestError(
            'metadata is asked for, the store has no path, and the key has no "/data/" in it', path=key
        )
    return key.replace("/data/", "/metadata/", 1)


def url_path(path: str) -> str:
    """`path` as it stands in a URL: `?`, `#`, `%` and blanks belong to the key."""
    return quote(path, safe=_URL_SAFE)
