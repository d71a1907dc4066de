"""How secrets, keys and certificates are written under ESO's mark, a tag (ESO §3.4). Sends nothing twice.

What ESO imports as a key or certificate is read in `material`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    DecodingError,
    InvalidRequestError,
    NotOwnedError,
    SecretNotFoundError,
    StoreUnavailableError,
)
from virtrigaud_secrets.golang import time_layout
from virtrigaud_secrets.models.push_metadata import AzurePushMetadata
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.assignment import Refusal
from virtrigaud_secrets.stores.azure.errors import DeletedNameError
from virtrigaud_secrets.stores.azure.material import CertificateMaterial, KeyMaterial, read_certificate, read_key
from virtrigaud_secrets.stores.azure.names import ObjectKind, ObjectName
from virtrigaud_secrets.stores.azure.sdk import About, Kept
from virtrigaud_secrets.stores.base import Push, PushOutcome, PushTarget, is_text
from virtrigaud_secrets.stores.merging import has_property, is_empty, with_property, without_property
from virtrigaud_secrets.stores.push_metadata import MARK, is_owned, not_owned, read_metadata, refuse_mark

if TYPE_CHECKING:
    from virtrigaud_secrets.clock import Clock

RECOVERY_INTERVAL: Final = 1.0
"""Seconds between looks at an object that comes back. A vault takes a few."""
_RFC3339: Final = "2006-01-02T15:04:05Z07:00"

_Content = Sensitive | KeyMaterial | CertificateMaterial


class Requests(Protocol):
    """The requests of a push, with login, errors and, for those that only read, repetition."""

    def read(self, name: ObjectName) -> Kept:
        """The newest version."""
        ...

    def write(self, name: ObjectName, content: _Content, about: About) -> None:
        """A new version."""
        ...

    def update(self, name: ObjectName, version: str, about: About) -> None:
        """Other tags, end or content type of a version."""
        ...

    def delete(self, name: ObjectName) -> None:
        """No such object any more."""
        ...

    def deleted_tags(self, name: ObjectName) -> Mapping[str, str]:
        """Tags of what was deleted and can be recovered."""
        ...

    def recover(self, name: ObjectName) -> None:
        """Begin to bring it back."""
        ...


class Writer:
    """Writes to one vault."""

    def __init__(self, requests: Requests, clock: Clock, limit: timedelta) -> None:
        self._requests = requests
        self._clock = clock
        self._limit = limit.total_seconds()

    def push(self, push: Push) -> PushOutcome:
        """Create an object or a new version of one that is ours; where only what is beside it differs, change that.

        Raises:
            NotOwnedError: it lacks the mark, or a deleted one of that name does.
            InvalidRequestError: metadata that cannot be used, a property of a key or certificate, no JSON that a
                property could be written to, or a value that is no key or no certificate with its key.
            DecodingError: a secret's value is no text.
        """
        name = _name(push.target)
        metadata = read_metadata(push, AzurePushMetadata)
        refuse_mark(metadata.tags, push)
        expires = _expiry(metadata, push)
        kept = self._kept(name)
        if kept is not None and not is_owned(_tags(kept)):
            raise not_owned(push.target, name.path)
        content = _content(push, name, kept)
        if expires is None and push.target.property and kept is not None:
            expires = kept.properties.expires_on  # The other properties end when they ended.
        about = _about(metadata, expires, name, kept)
        if kept is not None and _is_there(content, kept):
            if not _differs(about, kept):
                return PushOutcome.UNCHANGED
            if not push.dry_run:
                self._requests.update(name, kept.properties.version or "", about)
            return PushOutcome.UPDATED
        if not push.dry_run:
            self._write(push.target, name, content, about)
        return PushOutcome.CREATED if kept is None else PushOutcome.UPDATED

    def exists(self, target: PushTarget) -> bool:
        """Whether it is there, and the property in it."""
        name = _name(target)
        try:
            kept = self._kept(name)
        except AccessDeniedError as error:
            if error.capability or target.property:
                raise
            return True  # It is there, and disabled.
        if kept is None or not target.property:
            return kept is not None
        return kept.value is not None and has_property(kept.value, target.property)

    def delete(self, target: PushTarget, *, dry_run: bool) -> PushOutcome:
        """Delete an object that is ours, or write a version of a secret without one property."""
        name = _name(target)
        kept = self._kept(name)
        if kept is None:
            return PushOutcome.ABSENT
        if not is_owned(_tags(kept)):
            return PushOutcome.NOT_OWNED
        # Differs from ESO: there a property takes the whole secret with it.
        left = None
        if target.property:
            left = None if kept.value is None else without_property(kept.value, target.property)
            if left is None:
                return PushOutcome.ABSENT
        if not dry_run:
            self._reduce(name, kept, left)
        return PushOutcome.DELETED

    def _reduce(self, name: ObjectName, kept: Kept, left: Sensitive | None) -> None:
        """Write what is left; delete the object where nothing is."""
        if left is not None and not is_empty(left):
            about = About(tags=_tags(kept), expires=kept.properties.expires_on, content_type=kept.content_type)
            self._requests.write(name, left, about)
            return
        with suppress(SecretNotFoundError):  # Somebody was faster.
            self._requests.delete(name)

    def _kept(self, name: ObjectName) -> Kept | None:
        try:
            return self._requests.read(name)
        except SecretNotFoundError:
            return None

    def _write(self, target: PushTarget, name: ObjectName, content: _Content, about: About) -> None:
        try:
            self._requests.write(name, content, about)
        except DeletedNameError:
            pass
        else:
            return
        # A vault keeps what was deleted, and its name with it. As in ESO it is brought back to be written over.
        # Differs from ESO: only if it is ours, keys and certificates too, and in the same push.
        if not is_owned(self._requests.deleted_tags(name)):
            raise NotOwnedError(
                "a deleted object of that name can still be recovered and is not marked as ours: purge it, or recover "
                "it and give it the mark",
                store=str(target.store),
                path=name.path,
            )
        self._requests.recover(name)
        self._wait_for(name)
        self._requests.write(name, content, about)

    def _wait_for(self, name: ObjectName) -> None:
        until = self._clock.elapsed() + self._limit
        while self._kept(name) is None:
            if self._clock.elapsed() + RECOVERY_INTERVAL > until:
                reason = "the deleted object of that name is still coming back; the next push goes on with it"
                raise StoreUnavailableError(reason, path=name.path)
            self._clock.sleep(RECOVERY_INTERVAL)


def _name(target: PushTarget) -> ObjectName:
    name = ObjectName.of_key(target.key, target.store)
    if target.property and name.kind is not ObjectKind.SECRET:
        # Differs from ESO, which does not look at the property of a push to a vault.
        raise InvalidRequestError(
            "a key or certificate is pushed as a whole: leave remoteRef.property out",
            store=str(target.store),
            path=name.path,
        )
    return name


def _content(push: Push, name: ObjectName, kept: Kept | None) -> _Content:
    if name.kind is not ObjectKind.SECRET:
        if not push.secret_key:
            raise InvalidRequestError(f"a push to {name.path} needs match.secretKey: one value", path=name.path)
        read = read_key if name.kind is ObjectKind.KEY else read_certificate
        material = read(push.value)
        if isinstance(material, Refusal):
            raise InvalidRequestError(material.reason, path=name.path)
        return material
    value = push.value
    if not is_text(value):
        raise DecodingError(f"{name.path}: the value is not UTF-8 text, which a secret of a vault must be")
    if not push.target.property:
        return value
    merged = with_property(None if kept is None else kept.value, push.target.property, value)
    if isinstance(merged, Refusal):
        raise InvalidRequestError(merged.reason, path=name.path)
    return merged


def _is_there(content: _Content, kept: Kept) -> bool:
    if isinstance(content, KeyMaterial):
        return content.is_in(kept.key)
    if isinstance(content, CertificateMaterial):
        return content.certificate == kept.certificate
    return content == kept.value


def _about(metadata: AzurePushMetadata, expires: datetime | None, name: ObjectName, kept: Kept | None) -> About:
    """What is to be beside the content. Differs from ESO: tags that the manifest says nothing of stay."""
    there = {} if kept is None else _tags(kept)
    content_type = metadata.content_type or (None if kept is None else kept.content_type)
    return About(
        tags={**(metadata.tags or there), **MARK},
        # A certificate ends by itself.
        expires=None if name.kind is ObjectKind.CERTIFICATE else expires,
        content_type=content_type if name.kind is ObjectKind.SECRET else None,
    )


def _differs(about: About, kept: Kept) -> bool:
    """Whether tags, end or content type are to be others."""
    if about.expires is not None and about.expires != kept.properties.expires_on:
        return True
    return about.tags != _tags(kept) or (about.content_type or "") not in {"", kept.content_type}


def _tags(kept: Kept) -> dict[str, str]:
    return dict(kept.properties.tags or {})


def _expiry(metadata: AzurePushMetadata, push: Push) -> datetime | None:
    if not metadata.expiration_date:
        return None
    try:
        time = time_layout.parse_time(_RFC3339, metadata.expiration_date)
        # A vault counts whole seconds.
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time.unix_nano // 1_000_000_000)
    except (time_layout.LayoutError, OverflowError):
        raise InvalidRequestError(
            "metadata.spec.expirationDate is no date of RFC 3339, such as 2026-12-31T20:00:00Z",
            store=str(push.target.store),
            path=push.target.key,
        ) from None
