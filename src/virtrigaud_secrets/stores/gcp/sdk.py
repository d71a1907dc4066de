"""The official client, made to send through our wire: what is used of it, with types. Knows no error and no login.

Its REST transport is used: gRPC's threads do not survive a fork, and hang in some programs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol, cast

from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.gcp.crc32c import crc32c
from virtrigaud_secrets.stores.gcp.wire import Wire

if TYPE_CHECKING:
    import requests

PAGE_SIZE: Final = 250
"""Secrets asked for at a time: ten times the service's default; it may answer with fewer."""

_CHATTY: Final = "google.cloud.secretmanager_v1.services.secret_manager_service.transports.rest"
"""The client's logger that is given whole requests and answers, tokens and values included."""


@dataclass(frozen=True, slots=True)
class Value:
    """One version's value."""

    data: bytes = field(repr=False)
    """The value."""
    checksum: int | None
    """Its CRC-32C by the service's account."""
    version: str
    """The version that was read; empty where the answer names none, and so is not Secret Manager's."""


@dataclass(frozen=True, slots=True)
class Described:
    """A secret without its value."""

    name: str
    """Its full name."""
    labels: Mapping[str, str] = field(repr=False)
    """Its labels."""
    annotations: Mapping[str, str] = field(repr=False)
    """Its annotations."""
    topics: tuple[str, ...] = ()
    """Where its changes are told."""
    etag: str = ""
    """Which state of it this is."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a listing."""

    names: tuple[str, ...]
    """Full names, in the service's order: versions come newest first."""
    following: str
    """What asks for the next part; empty for the last one."""


class _Payload(Protocol):
    data: bytes
    data_crc32c: int

    def __contains__(self, field: str) -> bool: ...


class _Accessed(Protocol):
    name: str
    payload: _Payload


class _Topic(Protocol):
    name: str


class _Secret(Protocol):
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    topics: Sequence[_Topic]
    etag: str


class _Version(Protocol):
    name: str
    create_time: datetime | None


class _Listing(Protocol):
    """The client's pager: attributes are those of its first page. Iterating over it would send further requests."""

    next_page_token: str
    secrets: Sequence[_Secret]
    versions: Sequence[_Version]


_Metadata = Sequence[tuple[str, str]]


class _Client(Protocol):
    """What is used of `SecretManagerServiceClient`."""

    def access_secret_version(
        self, request: Mapping[str, object], *, retry: None, timeout: float, metadata: _Metadata
    ) -> _Accessed: ...

    def get_secret(
        self, request: Mapping[str, object], *, retry: None, timeout: float, metadata: _Metadata
    ) -> _Secret: ...

    def list_secrets(
        self, request: Mapping[str, object], *, retry: None, timeout: float, metadata: _Metadata
    ) -> _Listing: ...

    def list_secret_versions(
        self, request: Mapping[str, object], *, retry: None, timeout: float, metadata: _Metadata
    ) -> _Listing: ...

    def create_secret(
        self, request: Mapping[str, object], *, retry: None, timeout: float, metadata: _Metadata
    ) -> _Secret: ...

    def update_secret(
        self, request: Mapping[str, object], *, retry: None, timeout: float, metadata: _Metadata
    ) -> _Secret: ...

    def add_secret_version(
        self, request: Mapping[str, object], *, retry: None, timeout: float, metadata: _Metadata
    ) -> _Version: ...

    def delete_secret(
        self, request: Mapping[str, object], *, retry: None, timeout: float, metadata: _Metadata
    ) -> None: ...


class Api:
    """Secret Manager's API at one address. Each method sends one request and raises what the client raises."""

    def __init__(self, url: str, wire: Wire) -> None:
        self._wire = wire
        self._client = _client(wire.address(url), wire.session)

    def access(self, name: str, token: Sensitive) -> Value:
        """The value of a version."""
        found = self._client.access_secret_version(
            {"name": name}, retry=None, timeout=self._wire.limit, metadata=_login(token)
        )
        payload = found.payload
        checksum = payload.data_crc32c if "data_crc32c" in payload else None
        return Value(payload.data, checksum, found.name.partition("/versions/")[2])

    def secret(self, name: str, token: Sensitive) -> Described:
        """A secret's labels and annotations."""
        found = self._client.get_secret({"name": name}, retry=None, timeout=self._wire.limit, metadata=_login(token))
        return _described(found)

    def secrets(self, parent: str, wanted: str, page: str, token: Sensitive) -> Page:
        """A page of the secrets that the filter `wanted` lets through."""
        request = {"parent": parent, "filter": wanted, "page_size": PAGE_SIZE, "page_token": page}
        found = self._client.list_secrets(request, retry=None, timeout=self._wire.limit, metadata=_login(token))
        return Page(tuple(secret.name for secret in found.secrets), found.next_page_token)

    def enabled_versions(self, parent: str, page: str, token: Sensitive) -> Page:
        """A page of the versions that can be read, newest first."""
        request = {"parent": parent, "filter": "state:ENABLED", "page_size": PAGE_SIZE, "page_token": page}
        found = self._client.list_secret_versions(request, retry=None, timeout=self._wire.limit, metadata=_login(token))
        versions = sorted(found.versions, key=_made, reverse=True)
        return Page(tuple(version.name for version in versions), found.next_page_token)

    def create(self, parent: str, key: str, secret: Mapping[str, object], token: Sensitive) -> Described:
        """A new secret without versions."""
        request = {"parent": parent, "secret_id": key, "secret": secret}
        return _described(
            self._client.create_secret(request, retry=None, timeout=self._wire.limit, metadata=_login(token))
        )

    def update(self, secret: Mapping[str, object], fields: Sequence[str], token: Sensitive) -> Described:
        """A secret with other labels, annotations or topics; refused where its `etag` is not the current one."""
        request = {"secret": secret, "update_mask": {"paths": list(fields)}}
        return _described(
            self._client.update_secret(request, retry=None, timeout=self._wire.limit, metadata=_login(token))
        )

    def add_version(self, name: str, value: Sensitive, token: Sensitive) -> str:
        """The full name of the version that was added."""
        payload = {"data": value.reveal(), "data_crc32c": crc32c(value.reveal())}
        return self._client.add_secret_version(
            {"parent": name, "payload": payload}, retry=None, timeout=self._wire.limit, metadata=_login(token)
        ).name

    def delete(self, name: str, etag: str, token: Sensitive) -> None:
        """Delete a secret and all its versions; refused where `etag` is not the current one."""
        self._client.delete_secret(
            {"name": name, "etag": etag}, retry=None, timeout=self._wire.limit, metadata=_login(token)
        )


def _described(found: _Secret) -> Described:
    topics = tuple(topic.name for topic in found.topics)
    return Described(found.name, dict(found.labels), dict(found.annotations), topics, found.etag)


def _made(version: _Version) -> float:
    return version.create_time.timestamp() if version.create_time is not None else 0.0


def _login(token: Sensitive) -> _Metadata:
    return [("authorization", f"Bearer {token.reveal_text()}")]


def _client(address: str, session: Callable[[], requests.Session]) -> _Client:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.secretmanager_v1.services.secret_manager_service.client import SecretManagerServiceClient
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports.rest import (
        SecretManagerServiceRestTransport,
    )

    logging.getLogger(_CHATTY).addFilter(_nothing_below_warning)

    class Transport(SecretManagerServiceRestTransport):
        """Sends through our session. Its methods are made with the session, so that it cannot be changed later."""

        def __init__(self) -> None:
            super().__init__(host=address, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]  # untyped there

        def _prep_wrapped_messages(self, client_info: object) -> None:
            self._session = _Late(session)  # type: ignore[assignment]  # what it uses of a session is there
            super()._prep_wrapped_messages(client_info)  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType]  # untyped there

    return cast("_Client", SecretManagerServiceClient(transport=Transport()))


class _Late:
    """Asks for the session when a request is sent."""

    def __init__(self, session: Callable[[], requests.Session]) -> None:
        self._session = session

    def __getattr__(self, name: str) -> object:
        return getattr(self._session(), name)


def _nothing_below_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING
