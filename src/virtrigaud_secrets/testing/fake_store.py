"""A store in memory that answers for every store of a set of manifests, and goes wrong when a test says so.

Which backend a manifest names does not matter: `vault`, `aws` or any other is answered from here, by the key that the
manifest writes. What only the real backend does, such as logging in, is not played: its own tests do that.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.bundle import Lease
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ClosedError,
    SecretNotFoundError,
    StoreError,
    StoreUnavailableError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import (
    Answer,
    AnswerKind,
    Fetch,
    Preview,
    Query,
    StoreClient,
    StoreContext,
    at_store,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

Value = str | bytes | Mapping[str, str]
"""A secret: one text, or properties."""

HOLD_SECONDS: Final = 30.0
"""After which a read that is held goes on all the same, so that a test that forgets it fails instead of hanging."""

_NEWEST: Final = frozenset({"", "latest", "AWSCURRENT"})


@dataclass(slots=True)
class _Secret:
    versions: list[Sensitive] = field(default_factory=list[Sensitive])
    make: Callable[[int], Value] | None = None
    life: timedelta | None = None
    made: int = 0


class FakeStore:
    """Secrets by the key under which manifests ask for them. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._secrets: dict[str, _Secret] = {}
        self._faults: dict[str, list[StoreError | None]] = {}
        self._latency = timedelta(0)
        self._free: Final = threading.Event()
        self._free.set()
        self.reads: list[str] = []
        """The key of every read, in order; those that fail too."""

    def put(self, key: str, value: Value, *, life: timedelta | None = None) -> None:
        """Keep a secret, as its newest version: rotate it, if it is there already.

        Args:
            key: as the manifest writes it in `remoteRef.key`.
            value: one text, or properties for `remoteRef.property`.
            life: how long it is good from when it is read; None for no end.
        """
        with self._lock:
            secret = self._secrets.setdefault(key, _Secret())
            secret.versions.append(_text(value))
            secret.make, secret.life = None, life

    rotate = put

    def issue(self, key: str, make: Callable[[int], Value], *, life: timedelta) -> None:
        """Make a new secret at every read, as dynamic credentials and certificates are made.

        Args:
            key: as the manifest writes it.
            make: the secret number n, from 1.
            life: how long each is good.
        """
        with self._lock:
            self._secrets[key] = _Secret(make=make, life=life)

    def delete(self, key: str) -> None:
        """Forget a secret: whoever asks is told that there is none."""
        with self._lock:
            self._secrets.pop(key, None)

    def deny(self, key: str) -> None:
        """Refuse every read of `key` until `allow`, as a policy does."""
        self.fail(key, AccessDeniedError("permission denied", capability="read", status=403))

    def fail(self, key: str, error: StoreError | None = None, *, times: int | None = None) -> None:
        """Answer reads of `key` with an error.

        Args:
            key: as the manifest writes it.
            error: what is raised; by default that the store does not answer.
            times: for how many reads; None until `allow`.
        """
        error = StoreUnavailableError("the store does not answer") if error is None else error
        with self._lock:
            self._faults[key] = [error] * times if times is not None else [error, None]

    def allow(self, key: str) -> None:
        """End what `deny` and `fail` began."""
        with self._lock:
            self._faults.pop(key, None)

    def delay(self, latency: timedelta) -> None:
        """Let every read take that long by the resolver's clock: a `ManualClock` moves on by it."""
        self._latency = latency

    @contextmanager
    def hold(self) -> Generator[None]:
        """Let no read come back before the end of the block."""
        self._free.clear()
        try:
            yield
        finally:
            self._free.set()

    def factory(self, _backend: str = "") -> FakeStoreFactory:
        """The backend that answers from here, in the place of whichever a manifest names."""
        return FakeStoreFactory(self)

    def __repr__(self) -> str:
        """How many secrets; no value."""
        return f"<FakeStore of {len(self._secrets)} secrets>"

    def read(self, fetch: Fetch, context: StoreContext) -> Answer:
        """What a store's client answers.

        Raises:
            StoreError: what the test ordered, or that there is no such secret.
        """
        with self._lock:
            self.reads.append(fetch.key)
        if self._latency:
            context.clock.sleep(self._latency.total_seconds())
        self._free.wait(HOLD_SECONDS)
        with self._lock:
            if fault := self._fault(fetch.key):
                raise at_store(fault, context.store, fetch.key)
            secret = self._secrets.get(fetch.key)
            version, value = (None, None) if secret is None else _version(secret, fetch.version)
            if secret is None or value is None:
                raise SecretNotFoundError("there is no such secret", store=str(context.store), path=fetch.key)
            return _answer(secret, value, version=version or "", path=fetch.key, context=context)

    def issues(self, key: str) -> bool:
        """Whether every read of `key` makes something."""
        with self._lock:
            return key in self._secrets and self._secrets[key].make is not None

    def names(self) -> Iterable[str]:
        """Every key there is, sorted."""
        with self._lock:
            return sorted(self._secrets)

    def _fault(self, key: str) -> StoreError | None:
        waiting = self._faults.get(key)
        if not waiting:
            return None
        # A None at the end stands for "until told otherwise".
        fault = waiting[0] if None in waiting else waiting.pop(0)
        # Its place is filled in at every raise, and the test may still look at the one it gave.
        return None if fault is None else _copy(fault)


class FakeStoreFactory:
    """A backend whose secrets are a `FakeStore`'s."""

    sends_property = False

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    @property
    def spec_model(self) -> type[BaseModel]:
        """That of ESO's own fake: manifests are read by the models of the backends that they name, and not by this."""
        from virtrigaud_secrets.models.backends.fake import FakeProvider

        return FakeProvider

    def preview(self, spec: BaseModel, fetch: Fetch, context: StoreContext) -> Preview:  # noqa: ARG002  # interface
        """The look-up by key."""
        return Preview(fetch=fetch, method="GET", path=fetch.key, side_effect=self._store.issues(fetch.key))

    def connect(self, spec: BaseModel, context: StoreContext) -> StoreClient:  # noqa: ARG002  # interface
        """A client that asks the `FakeStore`."""
        return _Client(self._store, context)


class _Client(StoreClient):
    def __init__(self, store: FakeStore, context: StoreContext) -> None:
        self._store = store
        self._context = context
        self._closed = threading.Event()

    def get(self, fetch: Fetch) -> Answer:
        """Ask the `FakeStore`."""
        if self._closed.is_set():
            raise ClosedError(f"{self._context.store} was closed")
        return self._store.read(fetch, self._context)

    def find(self, query: Query) -> Mapping[str, Answer]:
        """The secrets whose key begins with the path and matches the name."""
        from virtrigaud_secrets.golang import regexp

        if query.tags:
            raise UnsupportedFeatureError(f"{self._context.store}: the fake store of the test kit has no tags")
        pattern = regexp.compile_pattern(query.name)
        found = [key for key in self._store.names() if key.startswith(query.path) and pattern.match(key)]
        return {key: self.get(Fetch(store=query.store, key=key)) for key in found}

    def close(self, *, revoke: bool = True) -> None:  # noqa: ARG002  # nothing was taken
        """Answer nothing from now on."""
        self._closed.set()


def _text(value: Value) -> Sensitive:
    return Sensitive(value if isinstance(value, str | bytes) else json.dumps(dict(value)))


def _version(secret: _Secret, wanted: str) -> tuple[str | None, Sensitive | None]:
    """The version's name and value."""
    if secret.make is not None:
        secret.made += 1
        return str(secret.made), _text(secret.make(secret.made))
    if wanted in _NEWEST:
        return str(len(secret.versions)), secret.versions[-1]
    if wanted.isdigit() and 0 < int(wanted) <= len(secret.versions):
        return wanted, secret.versions[int(wanted) - 1]
    return None, None


def _answer(secret: _Secret, value: Sensitive, *, version: str, path: str, context: StoreContext) -> Answer:
    from virtrigaud_secrets.stores.payload import Lookup, TextPayload

    payload = TextPayload(value.reveal(), lookup=Lookup.PATH, store=str(context.store), path=path)
    if secret.life is None:
        return Answer(payload=payload, path=path, version=version)
    ends, sent = context.clock.now() + secret.life, context.clock.elapsed()
    kind, lease = AnswerKind.EXPIRY, None
    if secret.make is not None:
        kind, seconds = AnswerKind.LEASE, int(secret.life.total_seconds())
        lease = Lease(lease_id=f"{path}/{version}", duration=seconds, renewable=False, expires_at=ends)
    return Answer(payload=payload, path=path, version=version, kind=kind, lease=lease, expires_at=ends, sent=sent)


def _copy(error: StoreError) -> StoreError:
    made = type(error).__new__(type(error), *error.args)
    made.__dict__.update(error.__dict__)
    return made
