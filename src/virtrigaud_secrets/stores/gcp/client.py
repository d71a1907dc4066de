"""`GcpClient`: one store's fetches and searches. Puts login, API, errors and retries together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, cast

from virtrigaud_secrets.errors import (
    ClosedError,
    ConfigurationError,
    SecretsError,
    SecretVersionDeletedError,
    StoreError,
    StoreUnavailableError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.golang import regexp
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import (
    Answer,
    Fetch,
    Push,
    PushOutcome,
    PushTarget,
    Query,
    StoreClient,
    StoreContext,
    at_store,
)
from virtrigaud_secrets.stores.gcp import errors, names
from virtrigaud_secrets.stores.gcp.crc32c import crc32c
from virtrigaud_secrets.stores.gcp.errors import Fault, Refusal
from virtrigaud_secrets.stores.gcp.identity import Identity
from virtrigaud_secrets.stores.gcp.logins import Logins
from virtrigaud_secrets.stores.gcp.metadata_server import MetadataServer
from virtrigaud_secrets.stores.gcp.payload import MetadataPayload
from virtrigaud_secrets.stores.gcp.pushes import ADD_VERSION, CREATE, DELETE, UPDATE, Writer
from virtrigaud_secrets.stores.gcp.sdk import Api, Described, Page, Value
from virtrigaud_secrets.stores.gcp.wire import Wire
from virtrigaud_secrets.stores.payload import Lookup, TextPayload
from virtrigaud_secrets.stores.retrying import repeat_reads

if TYPE_CHECKING:
    import requests

    from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider

MAX_PAGES: Final = 1000
"""Pages of one listing. More than 250,000 secrets is a listing that does not end."""

ACCESS: Final = "secretmanager.versions.access"
"""Permission to read a value."""
DESCRIBE: Final = "secretmanager.secrets.get"
"""Permission to read labels and annotations."""
LIST: Final = "secretmanager.secrets.list"
"""Permission to search."""
LIST_VERSIONS: Final = "secretmanager.versions.list"
"""Permission to look for an enabled version."""

_T = TypeVar("_T")


class GcpClient(StoreClient):
    """Talks to Secret Manager as one identity."""

    def __init__(self, spec: GCPSMProvider, context: StoreContext) -> None:
        """Nothing is sent yet.

        Raises:
            ConfigurationError: the spec cannot be used.
            UnsupportedFeatureError: it logs in by a way that is not supported.
        """
        names.check_spec(spec, context)
        self._spec = spec
        self._context = context
        self._clock = context.clock
        self._wire = Wire(context)
        self._wire.address(names.endpoint(spec))
        self._metadata = MetadataServer(self._wire, context)
        self._identity = Identity(Logins(spec, context, self._wire, self._metadata).chosen(), context)
        self._lock = threading.Lock()
        self._api: Api | None = None
        self._place: names.Place | None = None
        self._closed = False

    def get(self, fetch: Fetch) -> Answer:
        """Read one version, or the secret's labels and annotations."""
        self._refuse_if_closed()
        wanted = names.canonical(self._spec, fetch)
        try:
            place = self._where()
            return self._described(place, wanted) if wanted.metadata else self._read(place, wanted)
        except StoreError as error:
            at_store(error, self._context.store, fetch.key)
            raise

    def find(self, query: Query) -> Mapping[str, Answer]:
        """The newest version of every secret that matches. The name goes before tags; the path is a prefix of names."""
        self._refuse_if_closed()
        if not query.name and not query.tags:
            raise UnsupportedFeatureError(f"{query.store}: dataFrom.find needs name or tags for Secret Manager")
        try:
            place = self._where()
            keys = self._matching(place, query)
            fetches = [Fetch(store=query.store, key=key) for key in keys]
            if len(fetches) < 2:  # noqa: PLR2004  # one needs no second thread
                return {fetch.key: self._read(place, fetch) for fetch in fetches}
            with ThreadPoolExecutor(self._context.settings.concurrency) as pool:
                answers = list(pool.map(partial(self._read, place), fetches))
            return dict(zip(keys, answers, strict=True))
        except StoreError as error:
            at_store(error, self._context.store)
            raise

    def push(self, push: Push) -> PushOutcome:
        """Write a value under ESO's mark, the label `managed-by: external-secrets` (ESO §3.5)."""
        with self._writing(push.target) as writer:
            return writer.push(push)

    def exists(self, target: PushTarget) -> bool:
        """Whether it has a version, and the property in it."""
        with self._writing(target) as writer:
            return writer.exists(target)

    def delete(self, target: PushTarget, *, dry_run: bool = False) -> PushOutcome:
        """Delete it, if it is ours."""
        with self._writing(target) as writer:
            return writer.delete(target, dry_run=dry_run)

    def close(self, *, revoke: bool = True) -> None:  # noqa: ARG002  # Google's access tokens cannot be given back
        """Close the connections. Access tokens end by themselves, within an hour."""
        with self._lock:
            self._closed = True
            self._api = None
        self._identity.forget()
        self._wire.close()

    @contextmanager
    def _writing(self, target: PushTarget) -> Generator[Writer]:
        self._refuse_if_closed()
        names.canonical(self._spec, Fetch(store=target.store, key=target.key))
        try:
            yield Writer(_Requests(self), self._where())
        except StoreError as error:
            at_store(error, self._context.store, target.key)
            raise

    def _refuse_if_closed(self) -> None:
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self._context.store} was closed")

    def _where(self) -> names.Place:
        """Project and location; the metadata server is asked once for a project that the manifest does not name."""
        with self._lock:
            if self._place is not None:
                return self._place
        project = names.written_project(self._spec) or repeat_reads(self._asked_project, self._context)
        with self._lock:
            self._place = names.Place(project, self._spec.location or "")
            return self._place

    def _asked_project(self) -> str:
        project = self._metadata.project()
        if not isinstance(project, Fault):
            return project
        if project.error.retryable and project.error.status is not None:
            raise project.error
        raise ConfigurationError(
            f"{self._context.store}: no projectID, and the metadata server {names.METADATA_SERVER} tells none: "
            f"{project.error.reason}"
        )

    def _read(self, place: names.Place, fetch: Fetch) -> Answer:
        try:
            return self._access(place.version(fetch.key, fetch.version))
        except SecretVersionDeletedError:
            if fetch.version or self._spec.secret_version_selection_policy != names.LATEST_OR_FETCH:
                raise
            newest = self._newest_enabled(place.secret(fetch.key))
            if not newest:
                raise
        return self._access(newest)

    def newest(self, path: str) -> Sensitive:
        """The value of a secret's newest version."""
        return Sensitive(self._access(f"{path}/versions/{names.LATEST}").payload.whole())

    def _access(self, path: str) -> Answer:
        def read(api: Api, token: Sensitive) -> Answer | Fault:
            return self._checked(api.access(path, token), path)

        return self.ask(read, path=path, capability=ACCESS)

    def _checked(self, value: Value, path: str) -> Answer | Fault:
        """Returned, not raised: the value is in a local variable here, and a traceback may show those."""
        if not value.version:
            return errors.unreadable(path)
        if value.checksum is not None and value.checksum != crc32c(value.data):
            reason = "the value was damaged on its way: its checksum is another"
            return Fault(StoreUnavailableError(reason, path=path))
        payload = TextPayload(
            value.data, lookup=Lookup.INNER_LITERAL_THEN_PATH, store=str(self._context.store), path=path
        )
        return Answer(payload=payload, path=path, version=value.version)

    def about(self, path: str) -> Described:
        """A secret without its value."""

        def describe(api: Api, token: Sensitive) -> Described | Fault:
            described = api.secret(path, token)
            return described if described.name else errors.unreadable(path)

        return self.ask(describe, path=path, capability=DESCRIBE)

    def _described(self, place: names.Place, fetch: Fetch) -> Answer:
        path = place.secret(fetch.key)
        found = self.about(path)
        payload = MetadataPayload(
            labels=found.labels, annotations=found.annotations, store=str(self._context.store), path=path
        )
        return Answer(payload=payload, path=path)

    def _newest_enabled(self, secret: str) -> str:
        """Full name of the newest version that can be read, empty where there is none."""

        def page(api: Api, token: Sensitive, following: str) -> Page:
            return api.enabled_versions(secret, following, token)

        listed = self._pages(page, path=secret, capability=LIST_VERSIONS, enough=1)
        return listed[0] if listed else ""

    def _matching(self, place: names.Place, query: Query) -> list[str]:
        pattern = regexp.compile_pattern(query.name) if query.name else None
        wanted = [] if pattern else [f"labels.{name}={value}" for name, value in query.tags]
        if query.path:
            wanted.append(f"name:{query.path}")
        listed_by = " ".join(wanted)

        def page(api: Api, token: Sensitive, following: str) -> Page:
            return api.secrets(place.parent, listed_by, following, token)

        listed = map(names.short, self._pages(page, path=f"{place.parent}/secrets", capability=LIST))
        return sorted(key for key in listed if key.startswith(query.path) and (pattern is None or pattern.match(key)))

    def _pages(
        self, page: Callable[[Api, Sensitive, str], Page], *, path: str, capability: str, enough: int = 0
    ) -> list[str]:
        found: list[str] = []
        following = ""
        for _ in range(MAX_PAGES):

            def one(api: Api, token: Sensitive, following: str = following) -> Page:
                return page(api, token, following)

            listed = self.ask(one, path=path, capability=capability)
            found += listed.names
            following = listed.following
            if not following or (enough and len(found) >= enough):
                return found
        raise StoreUnavailableError("the listing does not end", path=path)

    def ask(
        self, request: Callable[[Api, Sensitive], _T | Fault], *, path: str, capability: str, writing: bool = False
    ) -> _T:
        """Send a request as often as it needs; once more with a new token where the old one is refused.

        What writes is sent once: Google may have acted though no answer came.
        """

        def attempt() -> _T:
            token = self._identity.token()
            if isinstance(token, Fault):
                raise token.error
            outcome = self._once(request, token.value, path=path, capability=capability, writing=writing)
            if isinstance(outcome, Fault) and outcome.token_refused:
                token = self._identity.replacement(token)
                if isinstance(token, Fault):
                    raise token.error
                outcome = self._once(request, token.value, path=path, capability=capability, writing=writing)
            if isinstance(outcome, Fault):
                raise outcome.error
            return outcome

        return attempt() if writing else repeat_reads(attempt, self._context)

    def _once(
        self,
        request: Callable[[Api, Sensitive], _T | Fault],
        token: Sensitive,
        *,
        path: str,
        capability: str,
        writing: bool,
    ) -> _T | Fault:
        failure: SecretsError | None = None
        try:
            return request(self._opened(), token)
        except SecretsError as error:
            failure = error.with_traceback(None)
        except Exception as error:  # noqa: BLE001  # the client raises anything on an answer it does not understand
            return self._fault(error, path=path, capability=capability, writing=writing)
        raise failure

    def _fault(self, error: Exception, *, path: str, capability: str, writing: bool) -> Fault:
        from google.api_core.exceptions import GoogleAPICallError

        answered = error.response if isinstance(error, GoogleAPICallError) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # untyped there
        if answered is not None:
            response = cast("requests.Response", answered)
            wait = errors.retry_after(response.headers.get("Retry-After"), self._clock.now)
            refusal = Refusal.read(response.status_code, response.content)
            meaning = errors.of_write if writing else errors.of_answer
            return meaning(refusal, path=path, capability=capability, retry_after=wait)
        known = errors.of_exception(error, path=path, timeout=self._wire.limit, trust=self._wire.trust)
        return known or errors.unreadable(path)

    def _opened(self) -> Api:
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self._context.store} was closed")
            if self._api is None:
                self._api = Api(names.endpoint(self._spec), self._wire)
            return self._api


class _Requests:
    """What a push sends."""

    def __init__(self, client: GcpClient) -> None:
        self._client = client

    def secret(self, path: str) -> Described:
        return self._client.about(path)

    def value(self, path: str) -> Sensitive:
        return self._client.newest(path)

    def create(self, place: names.Place, key: str, secret: Mapping[str, object]) -> None:
        self._client.ask(
            lambda api, token: api.create(place.parent, key, secret, token),
            path=place.secret(key),
            capability=CREATE,
            writing=True,
        )

    def update(self, path: str, secret: Mapping[str, object], fields: list[str]) -> None:
        self._client.ask(
            lambda api, token: api.update(secret, fields, token), path=path, capability=UPDATE, writing=True
        )

    def add_version(self, path: str, value: Sensitive) -> None:
        self._client.ask(
            lambda api, token: api.add_version(path, value, token), path=path, capability=ADD_VERSION, writing=True
        )

    def delete(self, path: str, etag: str) -> None:
        self._client.ask(lambda api, token: api.delete(path, etag, token), path=path, capability=DELETE, writing=True)
