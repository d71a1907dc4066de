from __future__ import annotations

import math
from itertools import product

import pytest

from virtrigaud_secrets.leases.state import PROBE_AFTER, TRANSITIONS, Hold, Login, Term, TermState
from virtrigaud_secrets.stores.base import AnswerKind, StoreKey

STORE = StoreKey("SecretStore", "ns", "vault")


def term(**more) -> Term:
    given = {
        "serial": 1,
        "key": "k",
        "store": STORE,
        "kind": AnswerKind.LEASE,
        "lease_id": "database/creds/role/planted",
        "renewable": True,
        "login": 1,
        "shared": False,
        "granted": 60.0,
        "length": 60.0,
        "began": 0.0,
        "sent": 0.0,
        "ends": 60.0,
    }
    return Term(**{**given, **more})


def login(**more) -> Login:
    given = {
        "store": STORE,
        "generation": 1,
        "own": True,
        "renewable": True,
        "replaceable": True,
        "known": True,
        "granted": 50.0,
        "length": 50.0,
        "sent": 0.0,
        "ends": 50.0,
    }
    return Login(**{**given, **more})


@pytest.mark.parametrize(("before", "after"), list(product(TermState, TermState)))
def test_only_the_changes_of_the_table(before, after):
    one = term(state=before)
    if before is after or after in TRANSITIONS[before]:
        one.move(after)
        assert one.state is after
    else:
        with pytest.raises(ValueError, match=f"no way from {before} to {after}"):
            one.move(after)
        assert one.state is before


def test_every_state_ends_in_gone():
    assert set(TRANSITIONS) == set(TermState)
    for state in TermState:
        seen, open_ = {state}, [state]
        while open_:
            following = TRANSITIONS[open_.pop()] - seen
            seen |= following
            open_ += following
        assert TermState.GONE in seen


def test_end_is_the_earlier_of_its_own_and_its_login():
    assert term().end == 60.0
    assert term(bound=login()).end == 50.0
    assert term(bound=login(ends=math.inf)).end == 60.0


def test_serving():
    assert {state for state in TermState if term(state=state).serving} == {TermState.VALID, TermState.RENEWING}


def test_lease_id_is_not_shown():
    one = term(bound=login())
    one.bound.hanging[1] = one
    assert "planted" not in repr(one)
    assert "planted" not in repr(Hold(key="k", store=STORE, term=one))
    assert "planted" not in repr(one.bound)


def test_hold_in_flight_failing_and_renewable():
    hold = Hold(key="k", store=STORE, term=term())
    assert not hold.in_flight
    assert not hold.failing
    assert hold.renewable
    hold.reading = True
    assert hold.in_flight
    hold.reading, hold.successor = False, term(serial=2)
    assert hold.in_flight
    hold.successor, hold.term.state = None, TermState.RENEWING
    assert hold.in_flight
    hold.attempt = 1
    assert hold.failing
    hold.attempt, hold.term.attempt = 0, 1
    assert hold.failing
    hold.rotate_only = True
    assert not hold.renewable


def test_lasting_login():
    assert login(ends=math.inf).lasting
    assert not login().lasting
    assert not login(ends=math.inf, known=False).lasting


def test_renewing_is_tried_again_a_day_after_it_was_of_no_use():
    hold = Hold(key="a", store=None, term=term())
    hold.give_up_renewing(100.0)
    assert not hold.renewable
    hold.rotated(100.0 + PROBE_AFTER - 1)
    assert not hold.renewable
    hold.rotated(100.0 + PROBE_AFTER)
    assert hold.renewable
    assert hold.probe_at == math.inf


def test_a_maximum_is_learned_and_forgotten_after_a_day():
    hold = Hold(key="a", store=None, term=term(began=10.0, sent=50.0, ends=69.1))
    hold.learn_maximum(51.0)
    assert hold.maximum == 60.0, "whole seconds, which the store rounded down"
    assert hold.renewable
    hold.learn_maximum(5000.0)
    hold.rotated(51.0 + PROBE_AFTER - 1)
    assert hold.maximum == 60.0
    hold.rotated(51.0 + PROBE_AFTER)
    assert hold.maximum == math.inf


@pytest.mark.parametrize("ends", [60.0, 60.9])
def test_the_end_of_a_login_is_no_maximum(ends):
    hold = Hold(key="a", store=None, term=term(bound=login(ends=ends)))
    hold.learn_maximum(51.0)
    assert hold.maximum == math.inf
    assert hold.probe_at == math.inf


def test_time_that_the_clock_did_not_count_passed_for_all_of_a_term():
    moved = term(began=10.0, sent=50.0, ends=60.0)
    moved.shift(5.0)
    assert (moved.began, moved.sent, moved.ends) == (5.0, 45.0, 55.0)


def test_what_was_refused_is_forgotten_with_the_next_that_is_not():
    hold = Hold(key="a", store=None, term=term())
    hold.refuse(7.0)
    hold.refuse(9.0)
    assert (hold.refused, hold.no_read_until) == (2, 9.0)
    hold.rotated(8.0)
    assert (hold.refused, hold.no_read_until) == (0, -math.inf)
