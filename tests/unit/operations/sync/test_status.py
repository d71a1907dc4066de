from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets.delivery import target_report as report
from virtrigaud_secrets.operations.sync.status import (
    after_success,
    is_ready,
    last_refresh,
    timestamp,
    with_changes,
    with_condition,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def synced(status: dict[str, object], at: datetime, secret: str = "app") -> dict[str, object]:
    return after_success(status, report.SYNCED, began=at, marker="1-abc", secret=secret, now=at)


def test_a_success_and_what_it_leaves_to_read() -> None:
    changes = synced({}, NOW)
    assert changes == {
        "refreshTime": "2026-01-01T12:00:00Z",
        "syncedResourceVersion": "1-abc",
        "binding": {"name": "app"},
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "SecretSynced",
                "message": "secret synced",
                "lastTransitionTime": "2026-01-01T12:00:00Z",
            }
        ],
    }
    status = with_changes({}, changes)
    last = last_refresh(status)
    assert last is not None
    assert (last.at, last.marker) == (NOW, "1-abc")
    assert is_ready(status) is True
    assert synced(status, NOW) == {}
    assert synced(status, LATER) == {"refreshTime": "2026-01-01T12:01:00Z"}


def test_a_transition_is_one_of_the_status_alone() -> None:
    status = with_changes({}, synced({}, NOW))
    retained = with_changes(status, with_condition(status, report.RETAINED, now=LATER))
    assert [one["lastTransitionTime"] for one in retained["conditions"]] == ["2026-01-01T12:00:00Z"]  # type: ignore[attr-defined]
    failed = with_changes(status, with_condition(status, report.NOT_RESOLVED, now=LATER))
    assert [one["lastTransitionTime"] for one in failed["conditions"]] == ["2026-01-01T12:01:00Z"]  # type: ignore[attr-defined]
    assert failed["refreshTime"] == "2026-01-01T12:00:00Z"
    assert is_ready(failed) is False
    assert with_condition(failed, report.NOT_RESOLVED, now=LATER + timedelta(minutes=9)) == {}


def test_conditions_of_others_stay() -> None:
    other = {"type": "Deleted", "status": "False"}
    assert synced({"conditions": [other]}, NOW)["conditions"][0] == other  # type: ignore[index]


def test_a_binding_is_never_taken_back() -> None:
    status = with_changes({}, synced({}, NOW))
    assert synced(status, NOW, secret="") == {}
    assert synced(status, NOW, secret="other") == {"binding": {"name": "other"}}
    assert with_condition(status, report.SYNCED, now=NOW, secret="other") == {"binding": {"name": "other"}}


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"refreshTime": "2026-01-01T12:00:00Z"},
        {"refreshTime": "soon", "syncedResourceVersion": "x"},
        {"refreshTime": 7},
    ],
)
def test_what_tells_of_no_refresh(status: dict[str, object]) -> None:
    assert last_refresh(status) is None
    assert is_ready(status) is None


def test_nonsense_for_conditions_is_replaced() -> None:
    assert len(synced({"conditions": 7}, NOW)["conditions"]) == 1  # type: ignore[arg-type]
    assert len(synced({"conditions": ["x", None]}, NOW)["conditions"]) == 1  # type: ignore[arg-type]


def test_times() -> None:
    assert timestamp(NOW.replace(microsecond=7)) == "2026-01-01T12:00:00Z"
    last = last_refresh({"refreshTime": "2026-01-01T12:00:00", "syncedResourceVersion": "x"})
    assert last is not None
    assert last.at == NOW
