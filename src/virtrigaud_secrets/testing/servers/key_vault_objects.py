"""What a key vault holds: secrets, keys and certificates with their versions, and what was deleted. No server."""

from __future__ import annotations

import base64
import dataclasses
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from virtrigaud_secrets.clock import Clock

COLLECTIONS: Final = ("secrets", "keys", "certificates")
"""The three kinds, as paths of the API write them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of an object."""

    content: Mapping[str, object] = field(repr=False)
    """What makes it this kind of object, in JSON: `value`, `key`, `cer`."""
    tags: Mapping[str, str]
    """Its tags."""
    enabled: bool
    """Whether it may be read."""
    created: datetime
    """When it was made."""
    not_before: datetime | None = None
    """From when on it is meant to be used."""
    expires: datetime | None = None
    """Until when."""
    managed: bool = False
    """Whether it is the key or the secret of a certificate, which goes and comes back with that."""

    def attributes(self) -> dict[str, object]:
        """Its attributes in JSON."""
        times = {"created": self.created, "updated": self.created, "nbf": self.not_before, "exp": self.expires}
        return {
            "enabled": self.enabled,
            **{name: int(time.timestamp()) for name, time in times.items() if time is not None},
            "recoveryLevel": "Recoverable+Purgeable",
            "recoverableDays": 90,
        }


class VaultObjects:
    """Named objects of one vault. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._live: dict[tuple[str, str], dict[str, Version]] = {}
        self._deleted: dict[tuple[str, str], dict[str, Version]] = {}

    def add(
        self,
        collection: str,
        name: str,
        content: Mapping[str, object],
        *,
        tags: Mapping[str, str] | None = None,
        enabled: bool = True,
        not_before: datetime | None = None,
        expires: datetime | None = None,
        managed: bool = False,
    ) -> str:
        """Add a version; its id. Names are equal whatever their case, as in a vault.

        Raises:
            FileExistsError: an object of that name was deleted and can still be recovered.
        """
        version = uuid.uuid4().hex
        made = Version(
            content=content,
            tags=dict(tags or {}),
            enabled=enabled,
            created=self._clock.now(),
            not_before=not_before,
            expires=expires,
            managed=managed,
        )
        key = (collection, name.lower())
        with self._lock:
            if key in self._deleted:
                raise FileExistsError(name)
            self._live.setdefault(key, {})[version] = made
        return version

    def find(self, collection: str, name: str, version: str = "") -> tuple[str, Version] | None:
        """A version with its id, the newest where none is named; None if there is none."""
        with self._lock:
            versions = self._live.get((collection, name.lower()))
            if not versions:
                return None
            wanted = version or list(versions)[-1]
            return (wanted, versions[wanted]) if wanted in versions else None

    def replace(self, collection: str, name: str, version: str, **changes: Any) -> bool:
        """Give a version other tags or attributes, by their names in `Version`; whether there is one."""
        with self._lock:
            versions = self._live.get((collection, name.lower()), {})
            if version not in versions:
                return False
            versions[version] = dataclasses.replace(versions[version], **changes)
            return True

    def names(self, collection: str) -> list[str]:
        """Names of all that were not deleted, sorted."""
        with self._lock:
            return sorted(name for kind, name in self._live if kind == collection)

    def versions(self, collection: str, name: str) -> list[str]:
        """Ids of all versions of an object, the oldest first."""
        with self._lock:
            return list(self._live.get((collection, name.lower()), {}))

    def delete(self, collection: str, name: str) -> bool:
        """Delete an object softly, a certificate with its key and secret; whether there was one."""
        return self._move(collection, name, self._live, self._deleted)

    def recover(self, collection: str, name: str) -> bool:
        """Bring a deleted object back, a certificate with its key and secret; whether there was one."""
        return self._move(collection, name, self._deleted, self._live)

    def purge(self, collection: str, name: str) -> bool:
        """Delete for good what was deleted softly; whether there was such a thing."""
        return self._move(collection, name, self._deleted, {})

    def deleted(self, collection: str, name: str) -> tuple[str, Version] | None:
        """The newest version, with its id, of what was deleted and can be recovered; None if there is none."""
        with self._lock:
            versions = self._deleted.get((collection, name.lower()))
            return list(versions.items())[-1] if versions else None

    def _move(
        self,
        collection: str,
        name: str,
        source: dict[tuple[str, str], dict[str, Version]],
        target: dict[tuple[str, str], dict[str, Version]],
    ) -> bool:
        key = (collection, name.lower())
        with self._lock:
            if key not in source:
                return False
            target[key] = source.pop(key)
            others = [(other, key[1]) for other in COLLECTIONS if collection == "certificates" and other != collection]
            for other in others:
                if other in source and all(version.managed for version in source[other].values()):
                    target[other] = source.pop(other)
            return True


def standard_base64(data: bytes) -> str:
    """How the API writes a certificate."""
    return base64.b64encode(data).decode()
