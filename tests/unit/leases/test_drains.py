from __future__ import annotations

import itertools
import math

import pytest

from virtrigaud_secrets.leases.actions import Renew
from virtrigaud_secrets.leases.drains import CUT_TRIES, Drains
from virtrigaud_secrets.leases.state import Hold, Login, Term, TermState
from virtrigaud_secrets.leases.timers import Timers
from virtrigaud_secrets.leases.verdicts import Meaning, Verdict
from virtrigaud_secrets.stores.base import AnswerKind, Extension

PIN_LIMIT = 1000.0


def high(a: float, b: float) -> float:
    return b


class Bench:
    """Drains whose queue is a list, and one term of an hour that is replaced at 0."""

    def __init__(self) -> None:
        self.timers: Timers[Hold | Term | Login] = Timers()
        self.queued: list[Term] = []
        self.drains = Drains(self.timers, high, pin_limit=PIN_LIMIT, queue=self.queued.append, bury=self.bury)

    def bury(self, term: Term, now: float) -> None:
        term.move(TermState.GONE)
        self.timers.clear(term)

    def request(self, now: float) -> Renew:
        action = self.drains.request(self.queued.pop(), now)
        assert action is not None
        return action

    def wait(self, now: float) -> None:
        for term in self.timers.fired(now):
            assert isinstance(term, Term)
            self.drains.fired(term, now)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def term(**more) -> Term:
    given = {
        "serial": 1,
        "key": "k",
        "store": None,
        "kind": AnswerKind.LEASE,
        "lease_id": "l",
        "renewable": True,
        "login": 0,
        "shared": False,
        "granted": 3600.0,
        "length": 3600.0,
        "began": 0.0,
        "sent": 0.0,
        "ends": 3600.0,
    }
    return Term(**{**given, **more})


def test_is_cut_at_once_and_buried_at_its_end(bench):
    one = term()
    bench.drains.retire(one, 0.0)
    assert bench.request(0.0).increment == 300.0
    bench.drains.renewed(one, Extension(duration=300, sent=0.0), 0.1)
    assert (one.state, one.timer_at) == (TermState.DRAINING, 300.0)
    bench.wait(300.0)
    assert one.state is TermState.GONE
    assert not bench.queued


def test_what_nobody_used_is_cut_to_a_second(bench):
    bench.drains.retire(term(), 0.0, unused=True)
    assert bench.request(0.0).increment == 1.0


@pytest.mark.parametrize(
    "one",
    [
        term(renewable=False),
        term(shared=True),
        term(kind=AnswerKind.CERTIFICATE),
        term(kind=AnswerKind.EXPIRY, lease_id=""),
        term(granted=6.0, length=6.0, ends=6.0),
    ],
    ids=["not-renewable", "shared", "certificate", "expiry", "short"],
)
def test_what_cannot_or_need_not_be_cut_is_left_to_its_end(bench, one):
    bench.drains.retire(one, 0.0)
    assert not bench.queued
    assert one.timer_at == one.ends
    bench.wait(one.ends)
    assert one.state is TermState.GONE


@pytest.mark.parametrize(
    "one",
    [
        term(state=TermState.LOST),
        term(ends=math.inf, lease_id="", kind=AnswerKind.STATIC_ROLE),
        term(ends=-1.0),
    ],
    ids=["lost", "endless", "ended"],
)
def test_what_is_over_is_buried_at_once(bench, one):
    bench.drains.retire(one, 0.0)
    assert one.state is TermState.GONE


def test_what_was_unused_and_has_no_lease_is_buried_at_once(bench):
    one = term(kind=AnswerKind.CERTIFICATE, lease_id="")
    bench.drains.retire(one, 0.0, unused=True)
    assert one.state is TermState.GONE


@pytest.mark.parametrize("answered", [True, False])
def test_a_request_under_way_is_waited_for(bench, answered):
    one = term(state=TermState.RENEWING)
    bench.drains.retire(one, 0.0)
    assert not bench.queued
    if answered:
        bench.drains.renewed(one, Extension(duration=3600, sent=0.0), 1.0)
    else:
        bench.drains.answered(one, 1.0)
    assert bench.queued == [one]


def test_pinned_is_kept_alive_until_the_limit_then_cut(bench):
    one = term(pins=1)
    bench.drains.retire(one, 100.0)
    assert one.pinned_until == 100.0 + PIN_LIMIT
    assert not bench.queued
    assert one.timer_at == 1100.0
    one.sent, one.length = 0.0, 600.0
    bench.drains.schedule(one, 100.0)
    assert one.timer_at == 390.0
    bench.wait(390.0)
    assert bench.request(390.0).increment == 3600.0
    bench.drains.renewed(one, Extension(duration=3600, sent=390.0), 390.0)
    assert one.timer_at == 1100.0
    bench.wait(1100.0)
    assert bench.request(1100.0).increment == 300.0


def test_pinned_at_its_maximum_is_given_up(bench):
    one = term(pins=1)
    bench.drains.retire(one, 0.0)
    one.sent, one.length = -3000.0, 3600.0
    bench.drains.schedule(one, 0.0)
    bench.wait(0.0)
    bench.request(0.0)
    bench.drains.renewed(one, Extension(duration=50, sent=0.0, capped=True), 0.0)
    assert (one.given_up, one.timer_at) == (True, 50.0)


@pytest.mark.parametrize("meaning", [Meaning.TRANSIENT, Meaning.UNKNOWN])
def test_cut_that_fails_is_tried_again_a_few_times(bench, meaning):
    one = term()
    bench.drains.retire(one, 0.0)
    now, tries = 0.0, []
    while bench.queued:
        bench.request(now)
        tries.append(now)
        bench.drains.failed(one, Verdict(meaning), now)
        now = one.timer_at
        bench.wait(now)
    assert len(tries) == CUT_TRIES
    assert all(later - earlier >= 0.5 for earlier, later in itertools.pairwise(tries))
    assert one.state is TermState.GONE
    assert now == 3600.0


def test_pinned_is_tried_again_as_long_as_it_lives(bench):
    one = term(pins=1, granted=60.0, length=60.0, ends=60.0)
    bench.drains.retire(one, 0.0)
    now, tries = 39.0, 0
    bench.wait(now)
    while bench.queued:
        bench.request(now)
        tries += 1
        bench.drains.failed(one, Verdict(Meaning.TRANSIENT), now)
        now = one.timer_at
        bench.wait(now)
    assert one.state is TermState.GONE
    assert tries >= 8


def test_retry_after_is_heeded(bench):
    one = term()
    bench.drains.retire(one, 0.0)
    bench.request(0.0)
    bench.drains.failed(one, Verdict(Meaning.TRANSIENT, retry_after=100.0), 0.0)
    assert one.timer_at == 100.0


@pytest.mark.parametrize("meaning", [Meaning.NOT_RENEWABLE, Meaning.DEFINITE, Meaning.ROLE_GONE])
def test_cut_that_is_refused_is_not_tried_again(bench, meaning):
    one = term()
    bench.drains.retire(one, 0.0)
    bench.request(0.0)
    bench.drains.failed(one, Verdict(meaning), 0.0)
    assert (one.given_up, one.timer_at) == (True, 3600.0)


@pytest.mark.parametrize(("meaning", "now"), [(Meaning.GONE, 0.0), (Meaning.TRANSIENT, 3600.0)])
def test_gone_or_ended_is_buried(bench, meaning, now):
    one = term()
    bench.drains.retire(one, 0.0)
    bench.request(0.0)
    bench.drains.failed(one, Verdict(meaning), now)
    assert one.state is TermState.GONE


def test_pinned_while_it_waits_is_renewed_not_cut(bench):
    one = term()
    bench.drains.retire(one, 0.0)
    one.pins = 1
    assert bench.request(0.0).increment == 3600.0


def test_timer_during_a_request_asks_nothing(bench):
    one = term()
    bench.drains.retire(one, 0.0)
    bench.request(0.0)
    bench.drains.fired(one, 1.0)
    bench.drains.schedule(one, 1.0)
    assert not bench.queued


def test_what_ended_while_it_waited_is_not_asked_for(bench):
    one = term()
    bench.drains.retire(one, 0.0)
    assert bench.drains.request(bench.queued.pop(), 3600.0) is None
    assert one.state is TermState.GONE
