"""`AzureClient`: one vault's fetches, from name to answer. Puts names, login, SDK and payloads together."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, cast

from virtrigaud_secrets.errors import ClosedError, StoreError
from virtrigaud_secrets.golang import regexp
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.azure import payload as payloads
from virtrigaud_secrets.stores.azure import silence
from virtrigaud_secrets.stores.azure.clouds import vault_of
from virtrigaud_secrets.stores.azure.errors import Asked, Fault, of_failure
from virtrigaud_secrets.stores.azure.identity import Identity
from virtrigaud_secrets.stores.azure.material import CertificateMaterial, KeyMaterial
from virtrigaud_secrets.stores.azure.names import ObjectKind, ObjectName
from virtrigaud_secrets.stores.azure.pushes import Writer
from virtrigaud_secrets.stores.azure.sdk import About, Api, Kept, Properties
from virtrigaud_secrets.stores.azure.transport import Transport
from virtrigaud_secrets.stores.base import (
    Answer,
    Fetch,
    Payload,
    Push,
    PushOutcome,
    PushTarget,
    Query,
    StoreClient,
    StoreContext,
    at_store,
)
from virtrigaud_secrets.stores.payload import Lookup, TextPayload
from virtrigaud_secrets.stores.retrying import repeat_reads

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineResponse

    from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider

_ResultT = TypeVar("_ResultT")


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
        self._api = Api(vault_of(spec, context), self._identity, self._transport)
        self._closed = False

    def get(self, fetch: Fetch) -> Answer:
        """Read one object."""
        self._refuse_if_closed()
        name = ObjectName.of(fetch)
        request_ids: list[str] = []

        def hook(response: PipelineResponse[object, object]) -> None:
            request_ids.append(_request_id(response.http_response))

        kept = self.ask(lambda: self._api.read(name, hook), name.path, name.permission)
        properties = kept.properties
        return Answer(
            payload=self._metadata(properties, name, fetch) if fetch.metadata else self._payload(kept, name),
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
        listed = self.ask(self._api.enabled_secrets, "secrets", "secrets/list")
        names = sorted(
            name for name, tags in listed if (pattern is None or pattern.match(name)) and wanted.items() <= tags.items()
        )
        fetches = [Fetch(store=query.store, key=name) for name in names]
        with ThreadPoolExecutor(self._context.settings.concurrency) as pool:
            # A pool of its own: the caller may sit in the resolver's, and wait for us there.
            return dict(zip(names, pool.map(self.get, fetches), strict=True))

    def push(self, push: Push) -> PushOutcome:
        """Write a secret, key or certificate under ESO's mark, the tag `managed-by: external-secrets` (ESO §3.4)."""
        with self._writing(push.target) as writer:
            return writer.push(push)

    def exists(self, target: PushTarget) -> bool:
        """Whether it is there, and the property in it."""
        with self._writing(target) as writer:
            return writer.exists(target)

    def delete(self, target: PushTarget, *, dry_run: bool = False) -> PushOutcome:
        """Delete it, if it is ours. The vault keeps what was deleted for a time."""
        with self._writing(target) as writer:
            return writer.delete(target, dry_run=dry_run)

    def close(self, *, revoke: bool = True) -> None:  # noqa: ARG002  # nothing is taken that could be given back
        """Close the connections, and forget the token."""
        self._closed = True
        self._identity.forget()
        self._transport.close()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ClosedError(f"{self._context.store} was closed")

    @contextmanager
    def _writing(self, target: PushTarget) -> Generator[Writer]:
        self._refuse_if_closed()
        try:
            yield Writer(_Requests(self), self._context.clock, self._context.settings.request_timeout)
        except StoreError as error:
            at_store(error, self._context.store, target.key)
            raise

    def _payload(self, kept: Kept, name: ObjectName) -> Payload:
        place = {"store": str(self._context.store), "path": name.path}
        if kept.key is not None:
            return payloads.KeyPayload(payloads.web_key(kept.key), **place)
        if kept.value is not None:
            return TextPayload(kept.value.reveal(), lookup=Lookup.PATH_THEN_LITERAL, **place)
        return payloads.CertificatePayload(kept.certificate)

    def _metadata(self, properties: Properties, name: ObjectName, fetch: Fetch) -> Payload:
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

    def read(self, name: ObjectName) -> Kept:
        """The newest version of an object, for a push."""
        return self.ask(lambda: self._api.read(name), name.path, name.permission)

    def send(self, name: ObjectName, verb: str, call: Callable[[Api], None]) -> None:
        """Send a request that changes an object, once: an answer that is lost does not say that it failed."""
        self.ask(lambda: call(self._api), name.path, name.permission_to(verb), writing=True)

    def look(self, name: ObjectName, call: Callable[[Api], _ResultT]) -> _ResultT:
        """Ask something else about an object that needs the permission to read it."""
        return self.ask(lambda: call(self._api), name.path, name.permission)

    def ask(self, call: Callable[[], _ResultT], path: str, permission: str, *, writing: bool = False) -> _ResultT:
        """What `call` returns; asked again with a new login after a refused one.

        What only reads is repeated after an error that may pass, too.
        """
        limit = self._context.settings.request_timeout.total_seconds()
        asked = Asked(path, permission, limit, self._context.clock.now, writing=writing)

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
            return once() if writing else repeat_reads(once, self._context)
        except StoreError as error:
            at_store(error, self._context.store, path)
            raise


class _Requests:
    """What a push sends."""

    def __init__(self, client: AzureClient) -> None:
        self._client = client

    def read(self, name: ObjectName) -> Kept:
        return self._client.read(name)

    def write(self, name: ObjectName, content: Sensitive | KeyMaterial | CertificateMaterial, about: About) -> None:
        def send(api: Api) -> None:
            if isinstance(content, KeyMaterial):
                api.import_key(name, content, about)
            elif isinstance(content, CertificateMaterial):
                api.import_certificate(name, content, about)
            else:
                api.set_secret(name, content, about)

        self._client.send(name, "import", send)

    def update(self, name: ObjectName, version: str, about: About) -> None:
        self._client.send(name, "update", lambda api: api.update(name, version, about))

    def delete(self, name: ObjectName) -> None:
        self._client.send(name, "delete", lambda api: api.delete(name))

    def deleted_tags(self, name: ObjectName) -> Mapping[str, str]:
        return self._client.look(name, lambda api: api.deleted_tags(name))

    def recover(self, name: ObjectName) -> None:
        self._client.send(name, "recover", lambda api: api.recover(name))


def _request_id(response: object) -> str:
    headers = cast("Mapping[str, str]", getattr(response, "headers", {}))
    return headers.get("x-ms-request-id", "")


def _attempt(call: Callable[[], _ResultT], asked: Asked) -> _ResultT | Fault:
    try:
        with silence.quiet():
            return call()
    except Exception as failure:  # noqa: BLE001  # the SDK lets those of the libraries below it through
        return of_failure(failure, asked)
