import threading
import time

import pytest

from virtrigaud_secrets.runtime.workers import Workers

CANARY = "canary-" + "f3"


@pytest.fixture
def pool():
    made = Workers(2, name="test")
    yield made
    made.shutdown(cancel_futures=True)


def test_there_is_no_thread_before_there_is_work(pool):
    assert pool._threads == 0
    assert list(pool.map(str, [])) == []
    assert list(pool.map(str, [1])) == ["1"]
    assert pool._threads == 0


def test_jobs_run_on_daemon_threads_of_limited_number(pool):
    seen, lock = set(), threading.Lock()

    def job():
        with lock:
            seen.add((threading.current_thread().name, threading.current_thread().daemon))
        time.sleep(0.002)

    for future in [pool.submit(job) for _ in range(40)]:
        future.result(10)
    assert seen <= {("test-0", True), ("test-1", True)}
    assert pool._threads <= 2


def test_results_come_in_order_and_faults_where_they_are_asked_for(pool):
    assert list(pool.map(lambda a, b: a * b, range(20), range(20))) == [number**2 for number in range(20)]
    results = pool.map(lambda number: 1 // number, [1, 0, 1])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_work_that_waits_for_work_makes_progress(pool):
    def inner(number):
        return number + 1

    def outer(number):
        return sum(pool.map(inner, range(number)))

    futures = [pool.submit(outer, 10) for _ in range(20)]
    assert [future.result(10) for future in futures] == [55] * 20


def test_three_deep_in_a_pool_of_one():
    pool = Workers(1, name="test")
    futures = [
        pool.submit(lambda: list(pool.map(lambda n: sum(pool.map(lambda m: m + n, range(3))), range(3))))
        for _ in range(5)
    ]
    assert [future.result(10) for future in futures] == [[3, 6, 9]] * 5
    pool.shutdown()


def test_a_job_that_raises_anything_leaves_the_thread_working(pool):
    for raised in (ValueError("x"), SystemExit(1), KeyboardInterrupt()):

        def job(raised=raised):
            raise raised

        with pytest.raises(type(raised)):
            pool.submit(job).result(10)
    assert pool.submit(lambda: 1).result(10) == 1
    assert pool._threads <= 2


def test_shutdown_drops_what_was_not_begun_and_does_not_wait():
    pool = Workers(1, name="test")
    begun, go = threading.Event(), threading.Event()

    def job():
        begun.set()
        assert go.wait(10)
        return 1

    running = pool.submit(job)
    assert begun.wait(10)
    waiting = pool.submit(lambda: 2)
    pool.shutdown(cancel_futures=True)
    assert waiting.cancelled()
    assert not running.done()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(lambda: 3)
    go.set()
    assert running.result(10) == 1


def test_a_cancelled_job_is_not_run(pool):
    go, ran = threading.Event(), []
    blockers = [pool.submit(go.wait, 10) for _ in range(2)]
    cancelled = pool.submit(ran.append, 1)
    assert cancelled.cancel()
    go.set()
    for blocker in blockers:
        assert blocker.result(10)
    assert pool.submit(lambda: 1).result(10) == 1
    assert ran == []


def test_a_thread_holds_on_to_nothing_of_a_job_that_is_done(pool):
    import gc
    import weakref

    class Value:
        pass

    value = Value()
    held = weakref.ref(value)
    future = pool.submit(lambda value=value: None)
    future.result(10)
    del value, future
    for _ in range(100):
        gc.collect()
        if held() is None:
            break
        time.sleep(0.01)
    assert held() is None


def test_where_no_thread_can_be_started_the_caller_is_told(monkeypatch):
    def refuse(_self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    pool = Workers(2, name="test")
    with pytest.raises(RuntimeError, match="no thread"):
        pool.submit(lambda: 1)
    assert list(pool.map(str, [1])) == ["1"]
