"""A small pool of threads that never keeps a process alive and cannot be deadlocked by work that waits for work."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

_ResultT = TypeVar("_ResultT")
_Job = tuple["Future[Any]", Callable[[], object]]


class Workers(Executor):
    """Runs jobs on at most `limit` threads, started when there is work for them.

    Its threads are daemons: a request that hangs does not hold the end of the process. Whoever waits for jobs by `map`
    runs those that no thread has begun, so that a pool full of jobs that wait for others still makes progress.
    """

    def __init__(self, limit: int, *, name: str) -> None:
        """No thread yet."""
        self._limit = limit
        self._name = name
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._threads = 0
        self._idle = 0
        self._closed = False

    def submit(self, fn: Callable[..., _ResultT], /, *args: Any, **kwargs: Any) -> Future[_ResultT]:
        """Run it as soon as a thread is free.

        Raises:
            RuntimeError: the pool was shut down, or the interpreter ends.
        """
        future: Future[_ResultT] = Future()
        self._enqueue([(future, lambda: fn(*args, **kwargs))])
        return future

    def map(
        self,
        fn: Callable[..., _ResultT],
        *iterables: Iterable[Any],
        timeout: float | None = None,  # noqa: ARG002  # the interface's
        chunksize: int = 1,  # noqa: ARG002  # as above
    ) -> Iterator[_ResultT]:
        """The results in order. The caller helps.

        Raises:
            RuntimeError: the pool was shut down, or the interpreter ends.
        """
        jobs: list[_Job] = [(Future(), _bound(fn, arguments)) for arguments in zip(*iterables, strict=False)]
        # The first is for the caller itself.
        self._enqueue(jobs[1:])
        if jobs:
            _run(jobs[0])
        return self._results(jobs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  # as above
        """Take no more jobs, drop those that were not begun. What runs is not waited for."""
        with self._changed:
            self._closed = True
            dropped = list(self._jobs)
            self._jobs.clear()
            self._changed.notify_all()
        for future, _ in dropped:
            future.cancel()

    def _results(self, jobs: list[_Job]) -> Iterator[Any]:
        for job in jobs:
            with self._changed:
                mine = job in self._jobs
                if mine:
                    self._jobs.remove(job)
            if mine:
                _run(job)
            yield job[0].result()

    def _enqueue(self, jobs: list[_Job]) -> None:
        if not jobs:
            return
        with self._changed:
            if self._closed:
                raise RuntimeError("the pool was shut down")
            self._jobs.extend(jobs)
            while self._idle < len(self._jobs) and self._threads < self._limit:
                if not self._start():
                    break
            if not self._threads:
                for job in jobs:
                    self._jobs.remove(job)
                raise RuntimeError("no thread can be started: the interpreter ends")
            self._changed.notify(len(jobs))

    def _start(self) -> bool:
        thread = threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # An interpreter that ends starts none; those that run go on.
            return False
        self._threads += 1
        self._idle += 1
        return True

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._jobs:
                    if self._closed:
                        self._idle -= 1
                        return
                    self._changed.wait()
                job = self._jobs.popleft()
                self._idle -= 1
            _run(job)
            # Nothing of it may live on in this frame until the next job.
            del job
            with self._changed:
                self._idle += 1


def _bound(fn: Callable[..., object], arguments: tuple[object, ...]) -> Callable[[], object]:
    return lambda: fn(*arguments)


def _run(job: _Job) -> None:
    future, call = job
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001  # raised where the result is asked for
        future.set_exception(error)
    else:
        future.set_result(result)
