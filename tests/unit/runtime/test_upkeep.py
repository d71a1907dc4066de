"""Upkeep by threads or by hand; what is due is decided elsewhere."""

import math

import pytest

from virtrigaud_secrets import Resolver, Settings


@pytest.fixture
def upkeep(lab, catalog, clock):
    with Resolver(catalog, settings=Settings(), clock=clock, background=False) as resolver:
        resolver.resolve("db")
        yield resolver._upkeep


def test_without_a_thread_it_is_well(upkeep, clock):
    assert upkeep.is_well(clock.elapsed())


def test_what_is_due_is_done_in_the_callers_thread(upkeep, lab, clock):
    left = upkeep.run_due()
    assert 0 < left < math.inf
    clock.advance(left + 1)
    upkeep.run_due()
    assert ("renew", "creds/app") in lab.asked


def test_a_thread_does_it_too(upkeep, lab, clock):
    upkeep.begin()
    assert upkeep.is_well(clock.elapsed())
    upkeep.close()


def test_closed_it_begins_nothing(upkeep, lab, clock):
    upkeep.close()
    upkeep.begin()
    clock.advance(10_000)
    before = list(lab.asked)
    assert upkeep.run_due() == math.inf
    assert lab.asked == before
