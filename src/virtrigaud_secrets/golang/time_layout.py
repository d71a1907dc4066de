"""Go's time layouts: writing and reading times by the example of `Mon Jan 2 15:04:05 MST 2006`.

The calendar and zones are `golang.time`. Errors hold no part of the text that was read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from virtrigaud_secrets.golang.time import (
    LOCAL,
    MONTHS,
    UTC,
    WEEKDAYS,
    Location,
    Time,
    days_from_civil,
    days_in_month,
    is_leap,
    make_time,
)

CACHED_LAYOUTS: Final = 64
"""Layouts kept in parts; a process uses a handful."""
STRING_LAYOUT: Final = "2006-01-02 15:04:05.999999999 -0700 MST"
"""What `Time.String` writes, but for the clock reading."""
RFC3339_NANO: Final = "2006-01-02T15:04:05.999999999Z07:00"
"""What JSON and text marshalling write."""

_ELEMENT: Final = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|2|_2006|__2|_2|3|4|5|PM|pm"
    r"|-07:00:00|-070000|-07:00|-0700|-07|Z07:00:00|Z070000|Z07:00|Z0700|Z07|[.,](?:0+|9+)(?![0-9])"
)
_ZONE_FORMS: Final = {
    "07": (False, False, ""), "0700": (True, False, ""), "07:00": (True, False, ":"), "070000": (True, True, ""),
    "07:00:00": (True, True, ":"),
}  # fmt: skip
_ZONE_NAME: Final = re.compile(r"ChST|MeST|GMT([+-][0-9]+)?|[+-][0-9]+|WITA|[A-Z]+")
_PIVOT_YEAR: Final = 69
_NANO_DIGITS: Final = 9
_MAX_ZONE_HOURS: Final = 23


class LayoutError(ValueError):
    """The text does not follow the layout. The message holds none of it."""


@lru_cache(maxsize=CACHED_LAYOUTS)
def _split_layout(layout: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Literal pieces and the elements between them; there is one literal more."""
    literals: list[str] = []
    elements: list[str] = []
    literal, position = "", 0
    for match in _ELEMENT.finditer(layout):
        element = match[0]
        literal += layout[position : match.start()]
        if element == "_2006":
            literal, element = literal + "_", "2006"
        literals.append(literal)
        elements.append(element)
        literal, position = "", match.end()
    literals.append(literal + layout[position:])
    return tuple(literals), tuple(elements)


def format_time(time: Time, layout: str) -> str:
    """The time written by the layout."""
    literals, elements = _split_layout(layout)
    shown = _Shown(time)
    parts = [literals[0]]
    for element, literal in zip(elements, literals[1:], strict=True):
        parts += (_format_element(shown, element), literal)
    return "".join(parts)


def time_string(time: Time) -> str:
    """Go's `Time.String`."""
    text = format_time(time, STRING_LAYOUT)
    if time.monotonic is not None:
        sign = "-" if time.monotonic < 0 else "+"
        seconds, nanoseconds = divmod(abs(time.monotonic), 10**9)
        text += f" m={sign}{seconds}.{nanoseconds:09}"
    return text


class _Shown:
    """The parts of a time that layouts ask for."""

    __slots__ = ("abbreviation", "day", "hour", "minute", "month", "offset", "second", "time", "year")

    def __init__(self, time: Time) -> None:
        self.time = time
        self.abbreviation, self.offset = time.zone
        self.year, self.month, self.day = time.date
        self.hour, self.minute, self.second = time.clock


def _padded(number: int, width: int) -> str:
    return f"-{-number:0{width}}" if number < 0 else f"{number:0{width}}"


_FORMATS: Final[dict[str, Callable[[_Shown], str]]] = {
    "January": lambda s: MONTHS[s.month - 1],
    "Jan": lambda s: MONTHS[s.month - 1][:3],
    "1": lambda s: str(s.month),
    "01": lambda s: _padded(s.month, 2),
    "Monday": lambda s: WEEKDAYS[s.time.weekday],
    "Mon": lambda s: WEEKDAYS[s.time.weekday][:3],
    "2": lambda s: str(s.day),
    "_2": lambda s: f"{s.day:2}",
    "02": lambda s: _padded(s.day, 2),
    "__2": lambda s: f"{s.time.year_day:3}",
    "002": lambda s: _padded(s.time.year_day, 3),
    "15": lambda s: _padded(s.hour, 2),
    "3": lambda s: str(s.hour % 12 or 12),
    "03": lambda s: _padded(s.hour % 12 or 12, 2),
    "4": lambda s: str(s.minute),
    "04": lambda s: _padded(s.minute, 2),
    "5": lambda s: str(s.second),
    "05": lambda s: _padded(s.second, 2),
    "06": lambda s: _padded(abs(s.year) % 100, 2),
    "2006": lambda s: _padded(s.year, 4),
    "PM": lambda s: "PM" if s.hour >= 12 else "AM",  # noqa: PLR2004
    "pm": lambda s: "pm" if s.hour >= 12 else "am",  # noqa: PLR2004
    "MST": lambda s: s.abbreviation or _format_offset(s.offset, "0700"),
}


def _format_element(shown: _Shown, element: str) -> str:
    plain = _FORMATS.get(element)
    if plain is not None:
        return plain(shown)
    if element[0] in ".,":
        digits = f"{shown.time.nanosecond:09}"[: len(element) - 1]
        if element[1] == "0":
            return element[0] + digits
        digits = digits.rstrip("0")
        # Go keeps the point when all shown digits of a fraction that is not zero are zeros only to cut it again.
        return element[0] + digits if digits else ""
    if element[0] == "Z" and shown.offset == 0:
        return "Z"
    return _format_offset(shown.offset, element[1:])


def _format_offset(offset: int, form: str) -> str:
    minutes, seconds, colon = _ZONE_FORMS[form]
    # Go's division truncates, so an offset of less than a minute west is written with a plus.
    whole = abs(offset) // 60
    text = f"{'-' if offset <= -60 else '+'}{whole // 60:02}"  # noqa: PLR2004  # seconds in a minute
    if minutes:
        text += f"{colon}{whole % 60:02}"
    if seconds:
        rest = offset if offset > -60 else -offset  # noqa: PLR2004
        text += colon + _padded(rest % 60 if rest >= 0 else -(-rest % 60), 2)
    return text


@dataclass(slots=True)
class _Reading:
    """What was read so far; `rest` is the text still to read."""

    rest: str
    year: int = 0
    month: int = -1
    day: int = -1
    year_day: int = -1
    hour: int = 0
    minute: int = 0
    second: int = 0
    nanosecond: int = 0
    afternoon: bool | None = None
    utc: bool = False
    offset: int | None = None
    zone_name: str = ""
    next_element: str = field(default="", repr=False)
    """The layout's element after the current one: a fraction in it keeps `05` from taking the fraction."""


def parse_time(layout: str, text: str, location: Location = LOCAL) -> Time:
    """Read a time; parts that the layout does not name are zero or one.

    Raises:
        LayoutError: the text does not follow the layout, or names no day of the calendar.
    """
    literals, elements = _split_layout(layout)
    reading = _Reading(text)
    for index, element in enumerate(elements):
        reading.rest = _skip(reading.rest, literals[index])
        reading.next_element = elements[index + 1] if index + 1 < len(elements) else ""
        _read_element(reading, element)
    if _skip(reading.rest, literals[-1]):
        raise LayoutError("extra text after the time")
    return _finish(reading, location)


def _skip(text: str, literal: str) -> str:
    """The text after the literal; a run of blanks in the literal stands for any run of blanks, or none at the end."""
    if text.startswith(literal) and " " not in literal:
        return text[len(literal) :]
    at = 0
    for index, character in enumerate(literal):
        if character != " ":
            if text[at : at + 1] != character:
                raise LayoutError("the text does not follow the layout")
            at += 1
        elif literal[index - 1 : index] != " ":
            if at < len(text) and text[at] != " ":
                raise LayoutError("the text does not follow the layout")
            at = len(text) - len(text[at:].lstrip(" "))
    return text[at:]


def _read_element(reading: _Reading, element: str) -> None:
    reader = _READERS.get(element)
    if reader is not None:
        reader(reading)
    elif element[0] in ".,":
        _read_fraction(reading, element)
    else:
        _read_offset(reading, element)


def _take(reading: _Reading, pattern: re.Pattern[str], what: str) -> str:
    match = pattern.match(reading.rest)
    if match is None:
        raise LayoutError(f"no {what} where the layout has one")
    reading.rest = reading.rest[match.end() :]
    return match[0]


_ONE_OR_TWO: Final = re.compile(r"[0-9]{1,2}")
_TWO: Final = re.compile(r"[0-9]{2}")
_THREE: Final = re.compile(r"[0-9]{3}")
_ONE_TO_THREE: Final = re.compile(r"[0-9]{1,3}")
_FOUR: Final = re.compile(r"[0-9]{4}")
_SHORT_YEAR: Final = re.compile(r"[0-9]{2}|[+-][0-9]")
_SIGNED: Final = re.compile(r"[+-]?([0-9]*)")
_FRACTION: Final = re.compile(r"[.,]([0-9]+)")


def _ranged(number: int, low: int, high: int, what: str) -> int:
    if not low <= number <= high:
        raise LayoutError(f"{what} out of range")
    return number


def _read_short_year(reading: _Reading) -> None:
    year = int(_take(reading, _SHORT_YEAR, "year"))
    reading.year = year + (1900 if year >= _PIVOT_YEAR else 2000)


def _read_long_year(reading: _Reading) -> None:
    reading.year = int(_take(reading, _FOUR, "year"))


def _read_month(reading: _Reading, pattern: re.Pattern[str]) -> None:
    reading.month = _ranged(int(_take(reading, pattern, "month")), 1, 12, "month")


def _name_reader(names: tuple[str, ...], length: int | None, *, month: bool) -> Callable[[_Reading], None]:
    lower = [name[:length].lower() for name in names]

    def read(reading: _Reading) -> None:
        for index, name in enumerate(lower):
            # Letters are compared as Go does, ASCII only.
            head = reading.rest[: len(name)]
            if head.isascii() and head.lower() == name:
                reading.rest = reading.rest[len(name) :]
                if month:
                    reading.month = index + 1
                return
        raise LayoutError("no name where the layout has one")

    return read


def _read_day(reading: _Reading, pattern: re.Pattern[str] = _ONE_OR_TWO, *, blank: bool = False) -> None:
    if blank:
        reading.rest = reading.rest.removeprefix(" ")
    reading.day = int(_take(reading, pattern, "day"))


def _read_year_day(reading: _Reading, *, blank: bool) -> None:
    if blank:
        reading.rest = reading.rest.removeprefix(" ").removeprefix(" ")
    reading.year_day = int(_take(reading, _ONE_TO_THREE if blank else _THREE, "day of the year"))


def _read_hour(reading: _Reading) -> None:
    reading.hour = _ranged(int(_take(reading, _ONE_OR_TWO, "hour")), 0, 23, "hour")


def _read_hour12(reading: _Reading, pattern: re.Pattern[str]) -> None:
    reading.hour = _ranged(int(_take(reading, pattern, "hour")), 0, 12, "hour")


def _read_minute(reading: _Reading, pattern: re.Pattern[str]) -> None:
    reading.minute = _ranged(int(_take(reading, pattern, "minute")), 0, 59, "minute")


def _read_second(reading: _Reading, pattern: re.Pattern[str]) -> None:
    reading.second = _ranged(int(_take(reading, pattern, "second")), 0, 59, "second")
    match = _FRACTION.match(reading.rest)
    if match is not None and reading.next_element[:1] not in {".", ","}:
        reading.nanosecond = _nanoseconds(match[1])
        reading.rest = reading.rest[match.end() :]


def _nanoseconds(digits: str) -> int:
    return int(digits[:_NANO_DIGITS].ljust(_NANO_DIGITS, "0"))


def _half_day_reader(morning: str, afternoon: str) -> Callable[[_Reading], None]:
    def read(reading: _Reading) -> None:
        half = reading.rest[:2]
        if half not in {morning, afternoon}:
            raise LayoutError("no half of the day where the layout has one")
        # Either mark stays once it was seen; afternoon wins, as in Go.
        reading.afternoon = half == afternoon or reading.afternoon is True
        reading.rest = reading.rest[2:]

    return read


def _read_zone_name(reading: _Reading) -> None:
    if reading.rest.startswith("UTC"):
        reading.utc = True
        reading.rest = reading.rest[3:]
        return
    length = _zone_name_length(reading.rest)
    if not length:
        raise LayoutError("no zone where the layout has one")
    reading.zone_name, reading.rest = reading.rest[:length], reading.rest[length:]


def _zone_name_length(text: str) -> int:
    match = _ZONE_NAME.match(text) if len(text) > 2 else None  # noqa: PLR2004  # the shortest abbreviation is longer
    if match is None:
        return 0
    name = match[0]
    if name[0] in "+-":
        return len(name) if _is_zone_hours(name) else 0
    if name.startswith("GMT"):
        return len(name) if _is_zone_hours(name[3:]) else 3
    # Four and five letters are a zone only if they end in T.
    known = not name.isupper() or name == "WITA" or len(name) == 3  # noqa: PLR2004
    return len(name) if known or (len(name) in {4, 5} and name[-1] == "T") else 0


def _is_zone_hours(text: str) -> bool:
    digits = text[1:].lstrip("0") or "0"
    return len(digits) <= 2 and int(digits) <= _MAX_ZONE_HOURS if text else False  # noqa: PLR2004


def _read_fraction(reading: _Reading, element: str) -> None:
    match = _FRACTION.match(reading.rest)
    if element[1] == "0":
        # Go looks at nine characters only, takes a sign among them, and skips as many as the layout has.
        digits = reading.rest[1 : len(element)]
        shown = _SIGNED.fullmatch(digits[:_NANO_DIGITS])
        if reading.rest[:1] not in {".", ","} or len(digits) < len(element) - 1 or shown is None:
            raise LayoutError("no fraction where the layout has one")
        scale = 10 ** max(_NANO_DIGITS - len(digits), 0)
        reading.nanosecond = _ranged(int(shown[0] if shown[1] else "0") * scale, 0, 10**9, "fraction")
        reading.rest = reading.rest[len(element) :]
    elif match is not None:
        reading.nanosecond, reading.rest = _nanoseconds(match[1]), reading.rest[match.end() :]


_OFFSETS: Final = {
    "07": re.compile(r"(.)([0-9]{2})()()", re.DOTALL),
    "0700": re.compile(r"(.)([0-9]{2})([0-9]{2})()", re.DOTALL),
    "07:00": re.compile(r"(.)([0-9]{2}):([0-9]{2})()", re.DOTALL),
    "070000": re.compile(r"(.)([0-9]{2})([0-9]{2})([0-9]{2})", re.DOTALL),
    "07:00:00": re.compile(r"(.)([0-9]{2}):([0-9]{2}):([0-9]{2})", re.DOTALL),
}


def _read_offset(reading: _Reading, element: str) -> None:
    if element[0] == "Z" and reading.rest.startswith("Z"):
        reading.utc = True
        reading.rest = reading.rest[1:]
        return
    match = _OFFSETS[element[1:]].match(reading.rest)
    if match is None or match[1] not in {"+", "-"}:
        raise LayoutError("no offset where the layout has one")
    hours, minutes, seconds = (int(match[group] or "0") for group in (2, 3, 4))
    _ranged(hours, 0, 24, "zone offset hour")
    _ranged(minutes, 0, 60, "zone offset minute")
    _ranged(seconds, 0, 60, "zone offset second")
    total = (hours * 60 + minutes) * 60 + seconds
    reading.offset = -total if match[1] == "-" else total
    reading.rest = reading.rest[match.end() :]


_READERS: Final[dict[str, Callable[[_Reading], None]]] = {
    "06": _read_short_year,
    "2006": _read_long_year,
    "1": lambda r: _read_month(r, _ONE_OR_TWO),
    "01": lambda r: _read_month(r, _TWO),
    "Jan": _name_reader(MONTHS, 3, month=True),
    "January": _name_reader(MONTHS, None, month=True),
    "Mon": _name_reader(WEEKDAYS, 3, month=False),
    "Monday": _name_reader(WEEKDAYS, None, month=False),
    "2": _read_day,
    "_2": lambda r: _read_day(r, blank=True),
    "02": lambda r: _read_day(r, _TWO),
    "__2": lambda r: _read_year_day(r, blank=True),
    "002": lambda r: _read_year_day(r, blank=False),
    "15": _read_hour,
    "3": lambda r: _read_hour12(r, _ONE_OR_TWO),
    "03": lambda r: _read_hour12(r, _TWO),
    "4": lambda r: _read_minute(r, _ONE_OR_TWO),
    "04": lambda r: _read_minute(r, _TWO),
    "5": lambda r: _read_second(r, _ONE_OR_TWO),
    "05": lambda r: _read_second(r, _TWO),
    "PM": _half_day_reader("AM", "PM"),
    "pm": _half_day_reader("am", "pm"),
    "MST": _read_zone_name,
}


def _finish(reading: _Reading, location: Location) -> Time:
    hour = reading.hour
    if reading.afternoon and hour < 12:  # noqa: PLR2004
        hour += 12
    elif reading.afternoon is False and hour == 12:  # noqa: PLR2004
        hour = 0
    date = _finish_date(reading)
    clock = (hour, reading.minute, reading.second)
    if reading.utc:
        return make_time(date, clock, reading.nanosecond, UTC)
    if reading.offset is not None:
        moment = make_time(date, clock, reading.nanosecond, UTC).add(-reading.offset * 10**9)
        if location.lookup(moment.seconds) == (reading.zone_name or location.lookup(moment.seconds)[0], reading.offset):
            return moment.at(location)
        return moment.at(Location(reading.zone_name, reading.offset))
    if reading.zone_name:
        offset = 0
        if len(reading.zone_name) > 3 and reading.zone_name.startswith("GMT"):  # noqa: PLR2004
            offset = int(reading.zone_name[3:]) * 3600
        # The time stays as read: of an unknown zone Go takes the offset only to show it.
        return make_time(date, clock, reading.nanosecond, UTC).at(Location(reading.zone_name, offset))
    return make_time(date, clock, reading.nanosecond, location)


def _finish_date(reading: _Reading) -> tuple[int, int, int]:
    year, month, day = reading.year, reading.month, reading.day
    if reading.year_day >= 0:
        if not 1 <= reading.year_day <= 365 + is_leap(year):
            raise LayoutError("day of the year out of range")
        start = days_from_civil(year, 1, 1)
        found = next(m for m in range(12, 0, -1) if days_from_civil(year, m, 1) - start < reading.year_day)
        found_day = reading.year_day - (days_from_civil(year, found, 1) - start)
        if (month >= 0 and month != found) or (day >= 0 and day != found_day):
            raise LayoutError("day of the year does not match month and day")
        month, day = found, found_day
    month = 1 if month < 0 else month
    day = 1 if day < 0 else day
    _ranged(day, 1, days_in_month(year, month), "day")
    return year, month, day
