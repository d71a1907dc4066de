"""Go's `time.Time` and its zones: an instant in a zone, arithmetic, calendar. The local zone is always UTC.

Layouts are `golang.time_layout`, durations `golang.duration`. Nothing here asks what time it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC as PYTHON_UTC
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

SECOND: Final = 1_000_000_000
"""Nanoseconds."""
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MAX_DURATION: Final = (1 << 63) - 1
"""Longest duration, in nanoseconds."""
CACHED_ZONES: Final = 64
"""Zones kept; a template names one or two."""

_DAY: Final = 86_400
_ERA_DAYS: Final = 146_097  # of 400 years, after which the calendar repeats
_ERA_SECONDS: Final = _ERA_DAYS * _DAY
_EPOCH_DAYS: Final = 719_468  # from 1 March of year 0
_MIN_SECONDS: Final = -62_135_596_800 + 2 * _DAY  # what Python's datetime can hold, with room for an offset
_MAX_SECONDS: Final = 253_402_300_799 - 2 * _DAY
_ZERO_SECONDS: Final = -62_135_596_800


@dataclass(frozen=True, slots=True, eq=False)
class Location:
    """A zone: one of the time zone database, or a fixed offset with a name."""

    name: str
    offset: int = 0
    """Seconds east of UTC, if the offset is fixed."""
    zone: ZoneInfo | None = None
    """The database's zone."""

    def lookup(self, seconds: int) -> tuple[str, int]:
        """Abbreviation and seconds east of UTC at that time since 1970."""
        local = self._shown(seconds)
        if local is None:
            return self.name, self.offset
        offset = local.utcoffset() or timedelta()
        return local.tzname() or "", offset.days * _DAY + offset.seconds

    def is_dst(self, seconds: int) -> bool:
        """Whether summer time is in force at that time since 1970."""
        local = self._shown(seconds)
        return local is not None and bool(local.dst())

    def _shown(self, seconds: int) -> datetime | None:
        if self.zone is None:
            return None
        if seconds > _MAX_SECONDS:
            seconds = _MAX_SECONDS - _ERA_SECONDS + (seconds - _MAX_SECONDS) % _ERA_SECONDS
        moment = datetime(1970, 1, 1, tzinfo=PYTHON_UTC) + timedelta(seconds=max(seconds, _MIN_SECONDS))
        return moment.astimezone(self.zone)


UTC: Final = Location("UTC")
LOCAL: Final = Location("UTC")
"""The machine's zone. Always UTC, so that a rendering is the same everywhere; `GoString` tells it from `UTC`."""


@lru_cache(maxsize=CACHED_ZONES)
def load_location(name: str) -> Location | None:
    """The zone of that name in the time zone database, `None` if there is none."""
    if name in {"", "UTC"}:
        return UTC
    if name == "Local":
        return LOCAL
    if ".." in name or name[0] in "/\\" or not name.isascii() or not name.isprintable():
        return None
    from zoneinfo import ZoneInfo  # only templates that name a zone need the database

    try:
        return Location(name, zone=ZoneInfo(name))
    except (OSError, ValueError, KeyError):
        return None


def civil_from_days(days: int) -> tuple[int, int, int]:
    """Year, month and day of a day counted from 1970, in the calendar carried back and forth without end."""
    era, day = divmod(days + _EPOCH_DAYS, _ERA_DAYS)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    of_year = day - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9  # noqa: PLR2004  # the year counted from March
    return era * 400 + year + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1  # noqa: PLR2004


def days_from_civil(year: int, month: int, day: int) -> int:
    """The day counted from 1970; months and days beyond their range roll over."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    year -= month <= 2  # noqa: PLR2004  # the year counted from March
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5  # noqa: PLR2004
    return era * _ERA_DAYS + of_era * 365 + of_era // 4 - of_era // 100 + of_year - _EPOCH_DAYS + day - 1


def is_leap(year: int) -> bool:
    """Whether the year has a 29 February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_month(year: int, month: int) -> int:
    """How many days the month has."""
    return days_from_civil(year, month + 1, 1) - days_from_civil(year, month, 1)


@dataclass(frozen=True, slots=True)
class Time:
    """An instant and the zone it is shown in."""

    seconds: int
    """Since 1970, UTC."""
    nanosecond: int = 0
    location: Location = UTC
    monotonic: int | None = None
    """Nanoseconds of the clock it was read from; only for times of `now`, and shown when printed."""

    @property
    def zone(self) -> tuple[str, int]:
        """Abbreviation and seconds east of UTC."""
        return self.location.lookup(self.seconds)

    @property
    def wall(self) -> int:
        """Seconds since 1970 as the clock on the wall counts them."""
        return self.seconds + self.zone[1]

    @property
    def date(self) -> tuple[int, int, int]:
        """Year, month and day."""
        return civil_from_days(self.wall // _DAY)

    @property
    def clock(self) -> tuple[int, int, int]:
        """Hour, minute and second."""
        rest = self.wall % _DAY
        return rest // 3600, rest // 60 % 60, rest % 60

    @property
    def weekday(self) -> int:
        """0 for Sunday."""
        return (self.wall // _DAY + 4) % 7

    @property
    def year_day(self) -> int:
        """1 for 1 January."""
        days = self.wall // _DAY
        return days - days_from_civil(civil_from_days(days)[0], 1, 1) + 1

    @property
    def is_dst(self) -> bool:
        """Whether summer time is in force."""
        return self.location.is_dst(self.seconds)

    @property
    def is_zero(self) -> bool:
        """Whether it is 1 January of year 1, UTC."""
        return self.seconds == _ZERO_SECONDS and self.nanosecond == 0

    @property
    def unix_nano(self) -> int:
        """Nanoseconds since 1970, not cut to 64 bits."""
        return self.seconds * SECOND + self.nanosecond

    def add(self, nanoseconds: int) -> Time:
        """The instant so much later."""
        seconds, nanosecond = divmod(self.nanosecond + nanoseconds, SECOND)
        monotonic = None if self.monotonic is None else self.monotonic + nanoseconds
        return replace(self, seconds=self.seconds + seconds, nanosecond=nanosecond, monotonic=monotonic)

    def add_date(self, years: int, months: int, days: int) -> Time:
        """The same time of day on another day."""
        year, month, day = self.date
        hour, minute, second = self.clock
        return make_time(
            (year + years, month + months, day + days), (hour, minute, second), self.nanosecond, self.location
        )

    def sub(self, other: Time) -> int:
        """Nanoseconds since the other instant, held at the ends of Go's range."""
        if self.monotonic is not None and other.monotonic is not None:
            difference = self.monotonic - other.monotonic
        else:
            difference = self.unix_nano - other.unix_nano
        return max(-MAX_DURATION - 1, min(MAX_DURATION, difference))

    def compare(self, other: Time) -> int:
        """-1, 0 or 1."""
        mine, theirs = self.unix_nano, other.unix_nano
        if self.monotonic is not None and other.monotonic is not None:
            mine, theirs = self.monotonic, other.monotonic
        return (mine > theirs) - (mine < theirs)

    def at(self, location: Location) -> Time:
        """The same instant shown in another zone."""
        return replace(self, location=location)

    def without_monotonic(self) -> Time:
        """The same instant without its clock's reading."""
        return self if self.monotonic is None else replace(self, monotonic=None)

    def truncate(self, nanoseconds: int) -> Time:
        """Down to a multiple of a duration since year 1."""
        return self.without_monotonic().add(-self._remainder(nanoseconds)) if nanoseconds > 0 else self._stripped()

    def round(self, nanoseconds: int) -> Time:
        """To the nearest multiple of a duration since year 1, halves up."""
        if nanoseconds <= 0:
            return self._stripped()
        rest = self._remainder(nanoseconds)
        return self.without_monotonic().add(-rest if rest + rest < nanoseconds else nanoseconds - rest)

    def _stripped(self) -> Time:
        return self.without_monotonic()

    def _remainder(self, nanoseconds: int) -> int:
        return ((self.seconds - _ZERO_SECONDS) * SECOND + self.nanosecond) % nanoseconds


ZERO_TIME: Final = Time(_ZERO_SECONDS)
"""Go's `time.Time{}`."""


def make_time(date: tuple[int, int, int], clock: tuple[int, int, int], nanosecond: int, location: Location) -> Time:
    """The instant at which clocks in that zone show this; parts beyond their range roll over."""
    seconds, nanosecond = divmod(nanosecond, SECOND)
    wall = days_from_civil(*date) * _DAY + clock[0] * 3600 + clock[1] * 60 + clock[2] + seconds
    unix = wall
    if location.zone is not None or location.offset:
        # Go's two guesses: the offset in force at that wall time read as UTC, else the one in force around it.
        unix = wall - location.lookup(wall)[1]
        offset = location.lookup(unix)[1]
        unix = wall - offset
    return Time(unix, nanosecond, location)


def iso_week(time: Time) -> tuple[int, int]:
    """Year and week by ISO 8601."""
    days = time.wall // _DAY
    thursday = days + 3 - (time.weekday + 6) % 7
    year = civil_from_days(thursday)[0]
    return year, (thursday - days_from_civil(year, 1, 1)) // 7 + 1
