import threading
from datetime import timedelta

import pytest

from virtrigaud_secrets.runtime.drift import Drift
from virtrigaud_secrets.testing import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def drift(clock):
    return Drift(clock)


def test_time_that_passes_is_no_drift(clock, drift):
    clock.advance(timedelta(days=3))
    assert drift.look() == 0


def test_a_jump_ahead_is_noticed_once(clock, drift):
    clock.step(timedelta(hours=1))
    assert drift.look() == 3600
    assert drift.look() == 0


def test_a_jump_back_is_told_as_such(clock, drift):
    clock.step(timedelta(hours=-1))
    assert drift.look() == -3600


def test_what_time_servers_do_is_no_jump_however_often(clock, drift):
    for _ in range(100):
        clock.step(timedelta(seconds=4))
        clock.advance(10)
        assert drift.look() == 0


class Held(ManualClock):
    """A clock that holds up the first thread that reads it until others had their turn."""

    def __init__(self):
        super().__init__()
        self.held = None
        self.reading, self.go_on = threading.Event(), threading.Event()

    def elapsed(self):
        seconds = super().elapsed()
        if self.held == threading.get_ident():
            self.held = None
            self.reading.set()
            self.go_on.wait(10)
        return seconds


def test_a_jump_while_several_look_is_noticed_once():
    clock = Held()
    drift, seen = Drift(clock), []

    def first():
        clock.held = threading.get_ident()
        seen.append(drift.look())

    threads = [threading.Thread(target=first), threading.Thread(target=lambda: seen.append(drift.look()))]
    threads[0].start()
    assert clock.reading.wait(10)
    clock.step(timedelta(hours=1))
    threads[1].start()
    # Long enough for the second to look, did nothing keep it from that.
    threads[1].join(0.2)
    clock.go_on.set()
    for thread in threads:
        thread.join()
    seen += [drift.look(), drift.look()]
    assert sorted(seen) == [0, 0, 0, 3600]
