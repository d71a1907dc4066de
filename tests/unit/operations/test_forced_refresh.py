"""When an ExternalSecret counts as refreshed, and when no annotation makes it refresh (ESO §2.8)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.operations.forced_refresh import (
    Before,
    RefreshState,
    before,
    judge_refresh,
    mark_of,
    why_never,
)

FORCED = datetime(2026, 11, 26, 12, 0, 0, 500_000, UTC)
OLD = "2026-11-26T11:00:00Z"
SAME_SECOND = "2026-11-26T12:00:00Z"
LATER = "2026-11-26T12:00:01Z"
CANARY = "canary value 3"


def synced(*, refreshed=OLD, marker="1-aa", ready="True", reason="SecretSynced", **spec):
    conditions = [{"type": "Other"}, {"type": "Ready", "status": ready, "reason": reason, "message": CANARY}]
    status = {"refreshTime": refreshed, "syncedResourceVersion": marker, "conditions": conditions}
    return {"metadata": {"name": "a"}, "spec": spec, "status": status}


WAS = Before("1-aa", OLD)


@pytest.mark.parametrize(
    ("found", "was", "state"),
    [
        (synced(), WAS, RefreshState.PENDING),
        (synced(marker="1-bb", refreshed=SAME_SECOND), WAS, RefreshState.DONE),
        # The controller's clock is behind ours: the marker tells all the same.
        (synced(marker="1-bb", refreshed="2026-11-26T11:58:00Z"), WAS, RefreshState.DONE),
        # No marker, as another controller may have it: by time alone.
        (synced(marker="", refreshed=LATER), WAS, RefreshState.DONE),
        (synced(marker="", refreshed=SAME_SECOND), Before("", OLD), RefreshState.DONE),
        (synced(marker="", refreshed=SAME_SECOND), Before("", SAME_SECOND), RefreshState.PENDING),
        (synced(marker="", refreshed="soon"), WAS, RefreshState.PENDING),
        (synced(marker="", refreshed="2026-11-26T12:00:01"), WAS, RefreshState.PENDING),
        # After a crash: how it was is not known any more.
        (synced(refreshed=OLD), None, RefreshState.PENDING),
        (synced(refreshed=SAME_SECOND), None, RefreshState.DONE),
        (synced(marker="1-bb", refreshed=LATER, ready="False", reason="SecretSyncedError"), WAS, RefreshState.FAILING),
        ({"metadata": {}}, Before("", ""), RefreshState.PENDING),
        ({"status": {"conditions": "none"}}, None, RefreshState.PENDING),
    ],
)
def test_what_counts_as_refreshed(found, was, state):
    judged = judge_refresh(found, was=was, forced_at=FORCED)
    assert judged.state is state
    assert CANARY not in judged.message


def test_a_failure_tells_its_reason_and_nothing_else():
    failing = synced(ready="False", reason="SecretSyncedError")
    told = judge_refresh(failing, was=WAS, forced_at=FORCED).message
    assert "SecretSyncedError" in told
    assert CANARY not in told
    odd = synced(ready="False", reason=CANARY)
    assert CANARY not in judge_refresh(odd, was=WAS, forced_at=FORCED).message
    odd_time = synced(marker="1-bb", refreshed=CANARY)
    assert judge_refresh(odd_time, was=WAS, forced_at=FORCED).message == "refreshed"


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (synced(), ""),
        (synced(refreshInterval="1h"), ""),
        (synced(refreshInterval="0"), "refreshInterval"),
        (synced(refreshInterval="0s", refreshPolicy="Periodic"), "refreshInterval"),
        (synced(refreshInterval="-1m"), "refreshInterval"),
        (synced(refreshInterval="never"), ""),
        (synced(refreshInterval="0", refreshPolicy="OnChange"), ""),
        (synced(refreshPolicy="CreatedOnce"), "CreatedOnce"),
        (synced(refreshPolicy="CreatedOnce", refreshed=""), ""),
    ],
)
def test_what_is_never_refreshed_again(found, word):
    assert word in why_never(found)
    assert bool(why_never(found)) is bool(word)


def test_what_is_read_of_an_object():
    assert before(synced()) == WAS
    assert before({}) == Before("", "")
    assert mark_of({"metadata": {"annotations": {"force-sync": "1"}}}) == "1"
    assert mark_of({"metadata": {"annotations": None}}) == ""
