from __future__ import annotations

import signal

import pytest

from virtrigaud_secrets.cli.stopping import STOP_SIGNALS, until_told


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_sets_the_event_and_the_next_does_what_it_did_before(number):
    heard = []
    before = signal.signal(number, lambda *_: heard.append(number))
    try:
        with until_told() as stop:
            assert not stop.is_set()
            signal.raise_signal(number)
            assert stop.is_set()
            assert heard == []
            signal.raise_signal(number)
            assert heard == [number]
        signal.raise_signal(number)
        assert heard == [number, number]
    finally:
        signal.signal(number, before)


def test_afterwards_signals_do_what_they_did_before():
    former = [signal.getsignal(number) for number in STOP_SIGNALS]
    with until_told():
        assert [signal.getsignal(number) for number in STOP_SIGNALS] != former
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == former
