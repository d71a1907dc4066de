from __future__ import annotations

import threading

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import ClosedError
from virtrigaud_secrets.operations.sync.crew import AFTER_CLOSING, Crew
from virtrigaud_secrets.operations.sync.queue import Ticket
from virtrigaud_secrets.operations.sync.reconciler import Look
from virtrigaud_secrets.testing import ManualClock

KEY = ("ns", "app")


class Looks:
    """What looks are to give, and which there were."""

    def __init__(self, *outcomes: Look | Exception) -> None:
        self.outcomes = list(outcomes)
        self.seen: list[tuple[tuple[str, str], float]] = []

    def __call__(self, key: tuple[str, str], due: float) -> Look:
        self.seen.append((key, due))
        outcome = self.outcomes.pop(0) if self.outcomes else Look()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def crew(looks: Looks, clock: ManualClock, *, leads: bool = True) -> Crew:
    return Crew(looks, leads=lambda: leads, size=1, clock=clock)


def step(one: Crew) -> bool:
    ticket = one.take()
    if ticket is not None:
        one.work_one(ticket)
    return ticket is not None


def test_a_look_says_when_the_next_is(clock: ManualClock) -> None:
    looks = Looks(Look(next_at=60))
    one = crew(looks, clock)
    one.enqueue([KEY, KEY])
    assert one.waiting() == 1
    assert step(one)
    assert not step(one)
    clock.advance(60)
    assert step(one)
    assert looks.seen == [(KEY, 0), (KEY, 60)]
    assert one.waiting() == 0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_a_failure_is_tried_again_later_each_time(clock: ManualClock) -> None:
    failed = Look(failed=True, retry=True)
    looks = Looks(failed, failed, Look())
    one = crew(looks, clock)
    one.enqueue([KEY])
    while clock.elapsed() < 10:
        step(one)
        clock.advance(0.5)
    assert [due for _, due in looks.seen] == [0, 1, 3]


def test_what_only_a_change_mends_is_not(clock: ManualClock) -> None:
    one = crew(Looks(Look(failed=True)), clock)
    one.enqueue([KEY])
    assert step(one)
    assert one.waiting() == 0


def test_a_defect_ends_one_look_and_shows_no_text(clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    one = crew(Looks(KeyError("planted")), clock)
    one.enqueue([KEY])
    assert step(one)
    assert one.waiting() == 1
    assert "defect in the sync of ExternalSecret ns/app: KeyError" in caplog.text
    assert "planted" not in caplog.text


def test_a_look_that_met_a_closed_resolver_comes_again(clock: ManualClock) -> None:
    looks = Looks(ClosedError("closed"))
    one = crew(looks, clock)
    one.enqueue([KEY])
    assert step(one)
    assert not step(one)
    clock.advance(AFTER_CLOSING)
    assert step(one)


def test_who_does_not_lead_works_not(clock: ManualClock) -> None:
    one = crew(Looks(), clock, leads=False)
    one.enqueue([KEY])
    assert one.take() is None
    assert one.waiting() == 1


def test_threads_work_and_end() -> None:
    done = threading.Event()

    def look(key: tuple[str, str], due: float) -> Look:
        done.set()
        return Look()

    one = Crew(look, leads=lambda: True, size=2, clock=SystemClock())
    one.enqueue([KEY])
    one.start()
    assert done.wait(10)
    one.end(10)
    one.enqueue([KEY])
    assert one.take() is None
    assert Ticket(KEY, 0.0).key == KEY


def test_one_that_never_began_ends(clock: ManualClock) -> None:
    crew(Looks(), clock).end(0)
