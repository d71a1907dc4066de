"""Schedules of robfig's cron; the vectors are in tests/conformance/cron."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from virtrigaud_secrets.golang.cron import CronError, parse

START = datetime(2026, 6, 1, 20, 0, tzinfo=UTC)  # a Monday


def after(text, moment=START):
    return parse(text).next(moment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 22 * * *", datetime(2026, 6, 1, 22, 0, tzinfo=UTC)),
        ("0 20 * * *", datetime(2026, 6, 2, 20, 0, tzinfo=UTC)),  # after, not at
        ("*/15 * * * *", datetime(2026, 6, 1, 20, 15, tzinfo=UTC)),
        ("5/20 * * * *", datetime(2026, 6, 1, 20, 5, tzinfo=UTC)),
        ("0 0 29 2 *", datetime(2028, 2, 29, tzinfo=UTC)),
        ("0 0 13 * 5", datetime(2026, 6, 5, tzinfo=UTC)),  # the 13th or a Friday
        ("0 0 13 * ?", datetime(2026, 6, 13, tzinfo=UTC)),
        ("0 0 */2 * 1", datetime(2026, 6, 3, tzinfo=UTC)),  # a step takes the star away: odd days or a Monday
        ("0 0 ? * SAT-sun,1", None),
        ("@yearly", datetime(2027, 1, 1, tzinfo=UTC)),
        ("@hourly", datetime(2026, 6, 1, 21, 0, tzinfo=UTC)),
        ("@every 1h30m", datetime(2026, 6, 1, 21, 30, tzinfo=UTC)),
        ("@every 10ms", datetime(2026, 6, 1, 20, 0, 1, tzinfo=UTC)),
        ("0 0 31 2 *", None),
        (", * * * *", None),  # a field without values is read, and never fires
    ],
)
def test_next_firing(text, expected):
    if text.endswith("SAT-sun,1"):
        with pytest.raises(CronError, match="within 0-6"):
            parse(text)
        return
    assert after(text) == expected


def test_seconds_are_rounded_up_to_the_next_minute():
    assert after("* * * * *", START + timedelta(microseconds=1)) == START + timedelta(minutes=1)
    assert after("@every 1m", START + timedelta(microseconds=1)) == START + timedelta(minutes=1)


def test_a_moment_of_another_zone_is_read_in_utc():
    moment = datetime(2026, 6, 1, 23, 30, tzinfo=timezone(timedelta(hours=2)))
    assert after("0 22 * * *", moment) == datetime(2026, 6, 1, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("* * * *", "exactly 5 fields"),
        ("TZ=UTC 0 0 * * *", "exactly 5 fields"),
        ("@reboot", "unrecognized descriptor"),
        ("@every 1d", "duration"),
        ("1/2/3 * * * *", "too many slashes"),
        ("1-2-3 * * * *", "too many hyphens"),
        ("*/0 * * * *", "positive"),
        ("60 * * * *", "within 0-59"),
        ("x * * * *", "whole number"),
        ("99999999999999999999 * * * *", "whole number"),
    ],
)
def test_what_is_no_schedule(text, reason):
    with pytest.raises(CronError, match=reason):
        parse(text)
