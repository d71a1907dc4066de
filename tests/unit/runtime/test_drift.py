from datetime import timedelta

from virtrigaud_secrets.runtime.drift import Drift
from virtrigaud_secrets.testing import ManualClock


def looks(clock):
    drift = Drift(wall=clock.now(), elapsed=clock.elapsed())
    return lambda: drift.look(wall=clock.now(), elapsed=clock.elapsed())


def test_time_that_passes_is_no_drift():
    clock = ManualClock()
    look = looks(clock)
    clock.advance(timedelta(days=3))
    assert look() == 0


def test_a_jump_ahead_is_noticed_once():
    clock = ManualClock()
    look = looks(clock)
    clock.step(timedelta(hours=1))
    assert look() == 3600
    assert look() == 0


def test_a_jump_back_is_told_as_such():
    clock = ManualClock()
    look = looks(clock)
    clock.step(timedelta(hours=-1))
    assert look() == -3600


def test_what_time_servers_do_is_no_jump_however_often():
    clock = ManualClock()
    look = looks(clock)
    for _ in range(100):
        clock.step(timedelta(seconds=4))
        clock.advance(10)
        assert look() == 0
