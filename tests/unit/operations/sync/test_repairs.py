from __future__ import annotations

from virtrigaud_secrets.operations.sync.repairs import LONGEST_PAUSE, QUIET_AFTER, Repairs

KEY = ("ns", "app")


def test_the_first_is_made_at_once_and_each_further_one_waits_twice_as_long() -> None:
    repairs, now = Repairs(), 1000.0
    assert repairs.next_at(KEY) <= now
    pauses: list[float] = []
    for _ in range(2000):
        repairs.note(KEY, now)
        pauses.append(repairs.next_at(KEY) - now)
        now = repairs.next_at(KEY)
    assert pauses[:7] == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE]
    assert set(pauses[6:]) == {LONGEST_PAUSE}


def test_after_a_quiet_time_it_is_the_first_again() -> None:
    repairs = Repairs()
    for now in (0.0, 1.0, 3.0):
        repairs.note(KEY, now)
    repairs.note(KEY, 3.0 + QUIET_AFTER)
    assert repairs.next_at(KEY) == 4.0 + QUIET_AFTER


def test_what_is_gone_is_forgotten_and_others_have_their_own() -> None:
    repairs = Repairs()
    repairs.note(KEY, 5.0)
    assert repairs.next_at(("ns", "other")) < 0
    repairs.forget(KEY)
    assert repairs.next_at(KEY) < 0
