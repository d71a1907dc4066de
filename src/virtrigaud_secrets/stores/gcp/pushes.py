"""How secrets are written under ESO's mark, a label (ESO §3.5). Sends through what it is given, nothing twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from virtrigaud_secrets.errors import InvalidRequestError, SecretNotFoundError, SecretVersionDeletedError
from virtrigaud_secrets.models.push_metadata import GCPPushMetadata
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.assignment import Refusal
from virtrigaud_secrets.stores.base import Push, PushOutcome, PushTarget
from virtrigaud_secrets.stores.merging import has_property, is_empty, with_property, without_property
from virtrigaud_secrets.stores.push_metadata import MARK, is_owned, not_owned, read_metadata

if TYPE_CHECKING:
    from virtrigaud_secrets.stores.gcp.names import Place
    from virtrigaud_secrets.stores.gcp.sdk import Described

CREATE: Final = "secretmanager.secrets.create"
"""Permission to create a secret."""
UPDATE: Final = "secretmanager.secrets.update"
"""Permission to change labels and annotations."""
ADD_VERSION: Final = "secretmanager.versions.add"
"""Permission to write a value."""
DELETE: Final = "secretmanager.secrets.delete"
"""Permission to delete a secret."""


class Requests(Protocol):
    """The requests of a push, with login, errors and, for those that only read, repetition."""

    def secret(self, path: str) -> Described:
        """A secret without its value."""
        ...

    def value(self, path: str) -> Sensitive:
        """The value of a secret's newest version."""
        ...

    def create(self, place: Place, key: str, secret: Mapping[str, object]) -> None:
        """A new secret without versions."""
        ...

    def update(self, path: str, secret: Mapping[str, object], fields: list[str]) -> None:
        """Other labels, annotations or topics."""
        ...

    def add_version(self, path: str, value: Sensitive) -> None:
        """A new version."""
        ...

    def delete(self, path: str, etag: str) -> None:
        """No secret any more."""
        ...


class Writer:
    """Writes to one store's place."""

    def __init__(self, requests: Requests, place: Place) -> None:
        self._requests = requests
        self._place = place

    def push(self, push: Push) -> PushOutcome:
        """Create a secret or a new version of one that is ours; labels, annotations and topics as metadata says.

        Raises:
            NotOwnedError: it lacks the mark.
            InvalidRequestError: metadata and a property together, or no JSON that a property could be written to.
            SecretVersionDeletedError: a property, and the newest version is disabled or destroyed.
        """
        target, path = push.target, self._place.secret(push.target.key)
        metadata = read_metadata(push, GCPPushMetadata)
        if push.metadata is not None and target.property:
            raise InvalidRequestError("a push to Secret Manager has metadata or a property, not both", path=path)
        about = self._about(path)
        if about is not None and not is_owned(about.labels):
            raise not_owned(target, path)
        current = None if about is None else self._current(path, needed=bool(target.property))
        wanted = push.value
        if target.property:
            merged = with_property(current, target.property, wanted)
            if isinstance(merged, Refusal):
                raise InvalidRequestError(merged.reason, path=path)
            wanted = merged
        secret = self._described(metadata, about, keep=bool(target.property))
        fields = [] if about is None else _changed(about, secret)
        if not push.dry_run:
            if about is None:
                self._requests.create(self._place, target.key, secret | self._where(metadata))
            elif fields:
                self._requests.update(path, secret | {"name": path, "etag": about.etag}, fields)
            if current != wanted:
                self._requests.add_version(path, wanted)
        if about is None:
            return PushOutcome.CREATED
        return PushOutcome.UPDATED if fields or current != wanted else PushOutcome.UNCHANGED

    def exists(self, target: PushTarget) -> bool:
        """Whether it has a version, and the property in the newest one."""
        path = self._place.secret(target.key)
        try:
            current = self._requests.value(path)
        except SecretVersionDeletedError:
            return not target.property
        except SecretNotFoundError:
            return False
        return not target.property or has_property(current, target.property)

    def delete(self, target: PushTarget, *, dry_run: bool) -> PushOutcome:
        """Delete a secret that is ours, or write a version without one property."""
        path = self._place.secret(target.key)
        about = self._about(path)
        if about is None:
            return PushOutcome.ABSENT
        if not is_owned(about.labels):
            return PushOutcome.NOT_OWNED
        left = None
        if target.property:
            current = self._current(path, needed=True)
            left = None if current is None else without_property(current, target.property)
            if left is None:
                return PushOutcome.ABSENT
        if dry_run:
            return PushOutcome.DELETED
        if left is not None and not is_empty(left):
            self._requests.add_version(path, left)
        else:
            self._requests.delete(path, about.etag)
        return PushOutcome.DELETED

    def _about(self, path: str) -> Described | None:
        try:
            return self._requests.secret(path)
        except SecretNotFoundError:
            return None

    def _current(self, path: str, *, needed: bool) -> Sensitive | None:
        """None where there is no version; where the newest one cannot be read, if it need not be."""
        try:
            return self._requests.value(path)
        except SecretVersionDeletedError:
            if needed:
                raise
            return None
        except SecretNotFoundError:
            return None

    def _described(self, metadata: GCPPushMetadata, about: Described | None, *, keep: bool) -> dict[str, object]:
        """Labels, annotations and topics to be; `keep` for what a push says nothing of."""
        if keep and about is not None:
            return {
                "labels": dict(about.labels),
                "annotations": dict(about.annotations),
                "topics": _topics(about.topics),
            }
        # As in ESO, Merge is about labels only, and what the secret has wins.
        kept: Mapping[str, str] = about.labels if metadata.merge_policy == "Merge" and about is not None else {}
        return {
            "labels": {**metadata.labels, **kept, **MARK},
            "annotations": dict(metadata.annotations),
            "topics": _topics(tuple(metadata.topics)),
        }

    def _where(self, metadata: GCPPushMetadata) -> dict[str, object]:
        """Where copies of a new secret are kept, and which key encrypts them."""
        key = {"kms_key_name": metadata.cmek_key_name} if metadata.cmek_key_name else {}
        encryption: dict[str, object] = {"customer_managed_encryption": key} if key else {}
        if self._place.location:
            return encryption
        named = (metadata.replication_location,) if metadata.replication_location else ()
        locations = metadata.replication_locations or named
        if not locations:
            return {"replication": {"automatic": encryption}}
        replicas = [{"location": location, **encryption} for location in locations]
        return {"replication": {"user_managed": {"replicas": replicas}}}


def _topics(names: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"name": name} for name in names]


def _changed(about: Described, secret: Mapping[str, object]) -> list[str]:
    """Which fields differ."""
    now: dict[str, object] = {
        "labels": dict(about.labels),
        "annotations": dict(about.annotations),
        "topics": _topics(about.topics),
    }
    return [name for name, value in now.items() if value != secret[name]]
