"""Go's `time` values as templates see them: `time.Time`, `Duration`, `Month`, `Weekday`, `*Location` and their methods.

The calendar is `golang.time`; the functions that make times are `dates`. Defines no template function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from virtrigaud_secrets.golang import time_layout
from virtrigaud_secrets.golang.duration import HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND, format_duration
from virtrigaud_secrets.golang.reflect import (
    BOOL,
    BYTES,
    FLOAT64,
    INT,
    INT64,
    STRING,
    GoType,
    Int64,
    pointer_to,
    wrap_bits,
    wrap_int,
)
from virtrigaud_secrets.golang.strconv import quote
from virtrigaud_secrets.golang.time import LOCAL, MAX_DURATION, MONTHS, UTC, WEEKDAYS, Location, Time
from virtrigaud_secrets.template.functions.objects import LibraryValue
from virtrigaud_secrets.template.functions.table import Function, FunctionError, table

TIME: Final = GoType("time.Time", "struct")
DURATION: Final = GoType("time.Duration", "int64")
MONTH: Final = GoType("time.Month", "int")
WEEKDAY: Final = GoType("time.Weekday", "int")
LOCATION: Final = pointer_to(GoType("time.Location", "struct"))

LONGEST_LAYOUT: Final = 4096
"""Characters of a layout: each may stand for a part of the time, to be worked out."""
LONGEST_TEXT: Final = 65_536
"""Characters of a time that is read: each part of the layout cuts it."""

_MAX_YEAR: Final = 9999


def format_layout(time: Time, layout: str) -> str:
    """The time written by a template's layout.

    Raises:
        FunctionError: the layout is too long.
    """
    if len(layout) > LONGEST_LAYOUT:
        raise FunctionError(f"the layout is longer than {LONGEST_LAYOUT} characters")
    return time_layout.format_time(time, layout)


def parse_layout(layout: str, text: str) -> Time:
    """The time that a text names by a template's layout.

    Raises:
        FunctionError: the layout is too long.
        LayoutError: the text does not follow it, or is too long.
    """
    if len(layout) > LONGEST_LAYOUT:
        raise FunctionError(f"the layout is longer than {LONGEST_LAYOUT} characters")
    if len(text) > LONGEST_TEXT:
        raise time_layout.LayoutError("the text is too long")
    return time_layout.parse_time(layout, text)


class GoMonth(LibraryValue, int):
    """`time.Month`."""

    go_type: ClassVar[GoType] = MONTH

    def go_string(self) -> str:
        """`January`; a number that is no month is named as such."""
        return MONTHS[self - 1] if 1 <= self <= len(MONTHS) else f"%!Month({wrap_bits(int(self), 64, signed=False)})"

    def go_json(self) -> object:
        """The number."""
        return int(self)


class GoWeekday(LibraryValue, int):
    """`time.Weekday`."""

    go_type: ClassVar[GoType] = WEEKDAY

    def go_string(self) -> str:
        """`Sunday`."""
        if 0 <= self < len(WEEKDAYS):
            return WEEKDAYS[self]
        return f"%!Weekday({wrap_bits(int(self), 64, signed=False)})"

    def go_json(self) -> object:
        """The number."""
        return int(self)


class GoDuration(LibraryValue, int):
    """`time.Duration`, in nanoseconds."""

    go_type: ClassVar[GoType] = DURATION

    def go_string(self) -> str:
        """`1h30m0s`."""
        return format_duration(int(self))

    def go_json(self) -> object:
        """The nanoseconds."""
        return int(self)


class GoLocation(LibraryValue):
    """`*time.Location`."""

    __slots__ = ("location",)
    go_type: ClassVar[GoType] = LOCATION

    def __init__(self, location: Location) -> None:
        self.location = location

    def __eq__(self, other: object) -> bool:
        """Whether it is the same zone."""
        return isinstance(other, GoLocation) and self.location is other.location

    def __hash__(self) -> int:
        """Of the zone."""
        return hash(id(self.location))

    def go_string(self) -> str:
        """Its name."""
        return self.location.name

    def go_json(self) -> object:
        """An empty object: nothing of it is exported."""
        return {}


class GoTime(LibraryValue):
    """`time.Time`."""

    __slots__ = ("time",)
    go_type: ClassVar[GoType] = TIME

    def __init__(self, time: Time) -> None:
        self.time = time

    def __eq__(self, other: object) -> bool:
        """Whether instant and zone are the same."""
        return isinstance(other, GoTime) and self.time == other.time

    def __hash__(self) -> int:
        """Of instant and zone."""
        return hash(self.time)

    def go_string(self) -> str:
        """`2006-01-02 15:04:05 +0000 UTC`."""
        return time_layout.time_string(self.time)

    def go_syntax(self) -> str:
        """`time.Date(2006, time.January, …)`."""
        year, month, day = self.time.date
        clock = ", ".join(map(str, self.time.clock))
        return (
            f"time.Date({year}, time.{MONTHS[month - 1]}, {day}, {clock}, {self.time.nanosecond}, "
            f"{_location_syntax(self.time.location)})"
        )

    def go_json(self) -> object:
        """RFC 3339 with nanoseconds."""
        return _rfc3339(self.time)


def _location_syntax(location: Location) -> str:
    if location is UTC:
        return "time.UTC"
    return "time.Local" if location is LOCAL else f"time.Location({quote(location.name)})"


def _rfc3339(time: Time) -> str:
    if not 0 <= time.date[0] <= _MAX_YEAR:
        raise FunctionError("the year is outside of range [0,9999]")
    if abs(time.zone[1]) >= 24 * 3600:
        raise FunctionError("the timezone hour is outside of range [0,23]")
    return time_layout.format_time(time, time_layout.RFC3339_NANO)


def _of_time(call: Callable[[Time], object]) -> Callable[[GoTime], object]:
    return lambda value: call(value.time)


def _comparing(call: Callable[[Time, Time], object]) -> Callable[[GoTime, GoTime], object]:
    return lambda value, other: call(value.time, other.time)


def _add(value: GoTime, duration: int) -> GoTime:
    return GoTime(value.time.add(int(duration)))


def _add_date(value: GoTime, years: int, months: int, days: int) -> GoTime:
    return GoTime(value.time.add_date(years, months, days))


def _in(value: GoTime, location: GoLocation | None) -> GoTime:
    if location is None:
        raise FunctionError("time: missing Location in call to Time.In")
    return GoTime(value.time.at(location.location))


def _since_midnight(index: int) -> Callable[[GoTime], object]:
    return lambda value: value.time.clock[index]


def _several(name: str, count: int) -> Callable[..., object]:
    def refuse(*_arguments: object) -> object:
        raise FunctionError(f"function {name} has {count} return values; should be 1 or 2")

    return refuse


def _second_not_error(name: str) -> Callable[..., object]:
    def refuse(*_arguments: object) -> object:
        raise FunctionError(f"invalid function signature for {name}: second return value should be error")

    return refuse


def _marshal_binary(value: GoTime) -> bytes:
    time = value.time
    offset = time.zone[1]
    minutes, seconds = (-1, 0) if time.location is UTC else (int(offset / 60), offset - int(offset / 60) * 60)
    version = 2 if seconds else 1
    since_year_one = time.seconds + 62_135_596_800
    data = bytes((version,)) + (since_year_one % 2**64).to_bytes(8) + time.nanosecond.to_bytes(4)
    return data + (minutes % 2**16).to_bytes(2) + (bytes((seconds % 256,)) if seconds else b"")


def _epoch(divisor: int) -> Callable[[GoTime], object]:
    return lambda value: Int64.wrap(value.time.unix_nano // divisor)


def _format(value: GoTime, layout: str) -> str:
    return format_layout(value.time, layout)


def _truncate(value: GoTime, unit: int) -> GoTime:
    return GoTime(value.time.truncate(int(unit)))


def _round(value: GoTime, unit: int) -> GoTime:
    return GoTime(value.time.round(int(unit)))


def _nanoseconds(value: GoDuration) -> Int64:
    return Int64(int(value))


def _append_format(value: GoTime, prefix: object, layout: str) -> bytes:
    if not isinstance(prefix, bytes):
        raise FunctionError("wrong type for value; expected []uint8")
    return prefix + format_layout(value.time, layout).encode("utf-8", "surrogateescape")


def _fraction_of(unit: int) -> Callable[[GoDuration], float]:
    def divide(value: GoDuration) -> float:
        sign = -1 if value < 0 else 1
        whole, rest = divmod(abs(int(value)), unit)
        return sign * (whole + rest / unit)

    return divide


def _quotient(unit: int) -> Callable[[GoDuration], Int64]:
    return lambda value: Int64(abs(int(value)) // unit * (-1 if value < 0 else 1))


def _remainder(value: int, unit: int) -> int:
    return (abs(value) % unit) * (-1 if value < 0 else 1)


def _truncate_duration(value: GoDuration, unit: int) -> GoDuration:
    return value if unit <= 0 else GoDuration(int(value) - _remainder(int(value), int(unit)))


def _round_duration(value: GoDuration, unit: int) -> GoDuration:
    if unit <= 0:
        return value
    rest = _remainder(int(value), int(unit))
    away = int(unit) if value >= 0 else -int(unit)
    rounded = int(value) - rest + (0 if abs(rest) * 2 < unit else away)
    return GoDuration(max(-MAX_DURATION - 1, min(MAX_DURATION, rounded)))


def _abs_duration(value: GoDuration) -> GoDuration:
    return GoDuration(min(abs(int(value)), MAX_DURATION))


def _string(value: LibraryValue) -> str:
    return value.go_string() or ""


GoTime.go_methods = table(
    Function("String", _string, (), STRING),
    Function("GoString", GoTime.go_syntax, (), STRING),
    Function("Format", _format, (STRING,), STRING),
    Function("AppendFormat", _append_format, (BYTES, STRING), BYTES),
    Function("Year", _of_time(lambda time: wrap_int(time.date[0])), (), INT),
    Function("Month", _of_time(lambda time: GoMonth(time.date[1])), (), MONTH),
    Function("Day", _of_time(lambda time: time.date[2]), (), INT),
    Function("Hour", _since_midnight(0), (), INT),
    Function("Minute", _since_midnight(1), (), INT),
    Function("Second", _since_midnight(2), (), INT),
    Function("Nanosecond", _of_time(lambda time: time.nanosecond), (), INT),
    Function("YearDay", _of_time(lambda time: time.year_day), (), INT),
    Function("Weekday", _of_time(lambda time: GoWeekday(time.weekday)), (), WEEKDAY),
    Function("Unix", _of_time(lambda time: Int64.wrap(time.seconds)), (), INT64),
    Function("UnixMilli", _epoch(MILLISECOND), (), INT64),
    Function("UnixMicro", _epoch(MICROSECOND), (), INT64),
    Function("UnixNano", _epoch(1), (), INT64),
    Function("UTC", _of_time(lambda time: GoTime(time.at(UTC))), (), TIME),
    Function("Local", _of_time(lambda time: GoTime(time.at(LOCAL))), (), TIME),
    Function("In", _in, (LOCATION,), TIME),
    Function("Location", _of_time(lambda time: GoLocation(time.location)), (), LOCATION),
    Function("Add", _add, (DURATION,), TIME),
    Function("AddDate", _add_date, (INT, INT, INT), TIME),
    Function("Sub", _comparing(lambda one, other: GoDuration(one.sub(other))), (TIME,), DURATION),
    Function("After", _comparing(lambda one, other: one.compare(other) > 0), (TIME,), BOOL),
    Function("Before", _comparing(lambda one, other: one.compare(other) < 0), (TIME,), BOOL),
    Function("Equal", _comparing(lambda one, other: one.compare(other) == 0), (TIME,), BOOL),
    Function("Compare", _comparing(Time.compare), (TIME,), INT),
    Function("IsZero", _of_time(lambda time: time.is_zero), (), BOOL),
    Function("IsDST", _of_time(lambda time: time.is_dst), (), BOOL),
    Function("Truncate", _truncate, (DURATION,), TIME),
    Function("Round", _round, (DURATION,), TIME),
    Function("MarshalJSON", _of_time(lambda time: f'"{_rfc3339(time)}"'.encode()), (), BYTES),
    Function("MarshalText", _of_time(lambda time: _rfc3339(time).encode()), (), BYTES),
    Function("MarshalBinary", _marshal_binary, (), BYTES),
    Function("GobEncode", _marshal_binary, (), BYTES),
    Function("Date", _several("Date", 3), ()),
    Function("Clock", _several("Clock", 3), ()),
    Function("ISOWeek", _second_not_error("ISOWeek"), ()),
    Function("Zone", _second_not_error("Zone"), ()),
    Function("ZoneBounds", _second_not_error("ZoneBounds"), ()),
)
GoDuration.go_methods = table(
    Function("String", _string, (), STRING),
    Function("Nanoseconds", _nanoseconds, (), INT64),
    Function("Microseconds", _quotient(MICROSECOND), (), INT64),
    Function("Milliseconds", _quotient(MILLISECOND), (), INT64),
    Function("Seconds", _fraction_of(SECOND), (), FLOAT64),
    Function("Minutes", _fraction_of(MINUTE), (), FLOAT64),
    Function("Hours", _fraction_of(HOUR), (), FLOAT64),
    Function("Truncate", _truncate_duration, (DURATION,), DURATION),
    Function("Round", _round_duration, (DURATION,), DURATION),
    Function("Abs", _abs_duration, (), DURATION),
)
GoMonth.go_methods = table(Function("String", _string, (), STRING))
GoWeekday.go_methods = table(Function("String", _string, (), STRING))
GoLocation.go_methods = table(Function("String", _string, (), STRING))
