import threading

from virtrigaud_secrets.runtime import notices as module
from virtrigaud_secrets.runtime.notices import LIMIT, Notice, Notices

CANARY = "canary-" + "e7"


def test_calls_are_made_in_order_on_a_thread_of_their_own():
    notices, seen = Notices(), []
    for number in range(50):
        notices.post(Notice(lambda number=number: seen.append((number, threading.current_thread().name)), "a callback"))
    assert notices.drain(10)
    assert [number for number, _ in seen] == list(range(50))
    assert {name for _, name in seen} == {"virtrigaud-secrets-notices"}
    notices.close()


def test_there_is_no_thread_before_the_first():
    notices = Notices()
    assert notices.drain(0)
    assert notices._thread is None
    notices.close()


def test_who_raises_is_logged_by_type_and_passed_over(caplog):
    notices, seen = Notices(), []

    def bad():
        raise ValueError(CANARY)

    notices.post(Notice(bad, "a callback of ns/a"))
    notices.post(Notice(lambda: seen.append(1), "another"))
    assert notices.drain(10)
    notices.close()
    assert seen == [1]
    (record,) = caplog.records
    assert record.getMessage() == "a callback of ns/a raised ValueError; it was told and is passed over"
    assert CANARY not in caplog.text
    assert record.exc_info is None


def test_too_many_lose_first_what_may_be_left_out():
    notices, go, seen = Notices(), threading.Event(), []
    begun = threading.Event()

    def wait():
        begun.set()
        assert go.wait(10)

    notices.post(Notice(wait, "slow"))
    assert begun.wait(10)
    for number in range(LIMIT):
        notices.post(Notice(lambda number=number: seen.append(number), "x", droppable=number in {5, 6}))
    for number in range(LIMIT, LIMIT + 3):
        notices.post(Notice(lambda number=number: seen.append(number), "x"))
    assert notices.dropped == 3
    go.set()
    assert notices.drain(10)
    notices.close()
    assert seen == [number for number in range(LIMIT + 3) if number not in {0, 5, 6}]


def test_drain_gives_up_in_time_and_close_makes_what_waits():
    notices, go, seen = Notices(), threading.Event(), []
    notices.post(Notice(lambda: go.wait(10), "slow"))
    notices.post(Notice(lambda: seen.append(1), "x"))
    assert not notices.drain(0.01)
    notices.close()
    notices.post(Notice(lambda: seen.append(2), "late"))
    go.set()
    thread = notices._thread
    assert thread is not None
    thread.join(10)
    assert not thread.is_alive()
    assert seen == [1]


def test_a_callback_may_post_and_close():
    notices, seen = Notices(), []

    def call():
        notices.post(Notice(lambda: seen.append("posted"), "inner"))
        notices.close()

    notices.post(Notice(call, "outer"))
    thread = notices._thread
    assert thread is not None
    thread.join(10)
    assert seen == ["posted"]


def test_where_no_thread_can_be_started_nothing_is_raised(monkeypatch):
    def refuse(_self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(module.threading.Thread, "start", refuse)
    notices = Notices()
    notices.post(Notice(lambda: None, "x"))
    assert notices.drain(0)
