from __future__ import annotations

import itertools
import math

import pytest

from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.leases.actions import EndLogin, Happened, InspectLogin, LogIn, RenewLogin
from virtrigaud_secrets.leases.logins import END_AFTER, LoginRequest, Logins
from virtrigaud_secrets.leases.state import Hold, Login, Term
from virtrigaud_secrets.leases.timers import Timers
from virtrigaud_secrets.leases.verdicts import Meaning, Verdict
from virtrigaud_secrets.stores.base import AnswerKind, LoginState, StoreKey

STORE = StoreKey("SecretStore", "ns", "vault")
FAILED = Verdict(Meaning.TRANSIENT, text="503")


def high(a: float, b: float) -> float:
    return b


class Bench:
    """Logins whose queue is served at once."""

    def __init__(self) -> None:
        self.timers: Timers[Hold | Term | Login] = Timers()
        self.told: list[Happened] = []
        self.queue: list[Login] = []
        self.logins = Logins(self.timers, high, tell=self.told.append, queue=self.queue.append, drop=lambda login: None)
        self.serial = 0

    def see(self, generation: int = 1, now: float = 0.0, **more) -> Login | None:
        return self.logins.see(STORE, state(generation, sent=now, **more), now)

    def hang(self, generation: int = 1, now: float = 0.0) -> Term:
        self.serial += 1
        one = Term(
            serial=self.serial,
            key="k",
            store=STORE,
            kind=AnswerKind.LEASE,
            lease_id="l",
            renewable=True,
            login=generation,
            shared=False,
            granted=9999.0,
            length=9999.0,
            began=now,
            sent=now,
            ends=now + 9999.0,
        )
        self.logins.attach(one, now)
        return one

    def wait(self, now: float) -> list[LoginRequest]:
        for login in self.timers.fired(now):
            assert isinstance(login, Login)
            self.logins.fired(login, now)
        requests = [request for login in self.queue if (request := self.logins.request(login, now))]
        self.queue.clear()
        return requests

    def due(self) -> float:
        return self.timers.next_at()

    def kinds(self) -> list[EventKind]:
        return [one.kind for one in self.told]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def state(generation: int = 1, **more) -> LoginState:
    given = {"own": True, "renewable": True, "replaceable": True, "duration": 60, "sent": 0.0}
    return LoginState(generation=generation, **{**given, **more})


def test_looked_after_only_while_something_hangs_on_it(bench):
    bench.see()
    assert bench.due() == math.inf
    one = bench.hang()
    assert bench.due() == pytest.approx(39.0)
    bench.logins.detach(one, 1.0)
    assert bench.due() == math.inf


def test_renewed_at_a_part_of_its_length(bench):
    bench.see()
    one = bench.hang()
    (request,) = bench.wait(39.0)
    assert isinstance(request, RenewLogin)
    assert bench.wait(50.0) == [], "one at a time"
    bench.logins.answered(STORE, state(sent=39.0), 39.5)
    assert one.end == 99.0
    assert bench.due() == pytest.approx(78.0)
    assert bench.kinds() == [EventKind.TOKEN_RENEWED]


@pytest.mark.parametrize("answer", [{"duration": 3}, {"duration": 60, "capped": True}])
def test_capped_is_replaced(bench, answer):
    bench.see()
    bench.hang()
    bench.wait(39.0)
    bench.logins.answered(STORE, state(sent=39.0, **answer), 39.0)
    assert bench.kinds() == [EventKind.CAPPED]
    (request,) = bench.wait(51.0)
    assert isinstance(request, LogIn)


def test_not_renewable_is_replaced(bench):
    bench.see(renewable=False)
    bench.hang()
    assert bench.due() == pytest.approx(48.0)
    (request,) = bench.wait(48.0)
    assert isinstance(request, LogIn)


def test_neither_renewable_nor_replaceable_is_left_alone(bench):
    bench.see(renewable=False, replaceable=False)
    bench.hang()
    assert bench.wait(1000.0) == []


def test_without_end_is_left_alone(bench):
    bench.see(duration=0)
    one = bench.hang()
    assert one.end == 9999.0
    assert bench.due() == math.inf


def test_unknown_is_looked_at(bench):
    bench.see(duration=None, own=False)
    one = bench.hang()
    (request,) = bench.wait(0.0)
    assert isinstance(request, InspectLogin)
    bench.logins.answered(STORE, state(sent=1.0, own=False), 1.0)
    assert one.end == 61.0
    assert bench.due() == pytest.approx(40.0)
    assert bench.told == []


def test_unknown_that_stays_so_is_not_asked_for_ever(bench):
    bench.see(duration=None)
    one = bench.hang()
    bench.wait(0.0)
    bench.logins.answered(STORE, state(duration=None, sent=1.0), 1.0)
    assert bench.wait(1e6) == []
    bench.logins.detach(one, 1e6)
    bench.hang(now=1e6)
    assert bench.wait(1e6) == []


def test_may_not_look_at_itself(bench):
    bench.see(duration=None)
    bench.hang()
    (request,) = bench.wait(0.0)
    bench.logins.failed(request, Verdict(Meaning.DEFINITE), 1.0)
    assert bench.wait(1e6) == []


def test_renewal_refused_is_a_new_login_at_once(bench):
    bench.see()
    bench.hang()
    (request,) = bench.wait(39.0)
    bench.logins.failed(request, Verdict(Meaning.NOT_RENEWABLE, text="past the max TTL"), 39.0)
    (following,) = bench.wait(39.0)
    assert isinstance(following, LogIn)
    assert bench.told[0].reason == "past the max TTL"


def test_failing_is_paced_takes_turns_when_late_and_never_ends(bench):
    bench.see()
    bench.hang()
    sent, now = [], bench.due()
    while now < 200.0:
        (request,) = bench.wait(now)
        sent.append((now, type(request)))
        bench.logins.failed(request, FAILED, now)
        now = bench.due()
    times = [at for at, _ in sent]
    assert all(0.5 <= later - earlier <= 6.0 for earlier, later in itertools.pairwise(times))
    assert {kind for at, kind in sent if at < 45.0} == {RenewLogin}
    assert {kind for at, kind in sent if 45.0 <= at < 60.0} == {RenewLogin, LogIn}
    assert {kind for at, kind in sent if at >= 60.0} == {LogIn}
    after = next(at for at in times if at >= 60.0)
    assert after <= 60.5, "tried at its end"
    assert times[times.index(after) + 1] - after == 1.0, "counted anew"


def test_answer_that_brings_nothing_new_counts_as_a_failure(bench):
    """As of a token file that has not changed."""
    bench.see(renewable=False)
    bench.hang()
    now, asked = bench.due(), 0
    while now < 60.0:
        (_request,) = bench.wait(now)
        asked += 1
        bench.logins.answered(STORE, state(renewable=False), now)
        now = bench.due()
    assert 3 <= asked <= 24


def test_seen_without_news_changes_nothing(bench):
    bench.see()
    bench.hang()
    bench.wait(39.0)
    bench.see(now=0.0)
    assert bench.wait(1000.0) == [], "its renewal is still under way"


def test_replaced(bench):
    bench.see()
    one = bench.hang()
    former = bench.see(2, now=30.0)
    assert former is one.bound
    assert bench.kinds() == [EventKind.TOKEN_REPLACED]
    assert bench.logins.outdated(one)
    bench.logins.detach(one, 31.0)
    assert bench.due() == pytest.approx(31.0 + END_AFTER), "reads may be under way with it"


def test_former_is_ended_after_a_while(bench):
    bench.see(duration=600)
    one = bench.hang()
    bench.see(2, now=30.0)
    bench.logins.detach(one, 31.0)
    assert bench.wait(60.9) == []
    assert bench.wait(61.0) == [EndLogin(store=STORE, generation=1)]
    late = bench.hang(1, now=70.0)
    assert late.end == 70.0, "what was read with it died with it"


def test_late_credential_keeps_a_former_login(bench):
    bench.see(duration=600)
    one = bench.hang()
    bench.see(2, now=30.0)
    bench.logins.detach(one, 31.0)
    late = bench.hang(1, now=40.0)
    assert bench.wait(100.0) == []
    assert bench.logins.outdated(late)
    bench.logins.detach(late, 100.0)
    assert bench.wait(130.0) == [EndLogin(store=STORE, generation=1)]


@pytest.mark.parametrize("more", [{"own": False}, {"duration": 20}])
def test_given_or_ended_login_is_not_ended(bench, more):
    bench.see(**{"duration": 600, **more})
    one = bench.hang()
    bench.see(2, now=15.0)
    bench.logins.detach(one, 16.0)
    assert bench.wait(100.0) == []


def test_refused_login_is_not_ended(bench):
    bench.see(duration=600)
    one = bench.hang()
    former = bench.see(2, now=15.0, replaced_dead=True)
    assert former is not None
    assert former.dead
    bench.logins.detach(one, 16.0)
    assert bench.wait(100.0) == []
    assert bench.kinds() == [EventKind.TOKEN_LOST]


def test_credential_that_comes_before_its_login_is_seen(bench):
    one = bench.hang(1)
    other = bench.hang(1)
    assert one.end == 9999.0
    bench.logins.detach(other, 0.0)
    bench.see()
    assert one.end == 60.0
    assert other.end == 9999.0
    assert bench.due() == pytest.approx(39.0)


def test_older_generation_is_not_taken_for_the_one_in_use(bench):
    bench.see(2)
    assert bench.see(1) is None
    current = bench.logins.current(STORE)
    assert current is not None
    assert current.generation == 2
    assert bench.logins.outdated(bench.hang(1))


def test_former_without_end_need_not_be_left(bench):
    bench.see(duration=0)
    one = bench.hang()
    bench.see(2)
    assert not bench.logins.outdated(one)


def test_failure_of_a_former_login_does_not_matter(bench):
    bench.see()
    bench.hang()
    (request,) = bench.wait(39.0)
    bench.see(2, now=40.0)
    bench.hang(2, now=40.0)
    bench.logins.failed(request, FAILED, 41.0)
    assert bench.kinds() == [EventKind.TOKEN_REPLACED]
    assert bench.due() == pytest.approx(79.0)


def test_retry_after_is_heeded(bench):
    bench.see(duration=6000)
    bench.hang()
    (request,) = bench.wait(bench.due())
    bench.logins.failed(request, Verdict(Meaning.TRANSIENT, retry_after=77.0), 3900.0)
    assert bench.due() == pytest.approx(3977.0)


def test_jump_brings_ends_nearer_and_asks(bench):
    bench.see(duration=600)
    one = bench.hang()
    bench.logins.jumped(100.0, 5.0)
    assert one.end == 500.0
    (request,) = bench.wait(5.0)
    assert isinstance(request, RenewLogin)


def test_jump_during_a_request_asks_nothing_more(bench):
    bench.see()
    bench.hang()
    bench.see(2, now=1.0)
    bench.hang(2, now=1.0)
    bench.wait(40.0)
    bench.logins.jumped(5.0, 41.0)
    assert bench.wait(41.0) == []


def test_late_answer_for_a_former_login_changes_its_end_only(bench):
    bench.see()
    one = bench.hang()
    bench.see(2, now=1.0)
    bench.see(1, now=5.0)
    assert one.end == 65.0
    assert bench.due() == math.inf


def test_answer_before_anything_was_seen(bench):
    assert bench.logins.answered(STORE, state(), 0.0) is None
    bench.hang()
    assert bench.due() == pytest.approx(39.0)


def test_what_is_queued_and_not_wanted_any_more_asks_nothing(bench):
    bench.see()
    one = bench.hang()
    for login in bench.timers.fired(39.0):
        bench.logins.fired(login, 39.0)
    bench.logins.detach(one, 39.0)
    assert bench.logins.request(bench.queue.pop(), 39.0) is None


def test_replaced_login_that_is_hung_on_again_is_replaced_at_once(bench):
    bench.see()
    one = bench.hang()
    (request,) = bench.wait(39.0)
    bench.logins.detach(one, 39.0)
    bench.logins.failed(request, Verdict(Meaning.NOT_RENEWABLE), 39.0)
    bench.wait(39.0)
    bench.hang(now=50.0)
    (following,) = bench.wait(50.0)
    assert isinstance(following, LogIn)


def test_the_logins_that_are_looked_after_are_those_that_end_and_that_something_hangs_on(bench):
    bench.see()
    assert bench.logins.looked_after() == []
    one = bench.hang()
    (login,) = bench.logins.looked_after()
    assert (login.store, login.ends, login.granted) == (STORE, 60.0, 60.0)
    bench.logins.detach(one, 1.0)
    assert bench.logins.looked_after() == []
    lasting = Bench()
    lasting.see(duration=0)
    lasting.hang()
    assert lasting.logins.looked_after() == []
