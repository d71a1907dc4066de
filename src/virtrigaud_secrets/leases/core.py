"""The core of lease keeping: what happened goes in by method calls, what is to be done comes out of `due`.

No I/O, no thread, no lock, no clock of its own: `now` is an argument, in seconds on the clock that never steps. Whoever
drives it serialises the calls, carries out each action once, and reports how it went. What requests mean for leases and
logins is decided here and nowhere else.
"""

from __future__ import annotations

import itertools
import math
from datetime import timedelta
from typing import Final

from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.leases import planning, schedule
from virtrigaud_secrets.leases.actions import (
    EndLogin,
    Happened,
    InspectLogin,
    LogIn,
    LookUp,
    Read,
    Renew,
    RenewLogin,
    Request,
)
from virtrigaud_secrets.leases.drains import Drains
from virtrigaud_secrets.leases.gate import Gate, Lane
from virtrigaud_secrets.leases.lanes import Lanes, Rank
from virtrigaud_secrets.leases.ledger import Ledger, left
from virtrigaud_secrets.leases.logins import Logins
from virtrigaud_secrets.leases.schedule import Uniform
from virtrigaud_secrets.leases.state import Grant, Hold, HoldKey, Login, Term, TermState
from virtrigaud_secrets.leases.timers import Timers
from virtrigaud_secrets.leases.verdicts import Meaning, Verdict
from virtrigaud_secrets.stores.base import AnswerKind, Extension, LoginState, StoreKey

PIN_LIMIT: Final = timedelta(hours=1)
"""How long a credential that was replaced is kept alive for somebody who does not let go of it."""
LONGEST: Final = 10 * 365 * 24 * 3600.0
"""Seconds that are believed of a lease: ten years."""
REPORT_EVERY: Final = (1.0, 300.0)
"""Between two requests that reports of refused credentials lead to: a tenth of the length, within these seconds."""


class LeaseCore(Ledger):
    """Keeps credentials valid. See the module's words for how it is driven."""

    def __init__(self, *, uniform: Uniform, gate: Gate | None = None, pin_limit: timedelta = PIN_LIMIT) -> None:
        """An empty core.

        Args:
            uniform: chance, as `random.Random.uniform`.
            gate: what limits requests; by default `Gate()`.
            pin_limit: how long users may keep a replaced credential alive.
        """
        super().__init__()
        self._uniform = uniform
        self._gate = gate or Gate()
        self._timers: Timers[Hold | Term | Login] = Timers()
        self._lanes: Lanes[Hold | Term | Login] = Lanes(self._gate)
        self._serials, self._generations = itertools.count(1), itertools.count(1)
        self._under_way: dict[Request, tuple[Lane, bool]] = {}
        self._ahead = 0.0
        self._logins = Logins(
            self._timers, uniform, tell=self._happened.append, queue=self._queue_login, drop=self._lanes.drop
        )
        self._drains = Drains(
            self._timers, uniform, pin_limit=pin_limit.total_seconds(), queue=self._queue_drained, bury=self._bury
        )

    # What is kept

    def hold(self, key: HoldKey, grant: Grant, *, store: StoreKey | None, now: float) -> int:
        """Keep what was just read and is in use, in place of what was kept under `key`. Gives its serial."""
        serial = self.offer(key, grant, store=store, now=now)
        self.accept(key, now)
        return serial

    def offer(self, key: HoldKey, grant: Grant, *, store: StoreKey | None, now: float) -> int:
        """What was just read on somebody's demand: kept if nothing was, else a successor to accept or reject."""
        hold = self._holds.get(key)
        term = self._term(key, grant, store, now)
        if hold is None:
            unready = int(planning.is_unready(term))
            self._holds[key] = hold = Hold(key=key, store=store, term=term, took=now - grant.sent, unready=unready)
            self._tell(EventKind.CREATED, term, now)
            self._schedule(hold, now)
        else:
            hold.store, hold.took = store, now - grant.sent
            if hold.successor is not None:
                self._drains.retire(hold.successor, now, unused=True)
            hold.successor = term
        return term.serial

    def lost_answer(self, key: HoldKey, now: float) -> None:
        """The answer of a read was lost, ours or one on somebody's demand: no other one is read in haste."""
        if (hold := self._holds.get(key)) is not None and planning.makes(hold):
            hold.lost_answer(now)

    def release(self, key: HoldKey, now: float) -> None:
        """Keep it no longer: nobody uses it. Its lease is cut short."""
        hold = self._holds.pop(key, None)
        if hold is None:
            return
        self._timers.clear(hold)
        self._lanes.drop(hold)
        self._tell(EventKind.RELEASED, hold.term, now)
        for term in filter(None, (hold.term, hold.successor)):
            self._drains.retire(term, now, unused=True)

    # What is to be done

    def due(self, now: float) -> list[Request]:
        """Requests to send now, of each store the one whose credential ends first in front. Each has to be answered."""
        for target in self._timers.fired(now):
            self._fire(target, now)
        requests: list[Request] = []
        while (taken := self._lanes.take(now)) is not None:
            request = self._request(taken.target, now)
            if request is None:
                self._gate.withdrawn(taken.lane, again=taken.again)
            else:
                self._under_way[request] = (taken.lane, taken.again)
                requests.append(request)
        return requests

    def wake_at(self, now: float) -> float:
        """When `due` has something to give again, unless something happens before; infinity for never."""
        return min(self._timers.next_at(), self._lanes.opens_at(now))

    # How reads went

    def read(self, action: Read, grant: Grant, now: float) -> int | None:
        """A read was answered. Gives the serial of the successor, to accept or reject; None if nobody wants it."""
        self._answered(action)
        hold = self._holds.get(action.key)
        term = self._term(action.key, grant, hold.store if hold else None, now)
        if hold is None or hold.generation != action.generation:
            # Somebody made a credential for us that came too late: it must not linger.
            self._drains.retire(term, now, unused=True)
            return None
        term.shift(self._ahead - hold.ahead)
        hold.reading, hold.took = False, now - grant.sent
        if hold.successor is not None:
            self._drains.retire(hold.successor, now, unused=True)
        hold.successor = term
        return term.serial

    def read_elsewhere(self, action: Read, now: float, *, until: float = 0.0) -> None:
        """Somebody else was reading the same, and offered what came of it; or it may not be read `until` then."""
        self._answered(action)
        hold = self._holds.get(action.key)
        if hold is not None and hold.generation == action.generation:
            hold.reading = False
            self._schedule(hold, max(now + schedule.SHORTEST_RETRY, until))

    def accept(self, key: HoldKey, now: float) -> None:
        """The successor is in use from now on; the one before drains."""
        hold = self._holds.get(key)
        if hold is None or hold.successor is None:
            return
        former, hold.term, hold.successor = hold.term, hold.successor, None
        hold.generation = next(self._generations)
        hold.rotated(now)
        hold.attempt, hold.rotate, hold.look_up, hold.reading, hold.expired = 0, False, False, False, False
        hold.unready = hold.unready + 1 if planning.is_unready(hold.term) else 0
        kind = EventKind.REFRESHED if hold.term.kind is AnswerKind.INTERVAL else EventKind.ROTATED
        self._happened.append(
            Happened(kind=kind, key=key, lease_id=hold.term.lease_id, remaining=left(former.end, now))
        )
        self._drains.retire(former, now)
        self._schedule(hold, now)

    def reject(self, key: HoldKey, verdict: Verdict, now: float) -> None:
        """The successor cannot be used, as a template or validation refused it: what was in use stays so."""
        hold = self._holds.get(key)
        if hold is None or hold.successor is None:
            return
        successor, hold.successor = hold.successor, None
        self._drains.retire(successor, now, unused=True)
        if verdict.meaning is not Meaning.TRANSIENT and planning.makes(hold):
            hold.refuse(planning.refused_until(hold, now, end=planning.good_until(hold.term), uniform=self._uniform))
        self._failed_read(hold, verdict, now)

    def read_failed(self, action: Read, verdict: Verdict, now: float) -> None:
        """A read failed."""
        self._answered(action)
        hold = self._holds.get(action.key)
        if hold is not None and hold.generation == action.generation:
            hold.reading = False
            self._failed_read(hold, verdict, now)

    # How renewals and look-ups went

    def renewed(self, action: Renew, extension: Extension, now: float) -> None:
        """A renewal was granted."""
        self._answered(action)
        term = self._terms.get(action.serial)
        if term is None:
            return
        if extension.duration <= 0:
            self._gone(term, now)
        elif term.state is TermState.DRAINING:
            self._drains.renewed(term, extension, now)
        elif term.serving:
            self._extended(self._holds[term.key], extension, now)

    def renew_failed(self, action: Renew, verdict: Verdict, now: float) -> None:
        """A renewal failed."""
        self._answered(action)
        term = self._terms.get(action.serial)
        if term is None:
            return
        if term.state is TermState.DRAINING:
            self._drains.failed(term, verdict, now)
        elif verdict.meaning is Meaning.GONE:
            self._gone(term, now)
        elif term.serving:
            term.move(TermState.VALID)
            self._failed_renewal(self._holds[term.key], verdict, now)

    def looked_up(self, action: LookUp, remaining: float, *, sent: float, now: float) -> None:
        """A look-up was answered: `remaining` seconds, counted from `sent`."""
        term = self._answered_look_up(action, now)
        if term is None:
            return
        if remaining <= 0:
            self._gone(term, now)
            return
        hold = self._holds[term.key]
        sent -= self._ahead - hold.ahead
        hold.look_up = False
        least = sent + min(remaining, LONGEST)
        # The store rounds down: our own account is believed within that second, unless it is somebody else's.
        rounds = 0.0 if term.shared or term.replayed else schedule.LOOK_UP_ROUNDS
        term.ends, term.looked_up = max(least, min(term.ends, least + rounds)), True
        if term.attempt:
            self._retry(hold, term.attempt, Verdict(Meaning.TRANSIENT), now)
            term.attempt += 1
            return
        # Somebody's cache answers renewals, and it is not being extended.
        hold.rotate = hold.rotate or (term.replayed and remaining < schedule.LATE * term.granted)
        # From here on as if it had just been granted for what is left.
        term.sent, term.length = sent, term.ends - sent
        self._schedule(hold, now)

    def look_up_failed(self, action: LookUp, verdict: Verdict, now: float) -> None:
        """A look-up failed."""
        term = self._answered_look_up(action, now)
        if term is None:
            return
        if verdict.meaning in {Meaning.GONE, Meaning.UNKNOWN}:
            self._gone(term, now)
            return
        hold = self._holds[term.key]
        self._tell(EventKind.ERROR, term, now, reason=verdict.text, attempt=term.attempt + 1)
        if verdict.meaning is Meaning.TRANSIENT:
            # Late, renewing tells as much, and helps.
            hold.look_up = term.end - now >= schedule.LATE * term.granted
            self._retry(hold, term.attempt, verdict, now)
            term.attempt += 1
            return
        # It does not let us look: what was granted is believed, and what somebody saw refused is read anew.
        hold.blind, hold.look_up = True, False
        hold.rotate = hold.rotate or hold.reported == term.serial
        if term.attempt:
            self._retry(hold, term.attempt, verdict, now)
        else:
            self._schedule(hold, now)

    # Logins

    def logins(self) -> list[Login]:
        """The logins that are looked after and end: to look at, not to change."""
        return self._logins.looked_after()

    def login_seen(self, store: StoreKey, state: LoginState, now: float) -> None:
        """The login in use, after any request that may have changed it. What hangs on a former one is moved."""
        self._move(self._logins.see(store, state, now), now)

    def login_done(self, store: StoreKey, state: LoginState, now: float) -> None:
        """A request for a login was answered by the login in use."""
        for action in [one for one in self._under_way if isinstance(one, InspectLogin | RenewLogin | LogIn)]:
            if action.store == store:
                self._answered(action)
        self._move(self._logins.answered(store, state, now), now)

    def login_failed(self, action: InspectLogin | RenewLogin | LogIn, verdict: Verdict, now: float) -> None:
        """A request for a login failed."""
        self._answered(action)
        self._logins.failed(action, verdict, now)

    def login_ended(self) -> None:
        """A former login was ended, or could not be."""
        self._answered(next(one for one in self._under_way if isinstance(one, EndLogin)))

    # Users and clocks

    def pin(self, serial: int, now: float) -> None:
        """Somebody holds on to a credential: it is kept alive until `unpin`, or for a while after it was replaced."""
        term = self._terms.get(serial)
        if term is not None:
            term.pins += 1
            if term.pins == 1:
                self._drain_anew(term, now)

    def unpin(self, serial: int, now: float) -> None:
        """Somebody let go."""
        term = self._terms.get(serial)
        if term is not None and term.pins:
            term.pins -= 1
            if not term.pins:
                self._drain_anew(term, now)

    def report(self, key: HoldKey, serial: int, now: float) -> bool:
        """Somebody saw a credential refused. Whether that leads to a request: one that was replaced does not."""
        hold = self._holds.get(key)
        if hold is None or hold.term.serial != serial or hold.reading or hold.successor is not None:
            return False
        term = hold.term
        least, most = REPORT_EVERY
        if now < hold.reported_at + min(max(term.granted / 10, least), most):
            return False
        # The store may say that it lives while what it is for says no: the second time it is not asked again.
        ask = term.kind is AnswerKind.LEASE and hold.reported != serial and term.serving and not hold.blind
        hold.reported, hold.reported_at = serial, now
        hold.look_up, hold.rotate = hold.look_up or ask, hold.rotate or not ask
        self._hurry(hold, now)
        return True

    def refresh(self, key: HoldKey, now: float) -> None:
        """Read anew as soon as may be."""
        hold = self._holds.get(key)
        if hold is not None and not hold.reading and hold.successor is None:
            hold.rotate = True
            self._hurry(hold, now)

    def jumped(self, ahead: float, now: float) -> None:
        """The wall clock moved against the other one by `ahead` seconds.

        Ahead: time passed that the clock did not count, or somebody set it. Leases are asked about, not dropped.
        Behind: only certificates mind, since they are judged by wall time.
        """
        if ahead > 0:
            self._ahead += ahead
            self._happened.append(Happened(kind=EventKind.JUMPED, remaining=ahead))
            self._logins.jumped(ahead, now)
        for term in list(self._terms.values()):
            if ahead > 0 or term.kind is AnswerKind.CERTIFICATE:
                term.shift(ahead)
                self._drain_anew(term, now)
        for hold in self._holds.values():
            if ahead > 0 and hold.term.kind is AnswerKind.LEASE and hold.term.serving:
                hold.look_up = not hold.blind
                self._sooner(hold, now, schedule.spread(hold.term.ends - now, len(self._holds), self._uniform))
            elif (ahead > 0 or hold.term.kind is AnswerKind.CERTIFICATE) and not hold.failing:
                self._schedule(hold, now)

    # Deciding

    def _term(self, key: HoldKey, grant: Grant, store: StoreKey | None, now: float) -> Term:
        length = grant.length if grant.kind is AnswerKind.INTERVAL else min(grant.length, LONGEST)
        endless = grant.kind in {AnswerKind.INTERVAL, AnswerKind.STATIC_ROLE}
        term = Term(
            serial=next(self._serials),
            key=key,
            store=store,
            kind=grant.kind,
            lease_id=grant.lease_id,
            renewable=grant.renewable,
            login=grant.login if grant.lease_id and not endless else 0,
            shared=grant.shared,
            granted=length,
            length=length,
            began=grant.sent,
            sent=grant.sent,
            ends=math.inf if endless else grant.sent + length,
        )
        self._terms[term.serial] = term
        self._logins.attach(term, now)
        return term

    def _schedule(self, hold: Hold, now: float) -> None:
        """Set the timer of a credential that is well."""
        term = hold.term
        if hold.in_flight:
            return
        self._lanes.drop(hold)
        if self._logins.outdated(term):
            hold.rotate = True
            count = 1 if term.bound is None else len(term.bound.hanging)
            self._timers.set(hold, now + schedule.spread(term.end - now, count, self._uniform))
        elif hold.rotate or hold.look_up or not term.serving:
            self._timers.set(hold, now)
        elif term.shared and term.kind is AnswerKind.LEASE and not term.looked_up and not hold.blind:
            hold.look_up = True
            self._timers.set(hold, now)
        else:
            self._timers.set(hold, max(planning.due_at(hold, self._uniform), now))

    def _sooner(self, hold: Hold, now: float, put_off: float) -> None:
        """Let it be due after `put_off` seconds, unless it is so before."""
        self._timers.set(hold, min(now + put_off, max(self._timers.at(hold), now)))

    def _hurry(self, hold: Hold, now: float) -> None:
        """Let it be due now, unless the wait after a failure is on: nobody's impatience shortens that."""
        if not hold.failing:
            self._timers.set(hold, now)

    def _fire(self, target: Hold | Term | Login, now: float) -> None:
        if isinstance(target, Term):
            self._drains.fired(target, now)
        elif isinstance(target, Login):
            self._logins.fired(target, now)
        elif not target.in_flight:
            self._notice_end(target, now)
            if planning.is_put_off(target, now):
                self._timers.set(target, target.no_read_until)
                return
            end = planning.good_until(target.term)
            rank = Rank.FRESH if not target.failing else Rank.FAILING if end > now else Rank.ENDED
            self._lanes.put(target, target.store, rank=rank, urgency=end)

    def _request(self, target: Hold | Term | Login, now: float) -> Request | None:
        if isinstance(target, Term):
            return self._drains.request(target, now)
        if isinstance(target, Login):
            return self._logins.request(target, now)
        return self._request_of(target, now)

    def _request_of(self, hold: Hold, now: float) -> Request:
        term = hold.term
        self._timers.clear(hold)
        self._notice_end(hold, now)
        hold.ahead = self._ahead
        if planning.looks_up(hold, now):
            term.move(TermState.RENEWING)
            return LookUp(key=hold.key, serial=term.serial, lease_id=term.lease_id)
        if planning.reads(hold, now):
            hold.reading = True
            hold.generation = next(self._generations)
            if term.kind is not AnswerKind.INTERVAL and not hold.attempt:
                self._tell(EventKind.ROTATING, term, now)
            return Read(key=hold.key, generation=hold.generation)
        term.move(TermState.RENEWING)
        return Renew(key=hold.key, serial=term.serial, lease_id=term.lease_id, increment=term.granted)

    def _extended(self, hold: Hold, extension: Extension, now: float) -> None:
        term, hold.took = hold.term, now - extension.sent
        term.move(TermState.VALID)
        term.sent, term.attempt, term.looked_up, hold.attempt = extension.sent - self._ahead + hold.ahead, 0, False, 0
        term.length = min(float(extension.duration), LONGEST)
        term.ends = term.sent + term.length
        term.renewals, term.replayed = term.renewals + 1, extension.shared
        if extension.shared and not hold.blind:
            hold.look_up = True
            self._schedule(hold, now)
        elif extension.capped or term.length < term.granted:
            self._tell(EventKind.CAPPED, term, now)
            hold.learn_maximum(now)
            # The very first renewal was capped: the role's maximum is what it grants, renewing never helps.
            if term.renewals == 1:
                hold.give_up_renewing(now)
            hold.rotate = True
            self._timers.set(hold, schedule.capped_at(now, term.length, self._uniform))
        else:
            self._tell(EventKind.RENEWED, term, now)
            self._schedule(hold, now)

    def _failed_renewal(self, hold: Hold, verdict: Verdict, now: float) -> None:
        term = hold.term
        self._tell(EventKind.ERROR, term, now, reason=verdict.text, attempt=term.attempt + 1)
        if verdict.meaning is Meaning.NOT_RENEWABLE and term.renewals:
            # It was renewed before: this credential is at its maximum, and says nothing of the next one.
            hold.rotate, term.attempt = True, 0
            self._timers.set(hold, now)
            return
        if verdict.meaning in {Meaning.NOT_RENEWABLE, Meaning.DEFINITE}:
            hold.give_up_renewing(now)
            term.attempt = 0
            self._schedule(hold, now)
            return
        hold.rotate = hold.rotate or verdict.meaning is Meaning.ROLE_GONE
        # Asked once in a row of failures; the renewals that follow tell as well.
        hold.look_up |= verdict.meaning is Meaning.UNKNOWN and not term.looked_up and not hold.blind
        self._retry(hold, term.attempt, verdict, now)
        term.attempt, hold.read_last = term.attempt + 1, False

    def _failed_read(self, hold: Hold, verdict: Verdict, now: float) -> None:
        self._notice_end(hold, now)
        self._tell(EventKind.ERROR, hold.term, now, reason=verdict.text, attempt=hold.attempt + 1)
        if verdict.acted:
            self.lost_answer(hold.key, now)
        self._retry(hold, hold.attempt, verdict, now)
        hold.attempt, hold.read_last = hold.attempt + 1, True

    def _retry(self, hold: Hold, attempt: int, verdict: Verdict, now: float) -> None:
        """Set the timer after a failure (B1 to B3). At its end failures count anew, so it is not waited for longer."""
        end = planning.good_until(hold.term)
        delay = schedule.retry_delay(
            attempt,
            granted=planning.pace(hold),
            remaining=max(min(end - now, LONGEST), 0.0),
            uniform=self._uniform,
            retry_after=verdict.retry_after,
        )
        soonest, at = now + schedule.SHORTEST_RETRY, now + delay
        if end > now:
            # The last try is made while its answer can still save something, and no other one just before it.
            last = schedule.last_try_at(end, hold.took)
            if at > last - schedule.SHORTEST_RETRY:
                at = last if last >= soonest else min(at, end)
        self._timers.set(hold, max(at, soonest))

    def _notice_end(self, hold: Hold, now: float) -> None:
        """B3: failures count anew at the end, which is told once."""
        if not hold.expired and now >= hold.term.end:
            hold.expired, hold.attempt, hold.term.attempt = True, 0, 0
            if hold.term.serving:
                self._tell(EventKind.EXPIRED, hold.term, now)

    def _gone(self, term: Term, now: float, *, put_off: float = 0.0) -> None:
        """The store does not know it any more."""
        if term.state is TermState.DRAINING:
            self._bury(term, now)
            return
        if not term.serving:
            return
        term.move(TermState.LOST)
        # Whatever it hung on, it has not become better.
        term.attempt, term.ends = 0, term.end
        self._logins.detach(term, now)
        self._tell(EventKind.LOST, term, now)
        hold = self._holds[term.key]
        if hold.term is term:
            hold.rotate, hold.look_up, hold.attempt = True, False, 0
            if not hold.in_flight:
                self._timers.set(hold, now + put_off)

    def _move(self, former: Login | None, now: float) -> None:
        """What hangs on a former login is read anew by the new one."""
        if former is None:
            return
        hanging = list(former.hanging.values())
        for term in hanging:
            hold = self._holds.get(term.key)
            if former.dead:
                self._gone(term, now, put_off=schedule.spread(math.inf, len(hanging), self._uniform))
            elif hold is not None and hold.term is term and not former.lasting:
                hold.rotate = True
                self._sooner(hold, now, schedule.spread(term.end - now, len(hanging), self._uniform))
        self._logins.release(former, now)

    # Small things

    def is_under_way(self, action: Request) -> bool:
        """Whether a request was given out and is not answered."""
        return action in self._under_way

    def is_wanted(self, action: Read) -> bool:
        """Whether what a read that was given out would bring is still missing: nobody else read it meanwhile."""
        hold = self._holds.get(action.key)
        return hold is not None and hold.generation == action.generation and hold.successor is None

    def _answered(self, action: Request) -> None:
        """A request is no longer under way."""
        lane, again = self._under_way.pop(action)
        self._gate.finished(lane, again=again)

    def _answered_look_up(self, action: LookUp, now: float) -> Term | None:
        """The credential that was looked up, if that still matters."""
        self._answered(action)
        term = self._terms.get(action.serial)
        if term is None:
            return None
        if term.state is TermState.DRAINING:
            self._drains.answered(term, now)
        if not term.serving:
            return None
        term.move(TermState.VALID)
        return term

    def _drain_anew(self, term: Term, now: float) -> None:
        if term.state is TermState.DRAINING:
            self._drains.schedule(term, now)

    def _bury(self, term: Term, now: float) -> None:
        if self._terms.pop(term.serial, None) is not None:
            term.move(TermState.GONE)
            self._timers.clear(term)
            self._lanes.drop(term)
            self._logins.detach(term, now)

    def _queue_drained(self, term: Term) -> None:
        self._lanes.put(term, term.store, rank=Rank.FAILING if term.attempt else Rank.FRESH, urgency=term.end)

    def _queue_login(self, login: Login) -> None:
        self._lanes.put(login, login.store, rank=Rank.FRESH, urgency=login.ends)
