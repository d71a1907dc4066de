from __future__ import annotations

import signal
import threading

import pytest

from virtrigaud_secrets.cli.stopping import STOP_SIGNALS, until_told

LONG = 20.0  # seconds; waited for only where the test fails


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_sets_the_event_and_the_next_does_what_it_did_before(number):
    heard = []
    before = signal.signal(number, lambda *_: heard.append(number))
    try:
        with until_told() as stop:
            assert not stop.is_set()
            signal.raise_signal(number)
            assert stop.wait(LONG)
            assert heard == []
            signal.raise_signal(number)
            assert heard == [number]
        signal.raise_signal(number)
        assert heard == [number, number]
    finally:
        signal.signal(number, before)


def test_the_event_is_not_set_by_the_thread_that_may_be_waiting_for_it(monkeypatch):
    setters = []
    with until_told() as stop:
        really = stop.set

        def noted():
            setters.append(threading.current_thread())
            really()

        monkeypatch.setattr(stop, "set", noted)
        signal.raise_signal(signal.SIGTERM)
        assert stop.wait(LONG)
    assert len(setters) == 1
    assert setters[0] is not threading.current_thread()


def test_afterwards_signals_do_what_they_did_before_and_nobody_listens():
    former = [signal.getsignal(number) for number in STOP_SIGNALS]
    before = threading.active_count()
    with until_told() as stop:
        assert [signal.getsignal(number) for number in STOP_SIGNALS] != former
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == former
    assert threading.active_count() == before
    assert not stop.is_set()
