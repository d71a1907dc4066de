from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from virtrigaud_secrets.errors import ClosedError, StoreUnavailableError, WatchExpiredError
from virtrigaud_secrets.operations.sync.reflector import BRIEF, LONGEST_PAUSE, Reflector
from virtrigaud_secrets.stores.cluster_objects import SECRETS, Change, Listing, Resource
from virtrigaud_secrets.testing import ManualClock


def body(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": str(version)}}


class Script:
    """A cluster that answers by a script, and is closed at its end."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def list(self, resource: Resource, **options: object) -> Listing:
        self.asked.append("list")
        return self._next()  # type: ignore[no-any-return]

    def watch(self, resource: Resource, *, resource_version: str, **options: object) -> Iterator[Change]:
        self.asked.append(f"watch {resource_version}")
        for change in self._next():
            if isinstance(change, Exception):
                raise change
            yield change

    def _next(self) -> Any:
        answer = self.answers.pop(0) if self.answers else ClosedError("the end of the script")
        if isinstance(answer, Exception):
            raise answer
        return answer


class Pauses(ManualClock):
    """Remembers how long was paused."""

    def __init__(self) -> None:
        super().__init__()
        self.paused: list[float] = []

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        self.paused.append(seconds)


class Told:
    def __init__(self, hear: Callable[[], None] = lambda: None) -> None:
        self.told: list[str] = []
        self.hear = hear

    def replaced(self, resource: Resource, namespace: str, items: Sequence[Mapping[str, Any]]) -> None:
        self.told.append(f"all {[one['metadata']['name'] for one in items]}")

    def changed(self, resource: Resource, body: Mapping[str, Any], *, deleted: bool) -> None:
        self.told.append(f"{'gone' if deleted else 'here'} {body['metadata']['name']}")
        self.hear()


def run(*answers: Any, told: Told | None = None) -> tuple[Script, Told, Pauses]:
    script, told, clock = Script(*answers), told or Told(), Pauses()
    Reflector(script, SECRETS, told, clock=clock).run()  # type: ignore[arg-type]  # has what is used of it
    return script, told, clock


def test_lists_then_watches_from_there() -> None:
    changes = [Change("ADDED", body("b", 8)), Change("BOOKMARK", body("", 9)), Change("DELETED", body("a", 11))]
    script, told, _ = run(Listing((body("a", 6),), "7"), changes, [])
    assert told.told == ["all ['a']", "here b", "gone a"]
    assert script.asked == ["list", "watch 7", "watch 11", "watch 11"]


@pytest.mark.parametrize("when", ["at once", "later"])
def test_lists_anew_where_the_cluster_forgot(when: str) -> None:
    expired = WatchExpiredError("gone")
    watched = expired if when == "at once" else [Change("ADDED", body("b", 8)), expired]
    script, told, clock = run(Listing((), "7"), watched, Listing((body("c", 9),), "20"))
    assert told.told[-1] == "all ['c']"
    assert script.asked[-2:] == ["list", "watch 20"]
    # One that forgets at once, time and again, is not to be asked without a pause.
    assert clock.paused == ([0.5] if when == "at once" else [])


def test_watches_that_end_at_once_are_followed_by_longer_pauses() -> None:
    script, _, clock = run(Listing((), "7"), [], [], [Change("ADDED", body("b", 8))], [])
    assert script.asked == ["list", "watch 7", "watch 7", "watch 7", "watch 8", "watch 8"]
    assert clock.paused == [0.5, 1.0, 0.5]


def test_a_quiet_watch_is_followed_by_the_next() -> None:
    clock = Pauses()

    class Quiet(Script):
        def watch(self, resource: Resource, *, resource_version: str, **options: object) -> Iterator[Change]:
            clock.advance(BRIEF)
            yield from super().watch(resource, resource_version=resource_version, **options)

    script = Quiet(Listing((), "7"), [], [])
    Reflector(script, SECRETS, Told(), clock=clock).run()  # type: ignore[arg-type]  # as above
    assert clock.paused == []


def test_lists_that_lead_to_nothing_are_made_ever_more_rarely() -> None:
    expired = WatchExpiredError("gone")
    clock = Pauses()

    class Slow(Script):
        def list(self, resource: Resource, **options: object) -> Listing:
            clock.advance(BRIEF)
            return super().list(resource, **options)

    script = Slow(*[Listing((), "7"), expired] * 6, expired)
    Reflector(script, SECRETS, Told(), clock=clock).run()  # type: ignore[arg-type]  # as above
    assert clock.paused == [0.5, 1.0, 2.0, 4.0, 8.0, LONGEST_PAUSE, LONGEST_PAUSE]


def test_a_broken_connection_goes_on_from_the_last_change() -> None:
    broken = StoreUnavailableError("broken")
    script, _, clock = run(Listing((), "7"), [Change("ADDED", body("b", 8)), broken], broken, [])
    assert script.asked == ["list", "watch 7", "watch 8", "watch 8", "watch 8"]
    assert clock.paused == [0.5, 1.0, 2.0]


def test_an_outage_is_waited_out_with_longer_pauses() -> None:
    down = StoreUnavailableError("down")
    _, _, clock = run(*[down] * 10, Listing((), "7"), down)
    assert clock.paused[:3] == [0.5, 1.0, 2.0]
    assert clock.paused[9] == LONGEST_PAUSE == max(clock.paused)


def test_a_defect_in_the_listener_blinds_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise KeyError("planted")

    told = Told(fail)
    script, _, clock = run(Listing((), "7"), [Change("ADDED", body("b", 8))], Listing((), "9"), told=told)
    assert script.asked == ["list", "watch 7", "list", "watch 9"]
    assert clock.paused == [0.5]
    assert "planted" not in caplog.text


def test_it_is_listed_from_then_on_and_stops_when_told() -> None:
    script, clock = Script(Listing((), "7"), [Change("ADDED", body("b", 8)), Change("ADDED", body("c", 9))]), Pauses()
    told = Told()
    reflector = Reflector(script, SECRETS, told, clock=clock)  # type: ignore[arg-type]  # as above
    told.hear = reflector.stop
    assert not reflector.listed.is_set()
    reflector.run()
    assert reflector.listed.is_set()
    assert told.told == ["all []", "here b"]
    reflector.run()
    assert script.asked == ["list", "watch 7"]


def test_objects_without_a_version_move_nothing() -> None:
    script, _, _ = run(Listing((), "7"), [Change("ADDED", {"metadata": {"name": "x"}})], [])
    assert script.asked[-1] == "watch 7"
