from __future__ import annotations

from typing import Any

import pytest

from virtrigaud_secrets.delivery import target_report as report
from virtrigaud_secrets.errors import AccessDeniedError, ClosedError
from virtrigaud_secrets.operations.sync import recorder as module
from virtrigaud_secrets.operations.sync.recorder import MAX_MESSAGE, REPEATED_AFTER, Recorder
from virtrigaud_secrets.testing import ManualClock


def events(cluster: Any) -> list[dict[str, Any]]:
    return [body for (plural, _, _), body in cluster.objects.items() if plural == "events"]


def failure(text: str) -> report.Event:
    return report.Event(type="Warning", reason="UpdateFailed", message=text)


def test_an_event_names_its_external_secret(cluster: Any, seen: Any) -> None:
    Recorder(cluster, clock=ManualClock()).record(seen(), report.CREATION)
    (event,) = events(cluster)
    assert event["involvedObject"] == {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "namespace": "ns",
        "name": "app",
        "uid": "uid-app",
    }
    assert (event["type"], event["reason"], event["message"]) == ("Normal", "Created", "secret created")
    assert event["firstTimestamp"] == "2030-01-01T12:00:00Z"
    assert event["metadata"]["name"].startswith("app.")


def test_the_same_failure_is_said_once_for_a_while(cluster: Any, seen: Any) -> None:
    clock = ManualClock()
    recorder = Recorder(cluster, clock=clock)
    for text in ("down", "down", "refused", "down"):
        recorder.record(seen(), failure(text))
    assert [event["message"] for event in events(cluster)] == ["down", "refused"]
    recorder.record(seen("other"), failure("down"))
    clock.advance(REPEATED_AFTER)
    recorder.record(seen(), failure("down"))
    assert len(events(cluster)) == 4
    recorder.record(seen(), report.UPDATE)
    recorder.record(seen(), report.UPDATE)
    assert len(events(cluster)) == 6


def test_a_long_message_fits(cluster: Any, seen: Any) -> None:
    Recorder(cluster, clock=ManualClock()).record(seen("a" * 253), failure("x" * 2000))
    (event,) = events(cluster)
    assert len(event["message"]) == MAX_MESSAGE
    assert len(event["metadata"]["name"]) <= 253


def test_an_event_that_cannot_be_written_is_lost_and_no_more(cluster: Any, seen: Any) -> None:
    cluster.fault = AccessDeniedError("refused")
    recorder = Recorder(cluster, clock=ManualClock())
    recorder.record(seen(), report.CREATION)
    cluster.fault = ClosedError("closed")
    with pytest.raises(ClosedError):
        recorder.record(seen(), report.CREATION)


def test_memory_is_bounded(cluster: Any, seen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 2)
    recorder = Recorder(cluster, clock=ManualClock())
    for text in ("one", "two", "three", "one"):
        recorder.record(seen(), failure(text))
    assert [event["message"] for event in events(cluster)] == ["one", "two", "three", "one"]
