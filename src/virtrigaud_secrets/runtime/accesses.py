"""What an audit is told: who was given which secret, and which reads of stores it came from.

Told where values are handed over; what becomes of it is the auditor's matter. Without one nothing is made or told.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.cache.entries import SecretName
from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import SecretsError, StoreError, forget_locals
from virtrigaud_secrets.resolver.push_report import PushReport
from virtrigaud_secrets.stores.base import Answer, Fetch, Query

_caller: ContextVar[str] = ContextVar("virtrigaud_secrets_caller", default="")


@contextmanager
def acting_as(caller: str) -> Generator[None]:
    """Name who asks for secrets in the block, for the audit: a component, a request, a user.

    Holds for the thread or asyncio task. What subscribes inside is named so for as long as it subscribes.
    """
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def current_caller() -> str:
    """The name given by `acting_as`; empty where nobody gave one."""
    return _caller.get()


class AccessKind(StrEnum):
    """How a secret was handed over."""

    RESOLVE = "resolve"
    """`resolve`, and `resolve_all` for each secret; `cached` where it had one."""
    REFRESH = "refresh"
    """`refresh`."""
    CHANGE = "change"
    """A subscription was given a value: its first one, or another than before."""
    USE = "use"
    """`Subscription.use` was entered."""
    PUSH = "push"
    """A value was written to a store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretAccess:
    """Somebody was given a secret, or was not."""

    kind: AccessKind
    """How."""
    at: datetime
    """When, aware UTC."""
    caller: str
    """Who, as `acting_as` says."""
    thread: str
    """Name of the thread."""
    manifest: str
    """The manifest as `Kind namespace/name`; what was asked for, where there is no such manifest."""
    bundle: Bundle | None = field(default=None, repr=False)
    """What was handed over; None where it was not, and for a push."""
    cached: bool = False
    """Whether it was in memory."""
    target: str = ""
    """Of a push: store, remote key and property."""
    outcome: str = ""
    """Of a push: what became of it."""
    error: SecretsError | None = None
    """Why it was not handed over."""


@dataclass(frozen=True, slots=True)
class Given:
    """A bundle that is about to be handed over."""

    name: SecretName
    """Of which ExternalSecret."""
    bundle: Bundle = field(repr=False)
    """The bundle."""
    cached: bool = False
    """Whether it was in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRead:
    """A store was asked for a secret."""

    at: datetime
    """When the answer was there, aware UTC."""
    caller: str
    """Who, as `acting_as` says; empty on the threads of a pool."""
    thread: str
    """Name of the thread."""
    store: str
    """The store as `Kind namespace/name`."""
    path: str
    """The path in the store's own terms."""
    version: str = ""
    """The version that was read."""
    lease: str = ""
    """A short hash of the lease id."""
    request_id: str = ""
    """The store's own identifier of the request, where it has one."""
    error: SecretsError | None = None
    """Why there is no answer."""


class Auditor(Protocol):
    """Is told of every access, in the thread of who asks. Must not wait and must not raise."""

    def accessed(self, access: SecretAccess) -> None:
        """Somebody was given a secret, or was not."""
        ...

    def read(self, read: StoreRead) -> None:
        """A store was asked."""
        ...

    def flush(self, timeout: float) -> bool:
        """Have everything written that was told; False if that takes longer than so many seconds."""
        ...


FLUSH_SECONDS: Final = 1.0
"""What closing a resolver waits for its audit, at most."""


class Accesses:
    """Tells an auditor, if there is one."""

    def __init__(self, auditor: Auditor | None, clock: Clock) -> None:
        self._auditor = auditor
        self._clock = clock

    @property
    def audited(self) -> bool:
        """Whether anybody is told."""
        return self._auditor is not None

    def given(
        self, kind: AccessKind, name: SecretName, bundle: Bundle, *, cached: bool = False, caller: str | None = None
    ) -> None:
        """A bundle was handed over."""
        if self._auditor is not None:
            self._tell(kind, f"ExternalSecret {name}", bundle=bundle, cached=cached, caller=caller)

    def told(self, kind: AccessKind, name: str, namespace: str | None, obtain: Callable[[], Given]) -> Bundle:
        """What `obtain` gives, or raises, after telling so."""
        try:
            given = obtain()
        except BaseException as error:
            if isinstance(error, SecretsError):
                self.refused(kind, name, namespace, error)
            forget_locals(error)
            raise
        self.given(kind, given.name, given.bundle, cached=given.cached)
        return given.bundle

    def refused(self, kind: AccessKind, name: str, namespace: str | None, error: SecretsError) -> None:
        """There was nothing to hand over."""
        if self._auditor is not None:
            place = name if namespace is None else f"{namespace}/{name}"
            self._tell(kind, f"ExternalSecret {place}", error=error)

    def pushed(self, report: PushReport) -> None:
        """Values were written to stores."""
        if self._auditor is not None and not report.dry_run:
            for entry in report.entries:
                target = entry.target
                name = f"{target.key}#{target.property}" if target.property else target.key
                manifest = f"PushSecret {report.namespace}/{report.name}"
                self._tell(AccessKind.PUSH, manifest, target=f"{target.store} {name}", outcome=str(entry.outcome))

    def asked(self, asked: Fetch | Query, outcome: Answer | SecretsError) -> None:
        """A store was asked."""
        if self._auditor is None:
            return
        key = asked.key if isinstance(asked, Fetch) else asked.path
        if isinstance(outcome, Answer):
            lease = "" if outcome.lease is None else outcome.lease.fingerprint
            self._read(
                str(asked.store), outcome.path, version=outcome.version, lease=lease, request_id=outcome.request_id
            )
        elif isinstance(outcome, StoreError):
            self._read(str(asked.store), outcome.path or key, request_id=outcome.request_id, error=outcome)
        else:
            self._read(str(asked.store), key, error=outcome)

    def flush(self) -> None:
        """Give the auditor a moment to write what it was told."""
        if self._auditor is not None:
            self._auditor.flush(FLUSH_SECONDS)

    def _tell(
        self,
        kind: AccessKind,
        manifest: str,
        *,
        bundle: Bundle | None = None,
        cached: bool = False,
        caller: str | None = None,
        target: str = "",
        outcome: str = "",
        error: SecretsError | None = None,
    ) -> None:
        if self._auditor is not None:
            access = SecretAccess(
                kind=kind,
                at=self._clock.now(),
                caller=current_caller() if caller is None else caller,
                thread=threading.current_thread().name,
                manifest=manifest,
                bundle=bundle,
                cached=cached,
                target=target,
                outcome=outcome,
                error=error,
            )
            self._auditor.accessed(access)

    def _read(
        self,
        store: str,
        path: str,
        *,
        version: str = "",
        lease: str = "",
        request_id: str = "",
        error: SecretsError | None = None,
    ) -> None:
        if self._auditor is not None:
            read = StoreRead(
                at=self._clock.now(),
                caller=current_caller(),
                thread=threading.current_thread().name,
                store=store,
                path=path,
                version=version,
                lease=lease,
                request_id=request_id,
                error=error,
            )
            self._auditor.read(read)
