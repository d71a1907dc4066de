"""Schedules as `github.com/robfig/cron` (v3, five fields and descriptors) reads them, in UTC.

What a schedule is for, such as windows in which something may happen, is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, Protocol

from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.golang.duration import SECOND, DurationError, parse_duration

YEARS_SEARCHED: Final = 5
"""A schedule that does not fire until the end of the fifth year from now never fires, to robfig's package."""
MAX_INTEGER: Final = (1 << 63) - 1

_WHOLE: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
_EVERY: Final = "@every "


class CronError(SecretsError, ValueError):
    """The text is no schedule. The message says which part."""

    code = "cron"


class Schedule(Protocol):
    """When something happens."""

    def next(self, moment: datetime) -> datetime | None:
        """The first firing after `moment`, on a whole second, aware UTC; None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """`@every D`: has no fixed points, each firing is counted from the moment asked about."""

    delay: timedelta
    """Whole seconds, at least one."""

    def next(self, moment: datetime) -> datetime | None:
        """The whole second of `moment`, and the delay later."""
        return moment.astimezone(UTC).replace(microsecond=0) + self.delay


@dataclass(frozen=True, slots=True)
class _Field:
    """The values of one field that fire."""

    values: frozenset[int]
    star: bool
    """Whether the field restricts nothing: it holds a `*` or `?` without a step."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Five fields."""

    minute: _Field
    hour: _Field
    day: _Field
    month: _Field
    weekday: _Field

    def next(self, moment: datetime) -> datetime | None:
        """The first minute after `moment` that every field agrees with."""
        start = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        if start.second:
            start = start.replace(second=0) + timedelta(minutes=1)
        first = self._in_day(start)
        if first is not None:
            return first
        midnight = start.replace(hour=0, minute=0)
        limit = midnight.year + YEARS_SEARCHED
        while (midnight := self._following_day(midnight)).year <= limit:
            first = self._in_day(midnight)
            if first is not None:
                return first
        return None

    def _following_day(self, midnight: datetime) -> datetime:
        """The next day, or the next month where this one does not fire."""
        if midnight.month in self.month.values:
            return midnight + timedelta(days=1)
        return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)

    def _in_day(self, start: datetime) -> datetime | None:
        if start.month not in self.month.values or not self._fires_on(start):
            return None
        for hour in sorted(hour for hour in self.hour.values if hour >= start.hour):
            earliest = start.minute if hour == start.hour else 0
            minute = min((minute for minute in self.minute.values if minute >= earliest), default=None)
            if minute is not None:
                return start.replace(hour=hour, minute=minute)
        return None

    def _fires_on(self, day: datetime) -> bool:
        by_date, by_weekday = day.day in self.day.values, day.isoweekday() % 7 in self.weekday.values
        if self.day.star or self.weekday.star:
            return by_date and by_weekday
        return by_date or by_weekday


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What one field may hold."""

    lowest: int
    highest: int
    names: tuple[str, ...] = ()
    """Names of the values, from the lowest."""


_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_BOUNDS: Final = (_Bounds(0, 59), _Bounds(0, 23), _Bounds(1, 31), _Bounds(1, 12, _MONTHS), _Bounds(0, 6, _WEEKDAYS))
_DESCRIPTORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
        "@monthly": "0 0 1 * *",
        "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *",
        "@midnight": "0 0 * * *",
        "@hourly": "0 * * * *",
    }
)


def parse(text: str) -> Schedule:
    """The schedule of a text such as `0 22 * * mon-fri`, `@daily` or `@every 1h`.

    A zone in front (`TZ=…`) is refused: no manifest can hold one.

    Raises:
        CronError: it is none.
    """
    if text.startswith("@"):
        return _descriptor(text)
    fields = text.split()
    if len(fields) != len(_BOUNDS):
        raise CronError(f"expected exactly {len(_BOUNDS)} fields, found {len(fields)}")
    return Fields(*(_field(field, bounds) for field, bounds in zip(fields, _BOUNDS, strict=True)))


def _descriptor(text: str) -> Schedule:
    if text.startswith(_EVERY):
        try:
            delay = parse_duration(text.removeprefix(_EVERY))
        except DurationError as error:
            raise CronError(f"failed to parse the duration of @every: {error}") from None
        return Every(timedelta(seconds=max(delay, SECOND) // SECOND))
    if text not in _DESCRIPTORS:
        raise CronError(f"unrecognized descriptor: {text}")
    return parse(_DESCRIPTORS[text])


def _field(text: str, bounds: _Bounds) -> _Field:
    values: set[int] = set()
    star = False
    for part in filter(None, text.split(",")):
        found, without_limits = _range(part, bounds)
        values |= found
        star = star or without_limits
    return _Field(frozenset(values), star)


def _range(text: str, bounds: _Bounds) -> tuple[set[int], bool]:
    span, *steps = text.split("/")
    if len(steps) > 1:
        raise CronError(f"too many slashes: {text}")
    first, *rest = span.split("-")
    star = first in {"*", "?"}
    if star:
        low, high = bounds.lowest, bounds.highest  # whatever follows a hyphen is not looked at
    else:
        if len(rest) > 1:
            raise CronError(f"too many hyphens: {text}")
        low = _value(first, bounds)
        high = _value(rest[0], bounds) if rest else low
    step = _whole(steps[0]) if steps else 1
    if steps and not rest:
        high = bounds.highest  # `5/10` is `5-59/10`
    if low < bounds.lowest or high > bounds.highest or low > high:
        raise CronError(f"expected a range within {bounds.lowest}-{bounds.highest}: {text}")
    if step == 0:
        raise CronError(f"step of range should be a positive number: {text}")
    return set(range(low, high + 1, step)), star and step == 1


def _value(text: str, bounds: _Bounds) -> int:
    if text.lower() in bounds.names:
        return bounds.lowest + bounds.names.index(text.lower())
    return _whole(text)


def _whole(text: str) -> int:
    if _WHOLE.fullmatch(text) is None or not 0 <= int(text) <= MAX_INTEGER:
        raise CronError(f"failed to parse a whole number from {text!r}")
    return int(text)
