"""Microsoft's clients of one vault, and the requests sent through them. Knows no login and no retries."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.azure import payload as payloads
from virtrigaud_secrets.stores.azure import silence
from virtrigaud_secrets.stores.azure.identity import Identity
from virtrigaud_secrets.stores.azure.names import ObjectKind, ObjectName
from virtrigaud_secrets.stores.azure.transport import Transport

if TYPE_CHECKING:
    from datetime import datetime

    from azure.core.pipeline import PipelineResponse
    from azure.keyvault.certificates import CertificateClient
    from azure.keyvault.keys import JsonWebKey, KeyClient
    from azure.keyvault.secrets import SecretClient

    from virtrigaud_secrets.stores.azure.material import CertificateMaterial, KeyMaterial

ResponseHook = Callable[["PipelineResponse[object, object]"], None]
"""Sees the answer to a request."""

_SILENT: Final = logging.Logger("virtrigaud_secrets.azure.silent", logging.CRITICAL + 1)  # noqa: LOG001  # outside the tree on purpose
"""What the SDK logs requests to. It belongs to no tree of loggers, so nothing it is given goes anywhere."""


class Properties(Protocol):
    """What secrets, keys and certificates have in common."""

    @property
    def version(self) -> str | None:
        """Its id."""
        ...

    @property
    def tags(self) -> Mapping[str, str] | None:
        """Its tags."""
        ...

    @property
    def created_on(self) -> datetime | None:
        """When it was made."""
        ...

    @property
    def updated_on(self) -> datetime | None:
        """When it was changed."""
        ...

    @property
    def expires_on(self) -> datetime | None:
        """Until when it is good."""
        ...

    @property
    def not_before(self) -> datetime | None:
        """From when on."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """An object as a vault has it: its content in the form of its kind."""

    properties: Properties
    """Version, tags and times."""
    value: Sensitive | None = None
    """A secret's text."""
    content_type: str = ""
    """What a secret says of its text."""
    key: JsonWebKey | None = None
    """A key's public half."""
    certificate: bytes = b""
    """A certificate in DER form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is written beside a content."""

    tags: Mapping[str, str]
    """All tags."""
    expires: datetime | None = None
    """When it ends; None for no change."""
    content_type: str | None = None
    """What a secret says of its text; None for no change."""


class Api:
    """The SDK's three clients of one vault, each made when it is first needed, over one transport."""

    def __init__(self, vault: str, identity: Identity, transport: Transport) -> None:
        self._vault = vault
        self._identity = identity
        self._transport = transport
        self._lock = threading.Lock()
        self._secrets: SecretClient | None = None
        self._certificates: CertificateClient | None = None
        self._keys: KeyClient | None = None

    def read(self, name: ObjectName, hook: ResponseHook | None = None) -> Kept:
        """One version of an object."""
        match name.kind:
            case ObjectKind.SECRET:
                secret = self._secret_client().get_secret(name.name, name.version or None, raw_response_hook=hook)
                kept = Sensitive(payloads.text(secret.value or ""))
                return Kept(secret.properties, value=kept, content_type=secret.properties.content_type or "")
            case ObjectKind.KEY:
                key = self._key_client().get_key(name.name, name.version or None, raw_response_hook=hook)
                return Kept(key.properties, key=key.key)
            case ObjectKind.CERTIFICATE:
                # Not `get_certificate`: that one fetches the policy, too. Both are the same path.
                client = self._certificate_client()
                certificate = client.get_certificate_version(name.name, name.version, raw_response_hook=hook)
                if certificate.properties is None:
                    raise LookupError(name.path)
                return Kept(certificate.properties, certificate=bytes(certificate.cer or b""))

    def enabled_secrets(self) -> list[tuple[str, Mapping[str, str]]]:
        """Names and tags of all secrets that can be read."""
        properties = self._secret_client().list_properties_of_secrets()
        return [(one.name or "", one.tags or {}) for one in properties if one.enabled is not False]

    def set_secret(self, name: ObjectName, value: Sensitive, about: About) -> None:
        """A new version of a secret."""
        self._secret_client().set_secret(
            name.name,
            value.reveal_text(),
            enabled=True,
            tags=dict(about.tags),
            content_type=about.content_type or None,
            expires_on=about.expires,
        )

    def import_key(self, name: ObjectName, key: KeyMaterial, about: About) -> None:
        """A new version of a key."""
        from azure.keyvault.keys import JsonWebKey

        numbers = {name: number.reveal() for name, number in key.numbers.items()}
        web_key = JsonWebKey(kty=key.kind, crv=key.curve or None, **numbers)
        self._key_client().import_key(name.name, web_key, enabled=True, tags=dict(about.tags), expires_on=about.expires)

    def import_certificate(self, name: ObjectName, certificate: CertificateMaterial, about: About) -> None:
        """A new version of a certificate, with its key and secret."""
        from azure.keyvault.certificates import CertificateContentType, CertificatePolicy, WellKnownIssuerNames

        policy = CertificatePolicy(WellKnownIssuerNames.unknown, content_type=CertificateContentType.pem)
        self._certificate_client().import_certificate(
            name.name,
            certificate.container.reveal(),
            enabled=True,
            tags=dict(about.tags),
            policy=policy if certificate.is_pem else None,
        )

    def update(self, name: ObjectName, version: str, about: About) -> None:
        """Other tags, end or content type of a version that stays what it is."""
        tags = dict(about.tags)
        match name.kind:
            case ObjectKind.SECRET:
                self._secret_client().update_secret_properties(
                    name.name, version, tags=tags, content_type=about.content_type, expires_on=about.expires
                )
            case ObjectKind.KEY:
                self._key_client().update_key_properties(name.name, version, tags=tags, expires_on=about.expires)
            case ObjectKind.CERTIFICATE:
                self._certificate_client().update_certificate_properties(name.name, version, tags=tags)

    def delete(self, name: ObjectName) -> None:
        """Delete an object. It can be recovered for a time."""
        # The poller that comes back is not waited for: the object is gone with the first answer.
        match name.kind:
            case ObjectKind.SECRET:
                self._secret_client().begin_delete_secret(name.name)
            case ObjectKind.KEY:
                self._key_client().begin_delete_key(name.name)
            case ObjectKind.CERTIFICATE:
                self._certificate_client().begin_delete_certificate(name.name)

    def deleted_tags(self, name: ObjectName) -> Mapping[str, str]:
        """Tags of an object that was deleted and can be recovered."""
        match name.kind:
            case ObjectKind.SECRET:
                return self._secret_client().get_deleted_secret(name.name).properties.tags or {}
            case ObjectKind.KEY:
                return self._key_client().get_deleted_key(name.name).properties.tags or {}
            case ObjectKind.CERTIFICATE:
                properties = self._certificate_client().get_deleted_certificate(name.name).properties
                return {} if properties is None else properties.tags or {}

    def recover(self, name: ObjectName) -> None:
        """Begin to bring a deleted object back."""
        match name.kind:
            case ObjectKind.SECRET:
                self._secret_client().begin_recover_deleted_secret(name.name)
            case ObjectKind.KEY:
                self._key_client().begin_recover_deleted_key(name.name)
            case ObjectKind.CERTIFICATE:
                self._certificate_client().begin_recover_deleted_certificate(name.name)

    def _secret_client(self) -> SecretClient:
        with self._lock:
            if self._secrets is None:
                from azure.keyvault.secrets import SecretClient

                self._secrets = SecretClient(self._vault, self._identity, **self._options())
            return self._secrets

    def _certificate_client(self) -> CertificateClient:
        with self._lock:
            if self._certificates is None:
                from azure.keyvault.certificates import CertificateClient

                self._certificates = CertificateClient(self._vault, self._identity, **self._options())
            return self._certificates

    def _key_client(self) -> KeyClient:
        with self._lock:
            if self._keys is None:
                from azure.keyvault.keys import KeyClient

                self._keys = KeyClient(self._vault, self._identity, **self._options())
            return self._keys

    def _options(self) -> dict[str, object]:
        from azure.core.pipeline.policies import RetryPolicy
        from azure.core.pipeline.transport import RequestsTransport

        silence.cover()
        return {
            "transport": RequestsTransport(session=self._transport.session(self._identity.see), use_env_settings=False),
            "retry_policy": RetryPolicy.no_retries(),
            "permit_redirects": False,
            "logger": _SILENT,
            "user_agent_use_env": False,
        }
