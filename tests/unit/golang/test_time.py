from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from virtrigaud_secrets.golang import time
from virtrigaud_secrets.golang.time import SECOND, ZERO_TIME, Location, Time, load_location, make_time

LEAP_DAY = make_time((2024, 2, 29), (10, 11, 12), 500, time.UTC)


@pytest.mark.parametrize("days", [-719_162, -1, 0, 59, 60, 11_016, 19_782, 2_932_896])
def test_days_agree_with_pythons(days: int) -> None:
    expected = date(1970, 1, 1) + timedelta(days=days)
    assert time.civil_from_days(days) == (expected.year, expected.month, expected.day)
    assert time.days_from_civil(expected.year, expected.month, expected.day) == days


@pytest.mark.parametrize("days", [-10_000_000, -719_529, 5_000_000, 10**9])
def test_the_calendar_goes_on_both_ways(days: int) -> None:
    assert time.days_from_civil(*time.civil_from_days(days)) == days


def test_months() -> None:
    assert [time.days_in_month(2024, month) for month in (1, 2, 4, 12)] == [31, 29, 30, 31]
    assert time.days_from_civil(2024, 14, 1) == time.days_from_civil(2025, 2, 1)
    assert [year for year in (1900, 2000, 2023, 2024) if time.is_leap(year)] == [2000, 2024]


def test_parts() -> None:
    assert LEAP_DAY.date == (2024, 2, 29)
    assert LEAP_DAY.clock == (10, 11, 12)
    assert LEAP_DAY.weekday == 4
    assert LEAP_DAY.year_day == 60
    assert LEAP_DAY.unix_nano == LEAP_DAY.seconds * SECOND + 500
    assert not LEAP_DAY.is_zero
    assert ZERO_TIME.is_zero
    assert ZERO_TIME.date == (1, 1, 1)


def test_arithmetic() -> None:
    assert LEAP_DAY.add(-501).nanosecond == SECOND - 1
    assert LEAP_DAY.add_date(1, 0, 0).date == (2025, 3, 1)
    assert LEAP_DAY.add_date(0, 12, -1).date == (2025, 2, 28)
    assert LEAP_DAY.add(5).sub(LEAP_DAY) == 5
    assert LEAP_DAY.sub(ZERO_TIME) == time.MAX_DURATION
    assert ZERO_TIME.sub(LEAP_DAY) == -time.MAX_DURATION - 1
    assert LEAP_DAY.compare(LEAP_DAY.add(1)) == -1
    assert LEAP_DAY.truncate(3600 * SECOND).clock == (10, 0, 0)
    assert LEAP_DAY.round(3600 * SECOND).clock == (10, 0, 0)
    assert LEAP_DAY.round(60 * SECOND).clock == (10, 11, 0)
    assert LEAP_DAY.add(20 * 60 * SECOND).round(3600 * SECOND).clock == (11, 0, 0)
    assert LEAP_DAY.truncate(0) is LEAP_DAY
    assert LEAP_DAY.round(-1) is LEAP_DAY


def test_a_clocks_reading_decides_between_times_that_have_one() -> None:
    early, late = Time(100, monotonic=5), Time(50, monotonic=9)
    assert late.sub(early) == 4
    assert late.compare(early) == 1
    assert late.add(1).monotonic == 10
    assert late.without_monotonic().monotonic is None
    assert late.truncate(0).monotonic is None


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Apia", "Africa/Monrovia"]
)
@pytest.mark.parametrize("year", [1950, 1999, 2024, 2037, 2100])
def test_zones_agree_with_pythons(name: str, year: int) -> None:
    zone = load_location(name)
    assert zone is not None
    for month in (1, 7):
        moment = datetime(year, month, 1, 12, tzinfo=UTC)
        local = moment.astimezone(zone.zone)
        shown = Time(int(moment.timestamp()), 0, zone)
        assert shown.zone == (local.tzname(), int((local.utcoffset() or timedelta()).total_seconds()))
        assert shown.date == (local.year, local.month, local.day)
        assert shown.clock == (local.hour, local.minute, local.second)


def test_zones_work_beyond_pythons_years() -> None:
    berlin = load_location("Europe/Berlin")
    assert berlin is not None
    assert berlin.lookup(-(10**12))[0] == "LMT"
    assert berlin.lookup(10**12)[0] in {"CET", "CEST"}
    july = make_time((12_024, 7, 1), (12, 0, 0), 0, time.UTC)
    assert berlin.lookup(july.seconds) == ("CEST", 7200)
    assert berlin.is_dst(july.seconds)
    assert not time.UTC.is_dst(july.seconds)


def test_wall_times_in_a_zone() -> None:
    berlin = load_location("Europe/Berlin")
    assert berlin is not None
    summer = make_time((2024, 7, 1), (12, 0, 0), 0, berlin)
    assert summer.at(time.UTC).clock == (10, 0, 0)
    fixed = make_time((2024, 7, 1), (12, 0, 0), SECOND + 1, Location("X", 3600))
    assert fixed.at(time.UTC).clock == (11, 0, 1)
    assert fixed.nanosecond == 1


@pytest.mark.parametrize(
    "name", ["No/Where", "../x", "/etc/passwd", "\\x", "Europe/Bérlin", "Europe", "Europe/\x00", "Europe/.."]
)
def test_what_is_no_zone_is_none(name: str) -> None:
    assert load_location(name) is None


def test_zones_without_a_database() -> None:
    assert load_location("") is time.UTC
    assert load_location("UTC") is time.UTC
    assert load_location("Local") is time.LOCAL


@pytest.mark.parametrize("day", [(2024, 12, 30), (2021, 1, 1), (2020, 12, 31), (2024, 2, 29), (2026, 1, 4)])
def test_weeks_agree_with_pythons(day: tuple[int, int, int]) -> None:
    assert time.iso_week(make_time(day, (0, 0, 0), 0, time.UTC)) == date(*day).isocalendar()[:2]
