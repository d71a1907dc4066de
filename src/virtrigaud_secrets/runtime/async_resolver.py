"""`AsyncResolver`: the resolver for programs on asyncio. Decides nothing: every decision is the `Resolver`'s.

What is in memory is given out in the event loop; stores are asked on the resolver's own threads.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import copy_context
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar, overload

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import ClosedError, NotReadyError, SecretsError
from virtrigaud_secrets.events import Observer
from virtrigaud_secrets.runtime.accesses import AccessKind, Auditor
from virtrigaud_secrets.runtime.resolver import Resolver
from virtrigaud_secrets.settings import Settings

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle
    from virtrigaud_secrets.manifests import Catalog
    from virtrigaud_secrets.resolver.explanation import Explanation
    from virtrigaud_secrets.resolver.plan import Plan
    from virtrigaud_secrets.resolver.push_report import PushReport
    from virtrigaud_secrets.runtime.health import Health
    from virtrigaud_secrets.runtime.subscription import Callback, FromBundle, Subscription
    from virtrigaud_secrets.stores.base import References

_CredentialT = TypeVar("_CredentialT")
_ValueT = TypeVar("_ValueT")
_ResultT = TypeVar("_ResultT")

READY_LOOK: Final = 0.05
"""Seconds between two looks while waiting to be ready."""


class AsyncResolver:
    """A `Resolver` for asyncio, with the same methods; those that may ask a store are awaited.

    ```python
    async with AsyncResolver.from_path("manifests/") as resolver:
        bundle = await resolver.resolve("vsphere-credentials", namespace="vsphere-providers")
    ```

    Cancelling an `await` leaves the request under way alone: what it brings is kept for the next one who asks. Works
    under any event loop.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        settings: Settings | None = None,
        clock: Clock | None = None,
        references: References | None = None,
        observers: Iterable[Observer] = (),
        auditor: Auditor | None = None,
        background: bool = True,
    ) -> None:
        """See `Resolver`."""
        self._resolver = Resolver(
            catalog,
            settings=settings,
            clock=clock,
            references=references,
            observers=observers,
            auditor=auditor,
            background=background,
        )
        self._background = background
        self._tasks: dict[object, asyncio.Future[Any]] = {}

    @classmethod
    def from_path(
        cls,
        path: str | Path | Sequence[str | Path],
        *,
        settings: Settings | None = None,
        clock: Clock | None = None,
        references: References | None = None,
        observers: Iterable[Observer] = (),
        auditor: Auditor | None = None,
        background: bool = True,
    ) -> Self:
        """See `Resolver.from_path`. Reads files, in the event loop."""
        from virtrigaud_secrets.manifests import load

        settings = Settings.from_environment() if settings is None else settings
        return cls(
            load(path, strict=settings.strict),
            settings=settings,
            clock=clock,
            references=references,
            observers=observers,
            auditor=auditor,
            background=background,
        )

    @property
    def catalog(self) -> Catalog:
        """The manifests."""
        return self._resolver.catalog

    @property
    def settings(self) -> Settings:
        """What the process decided."""
        return self._resolver.settings

    def plan(self, name: str, *, namespace: str | None = None) -> Plan:
        """See `Resolver.plan`."""
        return self._resolver.plan(name, namespace=namespace)

    def explain(
        self, name: str, *, namespace: str | None = None, outcome: Bundle | SecretsError | None = None
    ) -> Explanation:
        """See `Resolver.explain`."""
        return self._resolver.explain(name, namespace=namespace, outcome=outcome)

    async def resolve(self, name: str, *, namespace: str | None = None, min_ttl: timedelta | None = None) -> Bundle:
        """See `Resolver.resolve`."""
        if min_ttl is None:
            bundle = self._resolver.cached(name, namespace=namespace)
            if bundle is not None:
                return bundle
        # However many wait for one making, each is told of by itself.
        accesses = self._resolver.accesses
        try:
            given = await self._shared(
                ("resolve", namespace, name, min_ttl), lambda: self._resolver.obtain(name, namespace, min_ttl)
            )
        except SecretsError as error:
            accesses.refused(AccessKind.RESOLVE, name, namespace, error)
            raise
        accesses.given(AccessKind.RESOLVE, given.name, given.bundle, cached=given.cached)
        return given.bundle

    async def resolve_all(
        self, names: Iterable[tuple[str, str]] | None = None
    ) -> dict[tuple[str, str], Bundle | SecretsError]:
        """See `Resolver.resolve_all`."""
        wanted = None if names is None else tuple(names)
        return await self._shared(("resolve_all", wanted), lambda: self._resolver.resolve_all(wanted))

    async def refresh(self, name: str, *, namespace: str | None = None) -> Bundle:
        """See `Resolver.refresh`."""
        return await self._own(lambda: self._resolver.refresh(name, namespace=namespace))

    async def push(
        self, name: str, *, namespace: str | None = None, dry_run: bool = False, previous: PushReport | None = None
    ) -> PushReport:
        """See `Resolver.push`."""
        return await self._own(
            lambda: self._resolver.push(name, namespace=namespace, dry_run=dry_run, previous=previous)
        )

    def report_failure(self, bundle: Bundle) -> None:
        """See `Resolver.report_failure`."""
        self._resolver.report_failure(bundle)

    @overload
    def subscribe(self, name: str, *, namespace: str | None = None) -> AsyncSubscription[Bundle]: ...

    @overload
    def subscribe(
        self, name: str, credentials: type[FromBundle[_CredentialT]], *, namespace: str | None = None
    ) -> AsyncSubscription[_CredentialT]: ...

    def subscribe(
        self, name: str, credentials: type[FromBundle[Any]] | None = None, *, namespace: str | None = None
    ) -> AsyncSubscription[Any]:
        """See `Resolver.subscribe`. `AsyncSubscription.get` waits for the first value."""
        subscription: Subscription[Any]
        if credentials is None:
            subscription = self._resolver.subscribe(name, namespace=namespace)
        else:
            subscription = self._resolver.subscribe(name, credentials, namespace=namespace)
        return AsyncSubscription(self, subscription)

    def observe(self, observer: Observer) -> None:
        """See `Resolver.observe`."""
        self._resolver.observe(observer)

    def health(self) -> Health:
        """See `Resolver.health`."""
        return self._resolver.health()

    async def wait_ready(self, *, timeout: timedelta) -> None:  # noqa: ASYNC109  # as `Resolver` has it
        """See `Resolver.wait_ready`."""
        from virtrigaud_secrets.runtime.health import not_ready

        deadline = asyncio.get_running_loop().time() + timeout.total_seconds()
        while True:
            self._resolver.check_open()
            if not self._background:
                await self.run_due()
            missing = self._resolver.health().missing
            if not missing:
                return
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                raise not_ready(missing, timeout)
            await asyncio.sleep(min(left, READY_LOOK))

    async def run_due(self) -> float:
        """See `Resolver.run_due`."""
        return await self._own(self._resolver.run_due)

    async def close(self, *, revoke: bool = True) -> None:
        """See `Resolver.close`."""
        # On a thread of its own: the resolver's take no more work while it closes.
        closing = asyncio.get_running_loop().run_in_executor(None, lambda: self._resolver.close(revoke=revoke))
        await asyncio.shield(closing)

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close."""
        await self.close()

    def __repr__(self) -> str:
        """How many manifests it holds."""
        return f"<Async{repr(self._resolver)[1:]}"

    async def in_thread(self, call: Callable[[], _ResultT]) -> _ResultT:
        """For this package's own use."""
        return await self._own(call)

    async def _own(self, call: Callable[[], _ResultT]) -> _ResultT:
        """The result of a call on one of the resolver's threads."""
        return await _landed(self._submitted(call))

    def _submitted(self, call: Callable[[], _ResultT]) -> asyncio.Future[_ResultT]:
        self._resolver.check_open()
        try:
            # Under the caller's name for the audit.
            context = copy_context()
            future = asyncio.wrap_future(self._resolver.keeper.workers.submit(lambda: context.run(call)))
        except RuntimeError:
            raise _closed() from None
        future.add_done_callback(_looked_at)
        return future

    async def _shared(self, key: object, call: Callable[[], _ResultT]) -> _ResultT:
        """The same for all who ask for the same meanwhile: one thread, however many wait."""
        place = (asyncio.get_running_loop(), key)
        future: asyncio.Future[_ResultT] | None = self._tasks.get(place)
        if future is None:
            future = self._tasks[place] = self._submitted(call)
            future.add_done_callback(lambda _: self._tasks.pop(place, None))
        try:
            return await _landed(future)
        except SecretsError as error:
            # An object of one's own, since callers add to it.
            raise copy.copy(error) from None


class AsyncSubscription(Generic[_ValueT]):
    """A `Subscription` for asyncio. `current` never waits; `get` waits for the first value."""

    def __init__(self, resolver: AsyncResolver, subscription: Subscription[_ValueT]) -> None:
        """Made by `AsyncResolver.subscribe`."""
        self._resolver = resolver
        self._subscription = subscription

    @property
    def current(self) -> _ValueT:
        """The value in force. Never waits.

        Raises:
            NotReadyError: there is none yet.
            SecretsError: as `Subscription.current`.
        """
        if not self._subscription.filled:
            name = str(self._subscription.name)
            raise NotReadyError(f"there is no value of {name} yet", missing={name: "it was not read yet"})
        return self._subscription.current

    async def get(self) -> _ValueT:
        """The value in force; the first time it waits for one.

        Raises:
            SecretsError: as `Subscription.current`.
        """
        if self._subscription.filled:
            return self._subscription.current
        return await self._resolver.in_thread(lambda: self._subscription.current)

    @asynccontextmanager
    async def use(self) -> AsyncGenerator[_ValueT]:
        """See `Subscription.use`."""
        await self.get()
        with self._subscription.use() as value:
            yield value

    def on_change(self, callback: Callback[_ValueT]) -> Callable[[], None]:
        """See `Subscription.on_change`. The callback is called in the event loop that this is called in."""
        loop = asyncio.get_running_loop()

        def call(new: _ValueT, old: _ValueT | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(callback, new, old)

        return self._subscription.on_change(call)

    def report_failure(self, value: _ValueT) -> None:
        """See `Subscription.report_failure`."""
        self._subscription.report_failure(value)

    def close(self) -> None:
        """See `Subscription.close`."""
        self._subscription.close()

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Its name; the value is hidden."""
        return f"<AsyncSubscription {self._subscription.name}>"


async def _landed(future: asyncio.Future[_ResultT]) -> _ResultT:
    """What comes of a call. Cancelling whoever waits leaves the call alone."""
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if future.cancelled():
            # Not whoever waits: the resolver was closed before a thread was free for the call.
            raise _closed() from None
        raise


def _closed() -> ClosedError:
    return ClosedError("the resolver was closed meanwhile, or the process ends")


def _looked_at(future: asyncio.Future[Any]) -> None:
    """An error that nobody waits for any more is no news to the event loop."""
    if not future.cancelled():
        future.exception()
