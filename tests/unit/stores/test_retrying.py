from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from virtrigaud_secrets.errors import AccessDeniedError, StoreError, StoreUnavailableError, ThrottledError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import RetryPolicy, StoreContext
from virtrigaud_secrets.stores.retrying import RETRIES, RETRY_WAIT, repeat_faults, repeat_reads
from virtrigaud_secrets.testing import ManualClock
from virtrigaud_secrets.testing.contract import store_context


class Question:
    """Fails with each fault once, then answers."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.faults:
            raise self.faults.pop(0)
        return "answer"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def context(clock: ManualClock) -> StoreContext:
    return store_context(clock=clock)


def test_what_succeeds_is_asked_once(context: StoreContext, clock: ManualClock) -> None:
    ask = Question()
    assert repeat_reads(ask, context) == "answer"
    assert (ask.asked, clock.sleeps) == (1, [])


def test_what_may_pass_is_asked_again_after_a_while(context: StoreContext, clock: ManualClock) -> None:
    ask = Question(*[StoreUnavailableError("down")] * RETRIES)
    assert repeat_reads(ask, context) == "answer"
    assert len(clock.sleeps) == RETRIES
    assert all(RETRY_WAIT[0] <= pause <= RETRY_WAIT[1] for pause in clock.sleeps)


def test_the_last_error_is_told_as_it_is(context: StoreContext) -> None:
    faults = [StoreUnavailableError(f"down {number}") for number in range(RETRIES + 1)]
    with pytest.raises(StoreUnavailableError) as caught:
        repeat_reads(Question(*faults), context)
    assert caught.value is faults[-1]


@pytest.mark.parametrize("fault", [AccessDeniedError("no"), KeyError("a mistake of ours")])
def test_what_cannot_pass_is_asked_once(context: StoreContext, fault: Exception) -> None:
    ask = Question(fault)
    with pytest.raises(type(fault)):
        repeat_reads(ask, context)
    assert ask.asked == 1


def test_the_manifest_decides_how_often_and_when(context: StoreContext, clock: ManualClock) -> None:
    policy = RetryPolicy(retries=4, interval=timedelta(seconds=2))
    assert repeat_reads(Question(*[StoreUnavailableError("down")] * 4), replace(context, retry=policy)) == "answer"
    assert clock.sleeps == [2, 2, 2, 2]
    with pytest.raises(StoreUnavailableError):
        repeat_reads(Question(StoreUnavailableError("down")), replace(context, retry=RetryPolicy()))


def test_the_server_is_given_the_time_it_asks_for(context: StoreContext, clock: ManualClock) -> None:
    assert repeat_reads(Question(ThrottledError("slow", retry_after=9)), context) == "answer"
    assert clock.sleeps == [9]


def test_nothing_is_waited_for_beyond_the_time_of_one_request(context: StoreContext, clock: ManualClock) -> None:
    short = replace(context, settings=Settings(request_timeout=timedelta(seconds=5)))
    with pytest.raises(ThrottledError):
        repeat_reads(Question(ThrottledError("slow", retry_after=6)), short)
    assert clock.sleeps == []


class TestFaultsAsResults:
    """`repeat_faults`: for a client that returns its errors."""

    def test_a_fault_that_may_pass_is_followed_by_another_try(self, context: StoreContext, clock: ManualClock) -> None:
        answers: list[StoreUnavailableError | str] = [StoreUnavailableError("down"), "answer"]
        found = repeat_faults(lambda: answers.pop(0), context, fault_of=_fault, pause=(3.0, 4.0))
        assert found == "answer"
        assert len(clock.sleeps) == 1
        assert 3.0 <= clock.sleeps[0] <= 4.0

    def test_the_last_fault_is_returned(self, context: StoreContext) -> None:
        faults = [StoreUnavailableError(f"down {number}") for number in range(RETRIES + 1)]
        left = list(faults)
        assert repeat_faults(lambda: left.pop(0), context, fault_of=_fault, pause=(0.0, 0.0)) is faults[-1]

    def test_it_waits_as_long_as_the_server_asks(self, context: StoreContext, clock: ManualClock) -> None:
        answers: list[StoreError | str] = [ThrottledError("slowly", retry_after=7.0), "answer"]
        repeat_faults(lambda: answers.pop(0), context, fault_of=_fault, pause=(0.0, 0.0))
        assert clock.sleeps == [7.0]


def _fault(result: StoreError | str) -> StoreError | None:
    return result if isinstance(result, StoreError) else None
