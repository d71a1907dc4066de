"""Windows of ESO §2.8."""

from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets.models.external_secret import SyncWindows
from virtrigaud_secrets.resolver.sync_windows import STEPS, allows, opens_at

OPENS = datetime(2026, 6, 1, 22, 0, tzinfo=UTC)
NIGHTLY = ("0 22 * * *", "2h")


def windows(kind, *entries):
    written = [{"schedule": schedule, "duration": duration} for schedule, duration in entries]
    return SyncWindows.model_validate({"kind": kind, "windows": written})


@pytest.mark.parametrize(
    ("after", "inside"),
    [
        (timedelta(microseconds=-1), False),
        (timedelta(0), True),
        (timedelta(minutes=30), True),
        (timedelta(hours=2), True),  # both ends are part of it
        (timedelta(hours=2, microseconds=1), False),
        (timedelta(hours=5), False),
        (timedelta(hours=24, minutes=30), True),
    ],
)
def test_a_window_is_open_from_each_firing_for_its_duration(after, inside):
    assert allows(windows("allow", NIGHTLY), OPENS + after) is inside
    assert allows(windows("deny", NIGHTLY), OPENS + after) is not inside


def test_without_windows_everything_is_allowed():
    assert allows(None, OPENS)
    assert allows(SyncWindows.model_construct(kind="allow", windows=()), OPENS)


def test_one_open_window_is_enough():
    both = (("0 3 * * *", "1h"), NIGHTLY)
    assert allows(windows("allow", *both), OPENS)
    assert not allows(windows("deny", *both), OPENS)


@pytest.mark.parametrize("schedule", ["99 * * * *", "0 0 * * 7", "@every 1d", "a b c d e"])
def test_a_schedule_that_cannot_be_read_is_never_open(schedule):
    assert not allows(windows("allow", (schedule, "24h")), OPENS)
    assert allows(windows("deny", (schedule, "24h")), OPENS)
    assert allows(windows("allow", (schedule, "24h"), NIGHTLY), OPENS)


def test_a_window_may_be_longer_than_its_schedule():
    assert allows(windows("allow", ("0 22 * * *", "48h")), OPENS + timedelta(hours=13))


def test_a_window_of_no_duration_is_open_at_its_firing():
    assert allows(windows("allow", ("0 22 * * *", "0")), OPENS)
    assert not allows(windows("allow", ("0 22 * * *", "0")), OPENS + timedelta(seconds=1))
    assert not allows(windows("allow", ("0 22 * * *", "-1h")), OPENS)


def test_every_has_no_fixed_points():
    assert allows(windows("allow", ("@every 1h", "1h")), OPENS)
    assert not allows(windows("allow", ("@every 1h", "30m")), OPENS)


def test_a_duration_beyond_the_calendar_is_no_crash():
    assert not allows(windows("allow", ("0 22 * * *", "2562047h")), datetime(200, 1, 1, tzinfo=UTC))


TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("kind", "entries", "moment", "opens"),
    [
        ("allow", [NIGHTLY], OPENS + MINUTE, OPENS + MINUTE),
        ("allow", [NIGHTLY], OPENS - timedelta(hours=3), OPENS),
        ("allow", [NIGHTLY], OPENS + timedelta(hours=3), OPENS + timedelta(days=1)),
        ("allow", [NIGHTLY, ("30 6 * * *", "1h")], OPENS + timedelta(hours=3), OPENS + timedelta(hours=8, minutes=30)),
        ("allow", [("@every 2h", "1h")], OPENS, None),
        ("allow", [("0 0 30 2 *", "1h")], OPENS, None),
        ("allow", [("99 * * * *", "1h")], OPENS, None),
        ("deny", [NIGHTLY], OPENS - MINUTE, OPENS - MINUTE),
        ("deny", [NIGHTLY], OPENS + MINUTE, OPENS + timedelta(hours=2) + TICK),
        ("deny", [NIGHTLY, ("0 23 * * *", "3h")], OPENS, OPENS + timedelta(hours=4) + TICK),
        ("deny", [("0 22 * * *", "48h")], OPENS, None),
        ("deny", [("@every 1h", "2h")], OPENS, None),
    ],
)
def test_the_next_moment_that_windows_allow(kind, entries, moment, opens):
    found = opens_at(windows(kind, *entries), moment)

    if kind == "deny" and entries == [("0 22 * * *", "48h")]:
        # One day follows on another, for ever: asked about again after as many as are looked through.
        assert found == OPENS - timedelta(days=1) + timedelta(days=STEPS) + TICK
    else:
        assert found == opens
        assert found is None or allows(windows(kind, *entries), found)


def test_without_windows_every_moment_is_allowed():
    assert opens_at(None, OPENS) == OPENS
