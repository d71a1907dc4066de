"""`AzureClient`: one vault's fetches, from name to answer. Puts names, login, SDK and payloads together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, cast

from virtrigaud_secrets.errors import ClosedError, StoreError
from virtrigaud_secrets.golang import regexp
from virtrigaud_secrets.stores.azure import payload as payloads
from virtrigaud_secrets.stores.azure import silence
from virtrigaud_secrets.stores.azure.clouds import vault_of
from virtrigaud_secrets.stores.azure.errors import Asked, Fault, of_failure
from virtrigaud_secrets.stores.azure.identity import Identity
from virtrigaud_secrets.stores.azure.names import ObjectKind, ObjectName
from virtrigaud_secrets.stores.azure.transport import Transport
from virtrigaud_secrets.stores.base import Answer, Fetch, Payload, Query, StoreClient, StoreContext, at_store
from virtrigaud_secrets.stores.payload import Lookup, TextPayload
from virtrigaud_secrets.stores.retrying import repeat_reads

if TYPE_CHECKING:
    from datetime import datetime

    from azure.core.pipeline import PipelineResponse
    from azure.keyvault.certificates import CertificateClient
    from azure.keyvault.keys import KeyClient
    from azure.keyvault.secrets import SecretClient

    from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider

_SILENT: Final = logging.Logger("virtrigaud_secrets.azure.silent", logging.CRITICAL + 1)  # noqa: LOG001  # outside the tree on purpose
"""What the SDK logs requests to. It belongs to no tree of loggers, so nothing it is given goes anywhere."""

_ResultT = TypeVar("_ResultT")


class _Properties(Protocol):
    """What secrets, keys and certificates have in common."""

    @property
    def version(self) -> str | None: ...
    @property
    def tags(self) -> Mapping[str, str] | None: ...
    @property
    def created_on(self) -> datetime | None: ...
    @property
    def updated_on(self) -> datetime | None: ...
    @property
    def expires_on(self) -> datetime | None: ...
    @property
    def not_before(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class _Read:
    payload: Payload
    properties: _Properties


class _Clients:
    """The SDK's three clients of one vault, each made when it is first needed, over one transport."""

    def __init__(self, vault: str, identity: Identity, transport: Transport) -> None:
        self._vault = vault
        self._identity = identity
        self._transport = transport
        self._lock = threading.Lock()
        self._secrets: SecretClient | None = None
        self._certificates: CertificateClient | None = None
        self._keys: KeyClient | None = None

    def secrets(self) -> SecretClient:
        with self._lock:
            if self._secrets is None:
                from azure.keyvault.secrets import SecretClient

                self._secrets = SecretClient(self._vault, self._identity, **self._options())
            return self._secrets

    def certificates(self) -> CertificateClient:
        with self._lock:
            if self._certificates is None:
                from azure.keyvault.certificates import CertificateClient

                self._certificates = CertificateClient(self._vault, self._identity, **self._options())
            return self._certificates

    def keys(self) -> KeyClient:
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


class AzureClient(StoreClient):
    """Talks to one vault as one identity."""

    def __init__(self, spec: AzureKVProvider, context: StoreContext) -> None:
        """Nothing is read or sent yet.

        Raises:
            ConfigurationError: the spec cannot be used.
        """
        self._spec = spec
        self._context = context
        self._transport = Transport(context)
        self._identity = Identity(spec, context, self._transport)
        self._clients = _Clients(vault_of(spec, context), self._identity, self._transport)
        self._closed = False

    def get(self, fetch: Fetch) -> Answer:
        """Read one object."""
        self._refuse_if_closed()
        name = ObjectName.of(fetch)
        request_ids: list[str] = []

        def hook(response: PipelineResponse[object, object]) -> None:
            request_ids.append(_request_id(response.http_response))

        read = self._ask(lambda: self._read(name, hook), name.path, name.permission)
        properties = read.properties
        return Answer(
            payload=self._metadata(read, name, fetch) if fetch.metadata else read.payload,
            path=name.path,
            version=properties.version or name.version,
            expires_at=None if fetch.metadata else properties.expires_on,
            request_id=request_ids[-1] if request_ids else "",
        )

    def find(self, query: Query) -> Mapping[str, Answer]:
        """Every enabled secret whose name and tags match; the path does not count, as in ESO.

        An expression that is none matches nothing.
        """
        self._refuse_if_closed()
        try:
            pattern = regexp.compile_pattern(query.name) if query.name else None
        except regexp.RegexpError:
            return {}
        wanted = dict(query.tags)
        listed = self._ask(self._list, "secrets", "secrets/list")
        names = sorted(
            name for name, tags in listed if (pattern is None or pattern.match(name)) and wanted.items() <= tags.items()
        )
        fetches = [Fetch(store=query.store, key=name) for name in names]
        with ThreadPoolExecutor(self._context.settings.concurrency) as pool:
            # A pool of its own: the caller may sit in the resolver's, and wait for us there.
            return dict(zip(names, pool.map(self.get, fetches), strict=True))

    def close(self, *, revoke: bool = True) -> None:  # noqa: ARG002  # nothing is taken that could be given back
        """Close the connections, and forget the token."""
        self._closed = True
        self._identity.forget()
        self._transport.close()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ClosedError(f"{self._context.store} was closed")

    def _read(self, name: ObjectName, hook: Callable[[PipelineResponse[object, object]], None]) -> _Read:
        place = {"store": str(self._context.store), "path": name.path}
        match name.kind:
            case ObjectKind.SECRET:
                secret = self._clients.secrets().get_secret(name.name, name.version or None, raw_response_hook=hook)
                value = payloads.text(secret.value or "")
                return _Read(TextPayload(value, lookup=Lookup.PATH_THEN_LITERAL, **place), secret.properties)
            case ObjectKind.KEY:
                key = self._clients.keys().get_key(name.name, name.version or None, raw_response_hook=hook)
                return _Read(payloads.KeyPayload(payloads.web_key(key.key), **place), key.properties)
            case ObjectKind.CERTIFICATE:
                # Not `get_certificate`: that one fetches the policy, too. Both are the same path.
                client = self._clients.certificates()
                certificate = client.get_certificate_version(name.name, name.version, raw_response_hook=hook)
                der = bytes(certificate.cer or b"")
                if certificate.properties is None:
                    raise LookupError(name.path)
                return _Read(payloads.CertificatePayload(der), certificate.properties)

    def _list(self) -> list[tuple[str, Mapping[str, str]]]:
        properties = self._clients.secrets().list_properties_of_secrets()
        return [(one.name or "", one.tags or {}) for one in properties if one.enabled is not False]

    def _metadata(self, read: _Read, name: ObjectName, fetch: Fetch) -> Payload:
        properties = read.properties
        times = {
            "created": properties.created_on,
            "updated": properties.updated_on,
            "expires": properties.expires_on,
            "notBefore": properties.not_before,
        }
        return payloads.MetadataPayload(
            properties.tags or {},
            # As ESO: its newer client does not tell them.
            {} if self._spec.use_azure_sdk else times,
            name=name.name,
            written=fetch.key,
            store=str(self._context.store),
            path=name.path,
            listed=name.kind is ObjectKind.SECRET,
        )

    def _ask(self, call: Callable[[], _ResultT], path: str, permission: str) -> _ResultT:
        """What `call` returns; asked again after an error that may pass, and with a new login after a refused one."""
        limit = self._context.settings.request_timeout.total_seconds()
        asked = Asked(path, permission, limit, self._context.clock.now)

        def once() -> _ResultT:
            outcome = _attempt(call, asked)
            if isinstance(outcome, Fault) and outcome.token_refused:
                # A token that was good may have been revoked; it is replaced once.
                self._identity.forget()
                outcome = _attempt(call, asked)
            if isinstance(outcome, Fault):
                raise outcome.error
            return outcome

        try:
            return repeat_reads(once, self._context)
        except StoreError as error:
            at_store(error, self._context.store, path)
            raise


def _request_id(response: object) -> str:
    headers = cast("Mapping[str, str]", getattr(response, "headers", {}))
    return headers.get("x-ms-request-id", "")


def _attempt(call: Callable[[], _ResultT], asked: Asked) -> _ResultT | Fault:
    try:
        with silence.quiet():
            return call()
    except Exception as failure:  # noqa: BLE001  # the SDK lets those of the libraries below it through
        return of_failure(failure, asked)
