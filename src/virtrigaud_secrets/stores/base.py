"""What every store implements, and the values that travel between resolver and store. No backend lives here."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, NoReturn, Protocol, Self

from virtrigaud_secrets.bundle import Lease
from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import DecodingError, SecretsError, StoreError, UnsupportedFeatureError
from virtrigaud_secrets.golang import encoding_json
from virtrigaud_secrets.sensitive import REDACTED, Sensitive
from virtrigaud_secrets.settings import Settings

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = [
    "Answer",
    "AnswerKind",
    "Extension",
    "Fetch",
    "LabelledSecret",
    "Lease",
    "LeaseOperations",
    "LoginState",
    "Payload",
    "Preview",
    "Push",
    "PushOutcome",
    "PushTarget",
    "Query",
    "References",
    "RetryPolicy",
    "StoreClient",
    "StoreContext",
    "StoreFactory",
    "StoreKey",
]


@dataclass(frozen=True, slots=True, order=True)
class StoreKey:
    """Which store, as whom: equal keys share one client, its connections and its login."""

    kind: str
    """`SecretStore` or `ClusterSecretStore`."""
    namespace: str
    """Namespace of a SecretStore. For a ClusterSecretStore, the one its references are read from; empty where all of
    them name theirs."""
    name: str
    """Name of the store."""

    def __str__(self) -> str:
        """`Kind namespace/name`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """One request to a store. Equal fetches of a plan are sent once."""

    store: StoreKey
    """The store to ask."""
    key: str
    """`remoteRef.key`, in the spelling the store calls canonical."""
    version: str = ""
    """`remoteRef.version`, empty for the newest."""
    property: str = ""
    """`remoteRef.property`, for backends whose request depends on it; empty for all others."""
    metadata: bool = False
    """`metadataPolicy: Fetch`: the secret's metadata instead of its value."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Request parameters for issuing endpoints, sorted by name; each value as JSON text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search for secrets of one store: `dataFrom.find`. How name, tags and path combine is up to the backend."""

    store: StoreKey
    """The store to ask."""
    name: str = ""
    """`find.name.regexp`: a Go regular expression, found anywhere in the name."""
    tags: tuple[tuple[str, str], ...] = ()
    """`find.tags`, sorted by name."""
    path: str = ""
    """`find.path`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a fetch would send, told without sending anything."""

    fetch: Fetch
    """The fetch in canonical form."""
    method: str
    """Verb in the store's own terms: `GET`, `POST`, `GetSecretValue`…"""
    path: str
    """Path in the store's own terms."""
    side_effect: bool = False
    """Whether the request makes something: a credential, a certificate. Never repeated in haste."""
    note: str = ""
    """What can only be known once the store is asked, such as which engine owns the path."""
    repairs: tuple[str, ...] = ()
    """Ids of the differences from ESO that made it so."""


class Payload(ABC):
    """What a store returned, able to answer the three questions that manifests ask of it.

    Each backend looks properties up in its own way, as ESO's provider of that name does (ESO §3.0). Never shows data.
    """

    __slots__ = ()

    @abstractmethod
    def whole(self) -> bytes:
        """The secret as one value: `remoteRef` without `property`."""

    @abstractmethod
    def property(self, name: str) -> bytes:
        """One property of it.

        Raises:
            PropertyNotFoundError: the secret has no such property.
            DecodingError: the secret is not what a property lookup needs.
        """

    @abstractmethod
    def entries(self, name: str = "") -> dict[str, bytes]:
        """All its entries, or those of property `name`: `dataFrom.extract`.

        Raises:
            PropertyNotFoundError: the secret has no such property.
            DecodingError: it is not a map.
        """

    def __repr__(self) -> str:
        """Hidden."""
        return f"<{type(self).__name__} {REDACTED}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refused: a pickle is a copy nobody watches."""
        raise TypeError("a payload cannot be pickled or copied")


class AnswerKind(StrEnum):
    """By what an answer is kept fresh."""

    INTERVAL = "interval"
    """It has no end of its own: read again at the manifest's refresh interval."""
    LEASE = "lease"
    """It hangs on a lease: renewed, and read anew before the lease cannot be renewed any more."""
    CERTIFICATE = "certificate"
    """A certificate with an end of its own: issued anew at a part of its life, by the wall clock."""
    STATIC_ROLE = "static-role"
    """A password that the store replaces when its TTL is over; the old one is refused from that moment."""
    EXPIRY = "expiry"
    """It ends at a time of its own and cannot be renewed: read anew before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one fetch."""

    payload: Payload = field(repr=False)
    """The data."""
    path: str
    """The path that was read in the end, in the store's own terms."""
    version: str = ""
    """The version that was read."""
    lease: Lease | None = None
    """The lease the data hangs on."""
    expires_at: datetime | None = None
    """When the data stops being good by its own account, aware UTC."""
    request_id: str = ""
    """The store's identifier of the request."""
    repairs: tuple[str, ...] = ()
    """Ids of the differences from ESO that were used on the way."""
    kind: AnswerKind = AnswerKind.INTERVAL
    """By what it is kept fresh."""
    sent: float | None = None
    """Seconds on the clock that never steps before the request was sent, less the age of an answer from a cache on the
    way; None where the backend does not tell."""
    login: int = 0
    """Which login of the store the lease hangs on, as `LoginState.generation`; 0 for none."""
    shared: bool = False
    """Whether others may have been given the same lease, as by a caching proxy: it is never cut or revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """What the renewal of a lease granted."""

    duration: int
    """Seconds from `sent` on."""
    sent: float
    """Before the request was sent, on the clock that never steps."""
    capped: bool = False
    """Whether the store said that it granted less than was asked."""
    shared: bool = False
    """Whether the answer may be somebody else's, out of a cache: how long the lease really lives is to be looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginState:
    """The login a store client uses."""

    generation: int
    """Counts the logins of the client, from 1."""
    own: bool
    """Whether it was made for us, so that we end it. A token that was given is left alone."""
    renewable: bool
    """Whether it can be extended."""
    replaceable: bool
    """Whether another one can be had: by logging in, or from a file that is read again."""
    duration: int | None
    """Seconds granted last; 0 for a login that does not end, None where that is not known yet."""
    sent: float
    """Before the request that granted it was sent, on the clock that never steps."""
    replaced_dead: bool = False
    """Whether the login before this one was refused by the store, so that what hung on it is gone."""
    capped: bool = False
    """Whether the store said that it granted less than was asked."""


class LeaseOperations(ABC):
    """The lease side of a store client: what `StoreClient.leases` offers where a backend has leases.

    Each call is one request, sent once; when to send it is decided elsewhere. What fails raises a StoreError:
    `LeaseNotFoundError`, `LeaseNotRenewableError`, or another one that says why.
    """

    @abstractmethod
    def renew(self, lease_id: str, *, increment: float) -> Extension:
        """Ask that the lease ends `increment` seconds from now; this may also shorten it."""

    @abstractmethod
    def remaining(self, lease_id: str) -> float:
        """Seconds that the lease lives, as the store knows it; one that does not end gives infinity."""

    @abstractmethod
    def login(self) -> LoginState | None:
        """The login in use, None before the first. Sends nothing."""

    @abstractmethod
    def inspect_login(self, generation: int) -> LoginState:
        """The same, after asking the store about a token that was given."""

    @abstractmethod
    def renew_login(self, generation: int) -> LoginState:
        """Extend the login of that generation; one that was replaced meanwhile gives the login in use."""

    @abstractmethod
    def log_in_anew(self, generation: int) -> LoginState:
        """Replace the login of that generation by a new one. What hangs on the old one stays until `end_login`."""

    @abstractmethod
    def end_login(self, generation: int) -> None:
        """End a login that was replaced. Never one that was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTarget:
    """Where something is written: a secret of a store, or one property of it."""

    store: StoreKey
    """The store."""
    key: str
    """`remoteRef.remoteKey`."""
    property: str = ""
    """`remoteRef.property`: the other properties of the secret are kept. Empty for the secret as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One write to a store: a value of a Kubernetes Secret, or all of it."""

    target: PushTarget
    """Where it goes."""
    entries: Mapping[str, Sensitive] = field(repr=False)
    """The Secret's values by key."""
    secret_key: str = ""
    """`match.secretKey`: the one that is meant; empty for all of them."""
    type: str = "Opaque"
    """The Secret's type."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """The Secret's labels."""
    annotations: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """The Secret's annotations: `kubectl apply` keeps a copy of the whole Secret there."""
    metadata: object = None
    """A document of kind PushSecretMetadata, whose `spec` is the backend's own."""
    dry_run: bool = False
    """Whether to tell what would become of it, and send nothing that changes anything."""

    @property
    def value(self) -> Sensitive:
        """What is written: the value of `secret_key`, or all values as a JSON object of texts (ESO §1.6).

        Raises:
            DecodingError: a value of a whole Secret is not UTF-8, so that no JSON can hold it.
        """
        if self.secret_key:
            return self.entries[self.secret_key]
        binary = [key for key in sorted(self.entries) if not is_text(self.entries[key])]
        if binary:
            raise DecodingError(
                f"the values as one JSON object: {', '.join(binary)} is not UTF-8 text, which JSON cannot hold"
            )
        return Sensitive(encoding_json.marshal(_texts(self.entries), escape_html=False))


class PushOutcome(StrEnum):
    """What became of a secret in a store, or would under `dry_run`."""

    CREATED = "created"
    """It was not there."""
    UPDATED = "updated"
    """It was there, and is another now."""
    UNCHANGED = "unchanged"
    """It is what it should be; nothing was written."""
    UNKNOWN = "unknown"
    """The store did not tell: it may have been written."""
    DELETED = "deleted"
    """It was there, and is gone."""
    ABSENT = "absent"
    """It was to be deleted, and is not there."""
    NOT_OWNED = "not-owned"
    """It was to be deleted, and is somebody else's: it was left alone."""


class StoreClient(ABC):
    """Talks to one store. Blocking, safe to use from several threads."""

    batches: ClassVar[bool] = False
    """Whether the backend reads several secrets in one call, so that `get_all` is cheaper than as many `get`."""

    @abstractmethod
    def get(self, fetch: Fetch) -> Answer:
        """Send one request.

        A fetch with side effects is sent at most once: after the server may have acted, an error is raised instead.

        Raises:
            StoreError: one of its subclasses, naming store and path.
            ClosedError: the client was closed.
        """

    def get_all(self, fetches: Sequence[Fetch]) -> list[Answer | SecretsError]:
        """What became of each fetch, in their order. One that fails does not take the others with it."""
        return [self._outcome(fetch) for fetch in fetches]

    def find(self, query: Query) -> Mapping[str, Answer]:
        """Every secret that `query` matches, whole, by the name the backend lists it under.

        Raises:
            SecretNotFoundError: where the backend's rules call an empty result missing (ESO §3).
            StoreError: as `get`.
            UnsupportedFeatureError: the backend cannot search, or not by what the query asks.
        """
        raise UnsupportedFeatureError(f"{query.store}: this store cannot be searched by dataFrom.find")

    def push(self, push: Push) -> PushOutcome:
        """Write one value. What is equal already is not written; what is not marked as ours is not touched.

        A backend that writes marks what it creates as `managed-by: external-secrets`, before or with the value, and
        refuses what lacks that mark (ESO §1.6). A request that may have been carried out is repeated only if that
        cannot do harm.

        Raises:
            UnsupportedFeatureError: the store only reads.
            NotOwnedError: the secret is there and is not ours.
            ConflictError: somebody else wrote it meanwhile.
            InvalidRequestError: `metadata` is not what the backend knows, or the store calls the request wrong.
            StoreError: as `get`.
            DecodingError: the value cannot be written as this store keeps values.
        """
        raise self._read_only(push.target)

    def exists(self, target: PushTarget) -> bool:
        """Whether the secret, or the property of it, is there: `updatePolicy: IfNotExists`.

        Raises:
            UnsupportedFeatureError: the store only reads.
            StoreError: as `get`, but never that it is not there.
        """
        raise self._read_only(target)

    def delete(self, target: PushTarget, *, dry_run: bool = False) -> PushOutcome:
        """Delete what was pushed there, if it is ours: `deletionPolicy: Delete`.

        Of a property, only that; a secret without properties left goes as a whole.

        Args:
            target: what to delete.
            dry_run: only tell what would become of it.

        Raises:
            UnsupportedFeatureError: the store only reads.
            ConflictError: somebody else wrote it meanwhile.
            StoreError: as `get`, but never that it is not there.
        """
        del dry_run
        raise self._read_only(target)

    def _read_only(self, target: PushTarget) -> UnsupportedFeatureError:
        return UnsupportedFeatureError(f"{target.store}: this store only reads; nothing can be pushed to it")

    def _outcome(self, fetch: Fetch) -> Answer | SecretsError:
        try:
            return self.get(fetch)
        except SecretsError as error:
            return error

    @property
    def leases(self) -> LeaseOperations | None:
        """The lease side, None where the backend has no leases."""
        return None

    @abstractmethod
    def close(self, *, revoke: bool = True) -> None:
        """Give back what was taken: leases, login tokens, connections. Never raises; the second call does nothing.

        Args:
            revoke: end leases and the login at the store. False leaves them to their own end, for values that were
                handed to somebody who outlives this process.
        """

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSecret:
    """A Kubernetes Secret that a store's manifest refers to, as a whole."""

    labels: Mapping[str, str]
    """Its labels."""
    data: Mapping[str, Sensitive]
    """Its values."""
    annotations: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Its annotations, as far as they are known."""
    type: str = "Opaque"
    """Its type."""


class References(Protocol):
    """Answers the references that a store's manifest makes to other Kubernetes objects."""

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        """One key of a Kubernetes Secret.

        Raises:
            ConfigurationError: it cannot be found; names where was looked.
        """
        ...

    def labelled_secret(self, name: str, *, namespace: str) -> LabelledSecret:
        """A Kubernetes Secret with its labels.

        Raises:
            ConfigurationError: it cannot be found; names where was looked.
        """
        ...

    def config_map_value(self, name: str, key: str, *, namespace: str) -> str:
        """One key of a ConfigMap.

        Raises:
            ConfigurationError: it cannot be found; names where was looked.
        """
        ...

    def service_account_token(
        self, name: str, *, namespace: str, audiences: Sequence[str] = (), lifetime: timedelta | None = None
    ) -> Sensitive:
        """A token that proves to be this service account, or the pod's own where that is all there is.

        `name` may be empty for the pod's own account. Read from its source at every call: such tokens rotate. One that
        is made for us lives as long as `lifetime`, by default as short as a cluster allows.

        Raises:
            ConfigurationError: there is no identity to be had; names where was looked.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How a store's manifest wants failed requests repeated (`spec.retrySettings`)."""

    retries: int = 0
    """How often one request is repeated."""
    interval: timedelta = timedelta(0)
    """Wait before each repetition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreContext:
    """What a store client is given besides its own spec."""

    store: StoreKey
    """Which store it is."""
    namespace: str
    """Namespace in which references without one of their own are read (ESO §3.0)."""
    settings: Settings
    """The process's settings."""
    clock: Clock
    """Time."""
    references: References
    """Kubernetes objects the spec refers to."""
    retry: RetryPolicy | None = None
    """What the manifest says of retries; None leaves it to the backend."""


class StoreFactory(Protocol):
    """A backend: how its spec reads, what a fetch would send, how to connect.

    Four more attributes are asked for and may be left out: `same_in_all_namespaces(spec)` (whether a ClusterSecretStore
    of this spec is one identity whoever asks, so that one client serves all), `sends_property` (whether the property is
    part of the request), `converts_found_names` (whether ESO's provider converts names before a rewrite, ESO §2.2) and
    `property_repairs(spec, fetch, context)` (ids of the differences from ESO that a property needs).
    """

    @property
    def spec_model(self) -> type[BaseModel]:
        """The pydantic model of the value below `spec.provider.<name>`."""
        ...

    def preview(self, spec: BaseModel, fetch: Fetch, context: StoreContext) -> Preview:
        """What `fetch` would send. No I/O.

        Raises:
            InvalidRequestError: it can be told from here that the request cannot work.
        """
        ...

    def connect(self, spec: BaseModel, context: StoreContext) -> StoreClient:
        """A client for the store. No request is sent before the first fetch.

        Raises:
            MissingDependencyError: the backend's SDK is not installed.
            ConfigurationError: the spec cannot be used, such as a CA that is no certificate.
        """
        ...


def is_text(value: Sensitive) -> bool:
    """Whether a value is UTF-8, so that JSON can hold it."""
    try:
        value.reveal().decode()
    except UnicodeDecodeError:
        return False
    return True


def _texts(entries: Mapping[str, Sensitive]) -> dict[str, str]:
    return {key: value.reveal_text() for key, value in entries.items()}


def at_store(error: StoreError, store: StoreKey, path: str = "") -> StoreError:
    """`error` with the store, and the path where it has none, filled in."""
    error.store = error.store or str(store)
    error.path = error.path or path
    return error


def freeze_parameters(parameters: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Parameters in the form that `Fetch` compares: sorted, each value as JSON text."""
    return tuple((name, json.dumps(parameters[name], sort_keys=True)) for name in sorted(parameters))
