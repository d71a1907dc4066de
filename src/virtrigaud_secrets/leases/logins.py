"""Logins as the core follows them: when to extend or replace one, and when a former one can be ended. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.leases import schedule
from virtrigaud_secrets.leases.actions import EndLogin, Happened, InspectLogin, LogIn, RenewLogin
from virtrigaud_secrets.leases.schedule import Uniform
from virtrigaud_secrets.leases.state import Hold, Login, Term
from virtrigaud_secrets.leases.timers import Timers
from virtrigaud_secrets.leases.verdicts import Meaning, Verdict
from virtrigaud_secrets.stores.base import LoginState, StoreKey

UNKNOWN_LENGTH: Final = 60.0
"""Seconds that stand in for the length of a login whose end is not known, to pace what is repeated."""
END_AFTER: Final = 30.0
"""Seconds before a former login is ended: a read that was sent with it may still be under way."""

LoginRequest = InspectLogin | RenewLogin | LogIn | EndLogin
"""What a login may want."""


class Logins:
    """The logins of all stores. A login is looked after while a credential hangs on it."""

    def __init__(
        self,
        timers: Timers[Hold | Term | Login],
        uniform: Uniform,
        *,
        tell: Callable[[Happened], None],
        queue: Callable[[Login], None],
        drop: Callable[[Login], None],
    ) -> None:
        self._timers = timers
        self._uniform = uniform
        self._tell = tell
        self._queue = queue
        self._drop = drop
        self._logins: dict[tuple[StoreKey, int], Login] = {}
        self._current: dict[StoreKey, Login] = {}
        self._asked: dict[StoreKey, Login] = {}
        """What is asked about a login at this moment: one request a store."""
        self._ended: dict[StoreKey, int] = {}
        """Up to which generation the logins of a store were ended, or refused by it."""
        self._awaited: dict[tuple[StoreKey, int], dict[int, Term]] = {}
        """Credentials of logins that were not seen yet."""

    def current(self, store: StoreKey) -> Login | None:
        """The newest login of a store."""
        return self._current.get(store)

    def looked_after(self) -> list[Login]:
        """The newest login of each store that credentials hang on and that ends."""
        return [login for login in self._current.values() if login.hanging and math.isfinite(login.ends)]

    def see(self, store: StoreKey, state: LoginState, now: float) -> Login | None:
        """Take note of the login in use. Gives the one that it replaced, if it did."""
        login = self._logins.get((store, state.generation))
        if login is not None:
            self._refreshed(login, state, now)
            return None
        former = self._current.get(store)
        if former is not None and former.generation > state.generation:
            return None
        self._begin(store, state, now)
        if former is None:
            return None
        former.superseded, former.dead = True, state.replaced_dead
        self._timers.clear(former)
        self._drop(former)
        kind = EventKind.TOKEN_LOST if state.replaced_dead else EventKind.TOKEN_REPLACED
        self._tell(Happened(kind=kind, store=store, remaining=_left(former, now)))
        return former

    def outdated(self, term: Term) -> bool:
        """Whether it hangs on a former login and has to be read anew before that one ends."""
        if term.bound is not None:
            return term.bound.superseded and not term.bound.lasting
        current = None if term.store is None else self._current.get(term.store)
        return current is not None and 0 < term.login < current.generation

    def attach(self, term: Term, now: float) -> None:
        """One more credential hangs on a login."""
        if term.store is None or not term.login:
            return
        login = self._logins.get((term.store, term.login))
        if login is not None:
            term.bound = login
            login.hanging[term.serial] = term
            if login.ending:
                login.ending = False
                self._timers.clear(login)
                self._drop(login)
            elif len(login.hanging) == 1:
                self._schedule(login, now)
        elif term.login <= self._ended.get(term.store, 0):
            term.ends = min(term.ends, now)
        else:
            self._awaited.setdefault((term.store, term.login), {})[term.serial] = term

    def detach(self, term: Term, now: float) -> None:
        """One credential less."""
        login, term.bound = term.bound, None
        if login is None:
            if term.store is not None:
                waiting = self._awaited.get((term.store, term.login), {})
                if waiting.pop(term.serial, None) is not None and not waiting:
                    del self._awaited[term.store, term.login]
            return
        del login.hanging[term.serial]
        if not login.hanging:
            if login.superseded:
                self.release(login, now)
            else:
                self._timers.clear(login)
                self._drop(login)

    def release(self, login: Login, now: float) -> None:
        """A former login: if nothing hangs on it, it is ended if it is ours, and forgotten."""
        if login.hanging or login.ending:
            return
        if login.own and not login.dead and login.ends > now:
            login.ending = True
            self._timers.set(login, now + END_AFTER)
        else:
            self._forget(login)

    def fired(self, login: Login, now: float) -> None:
        """Its timer fired."""
        if login.ending and login.ends <= now:
            self._forget(login)
        elif login.ending or self._wanted(login, now) is not None:
            self._queue(login)

    def request(self, login: Login, now: float) -> LoginRequest | None:
        """What a login whose turn it is wants."""
        if login.ending:
            self._forget(login)
            return EndLogin(store=login.store, generation=login.generation)
        kind = self._wanted(login, now)
        if kind is None:
            return None
        self._asked[login.store] = login
        return kind(store=login.store, generation=login.generation)

    def answered(self, store: StoreKey, state: LoginState, now: float) -> Login | None:
        """A request for a login was answered. As `see`."""
        asked = self._asked.pop(store, None)
        before = None if asked is None else (asked.sent, asked.known)
        former = self.see(store, state, now)
        login = self._current.get(store)
        if login is None:
            return former
        if login is asked and before == (login.sent, login.known):
            # Nothing new: the store gave the login that is in use, or does not tell how long it lasts.
            if not login.known:
                login.opaque = True
            else:
                self._retry(login, None, now)
        elif not login.timer and not login.queued:
            self._schedule(login, now)
        return former

    def failed(self, action: InspectLogin | RenewLogin | LogIn, verdict: Verdict, now: float) -> None:
        """A request for a login failed."""
        self._asked.pop(action.store, None)
        login = self._logins.get((action.store, action.generation))
        if login is None or login.superseded:
            current = self._current.get(action.store)
            if current is not None and not current.timer and not current.queued:
                self._schedule(current, now)
            return
        self._tell(
            Happened(
                kind=EventKind.ERROR,
                store=login.store,
                remaining=_left(login, now),
                attempt=login.attempt + 1,
                reason=verdict.text,
            )
        )
        if isinstance(action, RenewLogin) and verdict.meaning is not Meaning.TRANSIENT:
            login.replace, login.attempt = True, 0
            self._timers.set(login, now)
        elif isinstance(action, InspectLogin) and verdict.meaning is Meaning.DEFINITE:
            login.opaque = True
        else:
            self._retry(login, verdict.retry_after, now)

    def jumped(self, ahead: float, now: float) -> None:
        """Time passed that the clock did not count: logins end earlier, and are asked about."""
        for login in self._logins.values():
            if math.isfinite(login.ends):
                login.ends -= ahead
                login.sent -= ahead
                if not login.superseded and login.hanging and login.store not in self._asked:
                    self._timers.set(login, now)

    def _begin(self, store: StoreKey, state: LoginState, now: float) -> None:
        length = _length(state)
        login = Login(
            store=store,
            generation=state.generation,
            own=state.own,
            renewable=state.renewable,
            replaceable=state.replaceable,
            known=state.duration is not None,
            granted=length,
            length=length,
            sent=state.sent,
            ends=state.sent + length,
        )
        self._logins[store, state.generation] = self._current[store] = login
        for term in self._awaited.pop((store, state.generation), {}).values():
            self.attach(term, now)

    def _forget(self, login: Login) -> None:
        self._timers.clear(login)
        self._drop(login)
        self._logins.pop((login.store, login.generation), None)
        if login.own or login.dead:
            self._ended[login.store] = max(login.generation, self._ended.get(login.store, 0))

    def _wanted(self, login: Login, now: float) -> type[InspectLogin | RenewLogin | LogIn] | None:
        if login.store in self._asked or login.superseded or login.opaque or not login.hanging:
            return None
        if not login.known:
            return InspectLogin
        ended = now >= login.ends
        if login.renewable and not login.replace and not (ended and login.replaceable):
            # B4, as for leases: late, and renewals fail: in turn.
            late = login.ends - now < schedule.LATE * login.granted
            return LogIn if late and login.attempt % 2 == 1 and login.replaceable else RenewLogin
        return LogIn if login.replaceable else None

    def _refreshed(self, login: Login, state: LoginState, now: float) -> None:
        if state.duration is None or (state.sent <= login.sent and login.known):
            return
        length = _length(state)
        was_known, login.known, login.opaque = login.known, True, False
        if not was_known:
            login.granted = length
        login.renewable, login.replaceable, login.attempt = state.renewable, state.replaceable, 0
        login.length, login.sent, login.ends = length, state.sent, state.sent + length
        capped = was_known and (state.capped or length < login.granted)
        if was_known:
            kind = EventKind.CAPPED if capped else EventKind.TOKEN_RENEWED
            self._tell(Happened(kind=kind, store=login.store, remaining=_left(login, now)))
        if login.superseded:
            return
        if capped:
            login.replace = True
            self._timers.set(login, schedule.capped_at(now, length, self._uniform))
        else:
            self._schedule(login, now)

    def _schedule(self, login: Login, now: float) -> None:
        if login.superseded or login.opaque or not login.hanging or login.store in self._asked:
            return
        if not login.known:
            at = now
        elif not math.isfinite(login.length):
            at = math.inf
        elif login.replace:
            at = now
        elif login.renewable:
            at = schedule.renew_at(login.sent, login.length, self._uniform)
        else:
            at = schedule.rotate_at(login.sent, login.length, self._uniform)
        self._timers.set(login, max(at, now))

    def _retry(self, login: Login, retry_after: float | None, now: float) -> None:
        remaining = login.ends - now
        delay = schedule.retry_delay(
            login.attempt,
            granted=login.granted if math.isfinite(login.granted) else UNKNOWN_LENGTH,
            remaining=remaining if math.isfinite(remaining) else UNKNOWN_LENGTH,
            uniform=self._uniform,
            retry_after=retry_after,
        )
        login.attempt += 1
        at = now + delay
        if login.ends > now:
            # B3: at its end failures count anew, and it is not waited for longer than that.
            at = max(min(at, login.ends), now + schedule.SHORTEST_RETRY)
            login.attempt = 0 if at >= login.ends else login.attempt
        self._timers.set(login, at)


def _left(login: Login, now: float) -> float | None:
    return login.ends - now if math.isfinite(login.ends) else None


def _length(state: LoginState) -> float:
    return float(state.duration) if state.duration else math.inf
