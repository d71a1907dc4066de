"""Carries out what the lease core wants done: one action, one request, one report of how it went. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar, cast

from virtrigaud_secrets.cache.answers import Kept
from virtrigaud_secrets.cache.entries import SecretName
from virtrigaud_secrets.errors import LeaseNotRenewableError, SecretsError, StoreUnavailableError, forget_locals
from virtrigaud_secrets.leases.actions import (
    EndLogin,
    InspectLogin,
    LogIn,
    LookUp,
    Read,
    Renew,
    RenewLogin,
    Request,
)
from virtrigaud_secrets.leases.core import LeaseCore
from virtrigaud_secrets.leases.verdicts import Meaning, Verdict
from virtrigaud_secrets.resolver.connections import Connections
from virtrigaud_secrets.runtime.keeper import Keeper
from virtrigaud_secrets.runtime.verdicts import verdict_of
from virtrigaud_secrets.runtime.wishes import Wish
from virtrigaud_secrets.stores.base import AnswerKind, Fetch, LeaseOperations, LoginState, StoreKey

_ResultT = TypeVar("_ResultT")

UNWANTED: Final = -1
"""Serial of an answer that came too late: no credential has it."""


class LeaseWork:
    """The hands of the core."""

    def __init__(self, keeper: Keeper, connections: Connections, *, elapsed: Callable[[], float]) -> None:
        self._keeper = keeper
        self._connections = connections
        self._elapsed = elapsed

    def carry_out(self, action: Request) -> None:
        """Do it and report. Raises nothing but what interrupts the thread, such as KeyboardInterrupt."""
        try:
            if isinstance(action, EndLogin):
                self._end_login(action)
            elif isinstance(action, (InspectLogin, RenewLogin, LogIn)):
                self._about_login(action)
            elif isinstance(action.key, SecretName):
                self._refresh(cast("Read", action), action.key)
            else:
                self._about_lease(action, cast("Fetch", action.key))
        finally:
            # The core waits for an answer to each request: one that never came would hold its lease up for good.
            self._abandon(action)
            self._keeper.holdings.pass_on()

    def _abandon(self, action: Request) -> None:
        """Report a request that was interrupted on the way; what was reported already stays so."""
        verdict = Verdict(Meaning.TRANSIENT, acted=True, text="the request was interrupted")

        def report(core: LeaseCore, now: float) -> None:
            if not core.is_under_way(action):
                return
            match action:
                case Read():
                    core.read_failed(action, verdict, now)
                case Renew():
                    core.renew_failed(action, verdict, now)
                case LookUp():
                    core.look_up_failed(action, verdict, now)
                case EndLogin():
                    core.login_ended()
                case _:
                    core.login_failed(action, verdict, now)

        self._keeper.holdings.call(report)

    def _about_lease(self, action: Read | Renew | LookUp, fetch: Fetch) -> None:
        if isinstance(action, Read):
            self._read(action, fetch)
        elif isinstance(action, Renew):
            if self._is_used(action, fetch):
                self._renew(action, fetch)
        else:
            self._look_up(action, fetch)

    def _is_used(self, action: Renew, fetch: Fetch) -> bool:
        """Whether it is worth renewing. One of which no bundle could be made is let go of; not one that drains."""
        holdings = self._keeper.holdings
        if holdings.users(fetch) or not holdings.is_in_force(fetch, action.serial):
            return True
        verdict = Verdict(Meaning.TRANSIENT, text="nobody uses it")
        holdings.call(lambda core, now: core.release(fetch, now))
        holdings.call(lambda core, now: core.renew_failed(action, verdict, now))
        return False

    def _refresh(self, action: Read, name: SecretName) -> None:
        entry = self._keeper.entries.get(name)
        until = None if entry is None else self._keeper.put_off(entry)
        if until is not None:
            self._keeper.holdings.call(lambda core, now: core.read_elsewhere(action, now, until=until))
            return
        outcome = None if entry is None else _guarded(lambda: self._keeper.obtain(entry, Wish()), "")
        if isinstance(outcome, SecretsError):
            verdict = verdict_of(outcome)
            self._keeper.holdings.call(lambda core, now: core.read_failed(action, verdict, now))
        else:
            # A making tells the core itself.
            self._keeper.holdings.call(lambda core, now: core.read_elsewhere(action, now))

    def _read(self, action: Read, fetch: Fetch) -> None:
        users = self._keeper.holdings.users(fetch)
        if not self._keeper.holdings.is_wanted(action):
            self._keeper.holdings.call(lambda core, now: core.read_elsewhere(action, now))
            return
        if not users:
            self._keeper.holdings.call(lambda core, now: core.read_elsewhere(action, now))
            self._keeper.holdings.call(lambda core, now: core.release(fetch, now))
            return
        before = self._keeper.answers.get(fetch)
        mine: list[Kept] = []

        def took(_: Fetch, kept: Kept) -> Kept:
            known = self._reported(action, fetch, kept)
            mine.append(known)
            return known

        outcome = _guarded(
            lambda: self._keeper.answers.read(
                self._connections.client(fetch.store), [fetch], usable=lambda _, kept: kept is not before, took=took
            )[0],
            fetch.key,
        )
        if isinstance(outcome, SecretsError):
            verdict = verdict_of(outcome)
            self._keeper.holdings.see_login(fetch.store)
            self._keeper.holdings.call(lambda core, now: core.read_failed(action, verdict, now))
            self._keeper.note_failure(users, outcome)
            self._move_ends(fetch, fetch.store)
        elif not mine:
            self._keeper.holdings.call(lambda core, now: core.read_elsewhere(action, now))
        elif outcome.serial == UNWANTED:
            # Nobody may make a bundle of it.
            if self._keeper.answers.get(fetch) is outcome:
                self._keeper.answers.put(fetch, None)
        elif outcome.serial:
            self._put_to_use(fetch, outcome, before)
        else:
            self._keeper.rebuild(users)

    def _reported(self, action: Read, fetch: Fetch, kept: Kept) -> Kept:
        """Tell the core before anybody can use it."""
        self._keeper.holdings.see_login(fetch.store)
        if kept.answer.kind is AnswerKind.INTERVAL:
            # What hung on a lease does so no more: from now on it is read by interval.
            self._keeper.holdings.call(lambda core, now: core.read_elsewhere(action, now))
            self._keeper.holdings.call(lambda core, now: core.release(fetch, now))
            return kept
        serials: list[int | None] = []
        grant = self._keeper.holdings.grant_of(kept)
        self._keeper.holdings.call(lambda core, now: serials.append(core.read(action, grant, now)))
        return replace(kept, serial=serials[0] or UNWANTED)

    def _put_to_use(self, fetch: Fetch, kept: Kept, before: Kept | None) -> None:
        error = _guarded(lambda: self._keeper.rotate(fetch, kept), fetch.key)
        if error is not None:
            self._keeper.reject(fetch, kept, before, error)
        self._move_ends(fetch, fetch.store)

    def _renew(self, action: Renew, fetch: Fetch) -> None:
        outcome = _guarded(
            lambda: self._leases(fetch.store).renew(action.lease_id, increment=action.increment), fetch.key
        )
        self._keeper.answers.reachability.note(fetch.store, outcome)
        self._keeper.holdings.see_login(fetch.store)
        if isinstance(outcome, SecretsError):
            verdict = verdict_of(outcome)
            self._keeper.holdings.call(lambda core, now: core.renew_failed(action, verdict, now))
        else:
            self._keeper.holdings.call(lambda core, now: core.renewed(action, outcome, now))
        self._move_ends(fetch, fetch.store)

    def _look_up(self, action: LookUp, fetch: Fetch) -> None:
        sent = self._elapsed()
        outcome = _guarded(lambda: self._leases(fetch.store).remaining(action.lease_id), fetch.key)
        self._keeper.answers.reachability.note(fetch.store, outcome)
        if isinstance(outcome, SecretsError):
            verdict = verdict_of(outcome)
            self._keeper.holdings.call(lambda core, now: core.look_up_failed(action, verdict, now))
        else:
            self._keeper.holdings.call(lambda core, now: core.looked_up(action, outcome, sent=sent, now=now))
        self._move_ends(fetch, fetch.store)

    def _about_login(self, action: InspectLogin | RenewLogin | LogIn) -> None:
        def ask() -> LoginState:
            leases = self._leases(action.store)
            match action:
                case InspectLogin():
                    return leases.inspect_login(action.generation)
                case RenewLogin():
                    return leases.renew_login(action.generation)
                case LogIn():
                    return leases.log_in_anew(action.generation)

        outcome = _guarded(ask, "")
        self._keeper.answers.reachability.note(action.store, outcome)
        if isinstance(outcome, SecretsError):
            verdict = verdict_of(outcome)
            self._keeper.holdings.call(lambda core, now: core.login_failed(action, verdict, now))
        else:
            self._keeper.holdings.call(lambda core, now: core.login_done(action.store, outcome, now))
        self._move_ends(None, action.store)

    def _end_login(self, action: EndLogin) -> None:
        _guarded(lambda: self._leases(action.store).end_login(action.generation), "")
        self._keeper.holdings.call(lambda core, _: core.login_ended())

    def _move_ends(self, fetch: Fetch | None, store: StoreKey) -> None:
        self._keeper.holdings.move_ends(self._keeper.entries.get, fetch=fetch, store=store)

    def _leases(self, store: StoreKey) -> LeaseOperations:
        leases = self._connections.client(store).leases
        if leases is None:
            raise LeaseNotRenewableError("the backend has no way to extend what it gave", store=str(store))
        return leases


def _guarded(ask: Callable[[], _ResultT], path: str) -> _ResultT | SecretsError:
    """What `ask` returns, or the error; a backend may be anybody's, and the core waits for an answer."""
    try:
        return ask()
    except SecretsError as error:
        forget_locals(error)
        return error
    except Exception as error:  # noqa: BLE001  # as said
        forget_locals(error)
        return StoreUnavailableError(f"{type(error).__name__} was raised on the way", path=path)
