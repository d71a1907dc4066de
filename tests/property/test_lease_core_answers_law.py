"""Whatever is said to the lease core in whatever order: nothing is asked twice at a time, and nothing is forgotten."""

from __future__ import annotations

import math
import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

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
from virtrigaud_secrets.leases.state import Grant, TermState
from virtrigaud_secrets.leases.verdicts import Meaning, Verdict
from virtrigaud_secrets.stores.base import AnswerKind, Extension, LoginState, StoreKey

STORES = [StoreKey("SecretStore", "ns", name) for name in ("a", "b")]
KEYS = st.integers(0, 4)
VERDICTS = st.builds(
    Verdict,
    st.sampled_from(list(Meaning)),
    retry_after=st.one_of(st.none(), st.floats(0, 500)),
    acted=st.booleans(),
)
DURATIONS = st.sampled_from([-1, 0, 1, 5, 6, 60, 3600, 10**12])
KINDS = st.sampled_from(list(AnswerKind))


class CoreMachine(RuleBasedStateMachine):
    """Drives one core as no driver would."""

    def __init__(self) -> None:
        super().__init__()
        self.core = LeaseCore(uniform=random.Random(7).uniform)  # chance of a test
        self.now = 100.0
        self.open: list[Request] = []
        self.generations = dict.fromkeys(STORES, 1)
        self.serials: list[int] = []
        for store in STORES:
            self.see(store)

    def see(self, store: StoreKey, *, dead: bool = False) -> LoginState:
        state = LoginState(
            generation=self.generations[store],
            own=True,
            renewable=True,
            replaceable=True,
            duration=600,
            sent=self.now,
            replaced_dead=dead,
        )
        self.core.login_seen(store, state, self.now)
        return state

    def grant(self, key: int, kind: AnswerKind, length: int, *, renewable: bool, shared: bool) -> Grant:
        store = STORES[key % 2]
        leased = kind is AnswerKind.LEASE
        return Grant(
            kind=kind,
            sent=self.now,
            length=float(length),
            lease_id=f"{key}/{len(self.serials)}" if leased else "",
            renewable=renewable,
            login=self.generations[store] if leased else 0,
            shared=shared,
        )

    @rule(key=KEYS, kind=KINDS, length=DURATIONS, renewable=st.booleans(), shared=st.booleans(), put=st.booleans())
    def offer(self, key, kind, length, renewable, shared, put):
        grant = self.grant(key, kind, length, renewable=renewable, shared=shared)
        self.serials.append(self.core.offer(key, grant, store=STORES[key % 2], now=self.now))
        if put:
            self.core.accept(key, self.now)

    @rule(key=KEYS)
    def accept(self, key):
        self.core.accept(key, self.now)

    @rule(key=KEYS, verdict=VERDICTS)
    def reject(self, key, verdict):
        self.core.reject(key, verdict, self.now)

    @rule(key=KEYS)
    def release(self, key):
        self.core.release(key, self.now)

    @rule(key=KEYS)
    def refresh(self, key):
        self.core.refresh(key, self.now)

    @rule(key=KEYS)
    def report(self, key):
        serial = self.core.serial(key)
        if serial is not None:
            self.core.report(key, serial, self.now)

    @precondition(lambda self: self.serials)
    @rule(data=st.data(), up=st.booleans())
    def pin(self, data, up):
        serial = data.draw(st.sampled_from(self.serials))
        (self.core.pin if up else self.core.unpin)(serial, self.now)

    @rule(ahead=st.sampled_from([-3600.0, 6.0, 3600.0]))
    def jump(self, ahead):
        self.core.jumped(ahead, self.now)

    @rule(store=st.sampled_from(STORES), dead=st.booleans())
    def log_in(self, store, dead):
        self.generations[store] += 1
        self.see(store, dead=dead)

    @rule(by=st.sampled_from([0.0, 0.1, 1.0, 10.0, 100.0, 4000.0]))
    def pass_time(self, by):
        self.now += by

    @rule()
    def pass_time_until_due(self):
        due = self.core.wake_at(self.now)
        if math.isfinite(due):
            self.now = max(self.now, due)

    @rule()
    def send(self):
        self.open += self.core.due(self.now)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), well=st.booleans(), verdict=VERDICTS, length=DURATIONS, kind=KINDS)
    def answer(self, data, well, verdict, length, kind):
        action = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        core, now = self.core, self.now
        if not well:
            self.fail(action, verdict)
        elif isinstance(action, Read):
            key = action.key
            assert isinstance(key, int)
            grant = self.grant(key, kind, length, renewable=True, shared=False)
            self.serials.append(core.read(action, grant, now) or 0)
        elif isinstance(action, Renew):
            core.renewed(action, Extension(duration=length, sent=now), now)
        elif isinstance(action, LookUp):
            core.looked_up(action, float(length), sent=now, now=now)
        elif isinstance(action, EndLogin):
            core.login_ended()
        else:
            self.answer_login(action)

    def answer_login(self, action: InspectLogin | RenewLogin | LogIn) -> None:
        if isinstance(action, LogIn):
            self.generations[action.store] += 1
        self.core.login_done(action.store, self.see(action.store), self.now)

    @invariant()
    def nothing_is_asked_twice_at_a_time(self):
        assert len(set(self.open)) == len(self.open)
        leases = [one.serial for one in self.open if isinstance(one, Renew | LookUp)]
        assert len(set(leases)) == len(leases)
        logins = [one.store for one in self.open if isinstance(one, InspectLogin | RenewLogin | LogIn)]
        assert len(set(logins)) == len(logins)

    @invariant()
    def nothing_is_forgotten(self):
        for hold in self.core._holds.values():
            in_time = hold.timer or hold.queued or hold.in_flight
            endless = hold.term.kind is AnswerKind.INTERVAL and hold.term.length <= 0
            assert in_time or endless, hold

    @invariant()
    def what_was_replaced_has_an_end(self):
        held = {id(one) for hold in self.core._holds.values() for one in (hold.term, hold.successor)}
        for term in self.core._terms.values():
            if id(term) not in held:
                assert term.state is TermState.DRAINING
                assert term.timer or term.queued or term.busy

    @invariant()
    def nothing_piles_up(self):
        core = self.core
        assert len(core._timers) <= 2 * (len(core._holds) + len(core._terms) + 10) + 64
        assert len(core._under_way) == len(self.open) <= 4
        assert core._gate._under_way == len(self.open)
        assert len(core._logins._logins) <= len(core._terms) + 2 + len(self.generations) * 40

    def teardown(self):
        """Everything ends when nobody uses it and time passes."""
        for action in self.open:
            self.fail(action, Verdict(Meaning.TRANSIENT))
        for key in list(self.core._holds):
            self.core.release(key, self.now)
        self.now += 11 * 365 * 86_400
        for _ in range(400):
            for action in self.core.due(self.now):
                self.fail(action, Verdict(Meaning.GONE))
            self.now += 60
        assert not self.core._terms
        assert not self.core._under_way

    def fail(self, action: Request, verdict: Verdict) -> None:
        core, now = self.core, self.now
        if isinstance(action, Read):
            core.read_failed(action, verdict, now)
        elif isinstance(action, Renew):
            core.renew_failed(action, verdict, now)
        elif isinstance(action, LookUp):
            core.look_up_failed(action, verdict, now)
        elif isinstance(action, EndLogin):
            core.login_ended()
        else:
            core.login_failed(action, verdict, now)


CoreMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestCore = CoreMachine.TestCase
