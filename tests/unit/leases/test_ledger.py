from __future__ import annotations

import math

import pytest

from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.leases.core import LeaseCore
from virtrigaud_secrets.leases.ledger import Ledger, left
from virtrigaud_secrets.leases.state import Grant, TermState
from virtrigaud_secrets.stores.base import AnswerKind


def low(a: float, b: float) -> float:
    return a


def test_empty():
    ledger = Ledger()
    assert len(ledger) == 0
    assert ledger.happened == []
    assert ledger.ends("a", 0.0) == ledger.ends_of(1, 0.0) == -math.inf
    assert ledger.serial("a") is ledger.state("a") is ledger.pending("a") is None
    assert not ledger.usable("a", 1, 0.0)


def test_questions():
    core = LeaseCore(uniform=low)
    serial = core.hold("a", Grant(kind=AnswerKind.EXPIRY, sent=5.0, length=10.0), store=None, now=5.0)
    assert (core.serial("a"), core.state("a"), len(core)) == (serial, TermState.VALID, 1)
    assert core.ends("a", 5.0) == core.ends_of(serial, 5.0) == 15.0


def test_what_happened_is_told_once():
    core = LeaseCore(uniform=low)
    core.hold("a", Grant(kind=AnswerKind.EXPIRY, sent=5.0, length=10.0), store=None, now=5.0)
    (told,) = core.happened
    assert (told.kind, told.key, told.remaining) == (EventKind.CREATED, "a", 10.0)
    assert core.happened == []


@pytest.mark.parametrize(("now", "good"), [(0.0, True), (10.4, True), (10.6, False)])
def test_static_role_is_usable_until_its_password_is_replaced(now, good):
    core = LeaseCore(uniform=low)
    serial = core.hold("a", Grant(kind=AnswerKind.STATIC_ROLE, sent=0.0, length=10.0), store=None, now=0.0)
    assert core.usable("a", serial, now) is good
    assert core.ends("a", now) == math.inf, "if it was not replaced, it goes on working"


def test_left():
    assert left(5.0, 3.0) == 2.0
    assert left(math.inf, 3.0) is None
