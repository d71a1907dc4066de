import dataclasses
from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.events import Event, EventKind


def test_an_event_says_what_and_when_and_no_more_than_is_known():
    event = Event(kind=EventKind.RENEWED, at=datetime(2030, 1, 1, tzinfo=UTC))
    assert {getattr(event, field) for field in ("name", "namespace", "store", "path", "lease", "reason")} == {""}
    assert (event.remaining, event.attempt) == (None, 0)


def test_an_event_does_not_change():
    event = Event(kind=EventKind.RENEWED, at=datetime(2030, 1, 1, tzinfo=UTC))
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.reason = "x"


def test_kinds_are_words_for_labels_of_metrics():
    assert all(kind.value.replace("-", "").isalpha() and kind.value.islower() for kind in EventKind)
    assert len({kind.value for kind in EventKind}) == len(EventKind)
    assert f"{EventKind.STALE_SERVED}" == "stale-served"
