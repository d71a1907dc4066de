"""`Subscription`: the current value of one ExternalSecret, always at hand, and word of every change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.cache.entries import Entry, SecretName, Snapshot
from virtrigaud_secrets.cache.freshness import Freshness
from virtrigaud_secrets.clock import Clock, reader
from virtrigaud_secrets.errors import ClosedError, SecretsError, ValidationError, forget_locals
from virtrigaud_secrets.findings import Finding
from virtrigaud_secrets.runtime.accesses import Accesses, AccessKind, current_caller
from virtrigaud_secrets.runtime.keeper import Keeper
from virtrigaud_secrets.runtime.notices import Notice, Notices

ValueT = TypeVar("ValueT")
_MadeT_co = TypeVar("_MadeT_co", covariant=True)

Callback = Callable[[ValueT, "ValueT | None"], None]
"""Is called with the new and the old value."""


class FromBundle(Protocol[_MadeT_co]):
    """A class of credentials: knows how to make one of a bundle."""

    @classmethod
    def from_bundle(cls, bundle: Bundle, /) -> Any:
        """A credential from the values of a bundle.

        Raises:
            SecretsError: a key is missing or wrong; says which.
        """
        ...


class Host(Protocol):
    """What a subscription needs of its resolver."""

    @property
    def keeper(self) -> Keeper:
        """What keeps values; another one in a forked child."""
        ...

    @property
    def notices(self) -> Notices:
        """What calls callbacks; another one in a forked child."""
        ...

    @property
    def accesses(self) -> Accesses:
        """Who is told of values that are handed over."""
        ...

    def subscribed(self, entry: Entry) -> None:
        """Somebody needs it kept fresh."""
        ...

    def unsubscribed(self, subscription: Subscription[Any]) -> None:
        """Somebody needs it no longer."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Held(Generic[ValueT]):
    """A value in force, with the snapshot that knows its end."""

    value: ValueT
    snapshot: Snapshot


class Subscription(Generic[ValueT]):
    """One ExternalSecret that is kept fresh for as long as somebody subscribes to it.

    ```python
    subscription = resolver.subscribe("vsphere-dynamic-credentials", VSphereCredentials, namespace="vsphere-providers")
    with subscription.use() as credentials:
        connect(credentials)
    ```

    Safe to use from several threads. In a forked child, `current` gives what the parent had until the child has read
    its own.
    """

    def __init__(
        self, host: Host, entry: Entry, *, convert: Callable[[Bundle], ValueT], clock: Clock, manifest: str
    ) -> None:
        """Made by `Resolver.subscribe`."""
        self._host = host
        self._entry = entry
        self._convert = convert
        self._elapsed = reader(clock)
        self._manifest = manifest
        self._caller = current_caller()
        self._held: _Held[ValueT] | None = None
        self._borrowed: _Held[ValueT] | None = None
        self._lock = threading.Lock()
        self._callbacks: list[Callback[ValueT]] = []
        self._closed = False
        self._begun = True
        """Whether this process has it kept fresh; a forked child begins when it first needs it."""

    @property
    def name(self) -> SecretName:
        """Which ExternalSecret."""
        return self._entry.name

    @property
    def current(self) -> ValueT:
        """The value in force. Takes no lock; once there was one, never waits for a store.

        The first time it may wait for the first value.

        Raises:
            CredentialExpiredError: what was there ended, and no new one could be had so far.
            SecretsError: there never was one, or the store says that it is gone or denied; why.
            ClosedError: the subscription or resolver was closed.
        """
        held = self._held
        if held is not None and self._elapsed() < held.snapshot.ends:
            return held.value
        return self._late()

    @property
    def filled(self) -> bool:
        """Whether there is, or was, a value: `current` then never waits."""
        if self._held is not None or self._borrowed is not None:
            return True
        # It may have been resolved before anybody subscribed.
        snapshot = self._entry.snapshot
        return snapshot is not None and snapshot.freshness(self._elapsed()) in {Freshness.FRESH, Freshness.REVALIDATE}

    @contextmanager
    def use(self) -> Generator[ValueT]:
        """The value in force, kept alive for the block: its lease is renewed, and not cut by a rotation meanwhile.

        For at most `Settings.pin_limit` after a rotation, and never past what the store grants at most.

        Raises:
            SecretsError: as `current`.
        """
        held, pinned, keeper = self._pinned()
        self._host.accesses.given(AccessKind.USE, self.name, held.snapshot.bundle, cached=True)
        try:
            yield held.value
        finally:
            # A child that was forked meanwhile has pinned nothing.
            if self._host.keeper is keeper:
                keeper.unpin(pinned)

    def on_change(self, callback: Callback[ValueT]) -> Callable[[], None]:
        """Call `callback(new, old)` for the value in force and after every change. Gives what ends that.

        Each callback is told of the first value that it can be told of, with None before it, and then of all that
        follow, in order, on a thread for all callbacks. What it raises is logged by its type and goes no further.
        """
        with self._lock:
            self._callbacks.append(callback)
            held = self._held
            if held is not None:
                self._tell([callback], held.value, None)

        def end() -> None:
            with self._lock:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)

        return end

    def report_failure(self, value: ValueT) -> None:
        """The value was refused by what it is for, as a login is after its lease was revoked behind our back.

        The store is asked about it at once; what it lost is read anew. Returns before that is done: `current` gives the
        new value when it is there, `on_change` tells. A value that was replaced since leads to nothing.
        """
        held = self._held
        if held is not None and held.value is value:
            self._host.keeper.report(self._entry, held.snapshot)

    def close(self) -> None:
        """Subscribe no longer.

        With the last subscription of an ExternalSecret its leases are let go of, unless somebody was given the bundle
        by `Resolver.resolve` and may still use it.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._callbacks.clear()
            self._held = self._borrowed = None
        self._host.unsubscribed(self)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Its name; the value is hidden."""
        return f"<Subscription {self._entry.name}>"

    # For the keeper

    def prepare(self, snapshot: Snapshot, *, changed: bool) -> Callable[[], None]:
        """See `cache.entries.Taker`."""
        before = self._held or self._borrowed
        value = before.value if before is not None and not changed else self._converted(snapshot.bundle)

        def commit() -> None:
            with self._lock:
                if self._closed:
                    return
                self._held, self._borrowed = _Held(value, snapshot), None
                if before is None or value is not before.value:
                    self._tell(self._callbacks, value, None if before is None else before.value)
                    self._handed_over(snapshot, cached=False)

        return commit

    def drop(self) -> None:
        """See `cache.entries.Taker`."""
        with self._lock:
            self._held = self._borrowed = None

    # For the resolver

    def move(self, entry: Entry) -> None:
        """In a forked child: what the parent holds is borrowed until this process has its own."""
        self._entry = entry
        self._lock = threading.Lock()
        self._borrowed, self._held = self._held or self._borrowed, None
        self._begun = False

    def end_with(self) -> None:
        """The resolver was closed: what is held is not good any more."""
        with self._lock:
            self._closed = True
            self._held = self._borrowed = None

    def _late(self) -> ValueT:
        if self._closed:
            raise ClosedError("the subscription was closed")
        keeper, entry, held = self._host.keeper, self._entry, self._held
        borrowed = self._borrowed
        begun, self._begun = self._begun, True
        if not begun:
            self._host.subscribed(entry)
        if held is None and borrowed is not None and self._elapsed() < borrowed.snapshot.ends:
            return borrowed.value
        if held is not None:
            if self._elapsed() < held.snapshot.ends:
                return held.value
            keeper.wake()
            raise keeper.expired(entry, held.snapshot, entry.error)
        return self._first(keeper.get(entry))

    def _first(self, snapshot: Snapshot) -> ValueT:
        """The value of a bundle that may have been made before anybody subscribed."""
        held, before = self._held, self._borrowed
        if held is not None:
            return held.value
        made = _Held(self._converted(snapshot.bundle), snapshot)
        with self._lock:
            if self._closed:
                raise ClosedError("the subscription was closed")
            # Not over one that was put into force meanwhile: that is newer.
            held = self._held or made
            self._held, self._borrowed = held, None
            if held is made:
                self._tell(self._callbacks, made.value, None if before is None else before.value)
                self._handed_over(snapshot, cached=True)
        return held.value

    def _pinned(self) -> tuple[_Held[ValueT], tuple[int, ...], Keeper]:
        while True:
            value, keeper = self.current, self._host.keeper
            held = self._held
            if held is None or held.value is not value:
                borrowed = self._borrowed
                if borrowed is not None:
                    return borrowed, (), keeper
                continue
            pinned = keeper.pin(held.snapshot)
            if self._held is held or self._closed:
                return held, pinned, keeper
            # It was replaced between the two: the old one may be cut already.
            keeper.unpin(pinned)

    def _converted(self, bundle: Bundle) -> ValueT:
        try:
            return self._convert(bundle)
        except SecretsError as error:
            forget_locals(error)
            raise error.at(self._manifest) from None
        except Exception as error:  # noqa: BLE001  # a class of the caller's; its words might hold a value
            forget_locals(error)
            reason = f"{type(error).__name__} while making the credential of it"
        raise ValidationError(
            "the bundle is not what the credential needs", findings=[Finding(message=reason, subject=self._manifest)]
        ).at(self._manifest)

    def _handed_over(self, snapshot: Snapshot, *, cached: bool) -> None:
        accesses = self._host.accesses
        accesses.given(AccessKind.CHANGE, self.name, snapshot.bundle, cached=cached, caller=self._caller)

    def _tell(self, callbacks: Iterable[Callback[ValueT]], new: ValueT, old: ValueT | None) -> None:
        # With the lock held, so that each callback is told in the order in which values came into force.
        for callback in callbacks:
            self._host.notices.post(Notice(_call(callback, new, old), f"a callback of {self._entry.name}"))


def _call(callback: Callback[ValueT], new: ValueT, old: ValueT | None) -> Callable[[], None]:
    return lambda: callback(new, old)


def unchanged(bundle: Bundle) -> Bundle:
    """The bundle itself, where no credentials class was named."""
    return bundle
