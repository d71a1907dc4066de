"""Sprig's dates and durations. The time of `now` is the context's clock; the local zone is UTC."""

from __future__ import annotations

from datetime import UTC as PYTHON_UTC
from datetime import datetime
from typing import Final

from virtrigaud_secrets.golang.duration import HOUR, MINUTE, SECOND, DurationError, format_duration, parse_duration
from virtrigaud_secrets.golang.reflect import ANY, STRING, Int32, Int64, wrap_int
from virtrigaud_secrets.golang.strconv import NumberError, parse_int
from virtrigaud_secrets.golang.time import LOCAL, MAX_DURATION, UTC, ZERO_TIME, Time, load_location
from virtrigaud_secrets.golang.time_layout import LayoutError
from virtrigaud_secrets.template.functions.moments import TIME, GoTime, format_layout, parse_layout
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

LONGEST_DURATION: Final = 256
"""Characters of a duration that is read; Go would add up any number of parts."""
_HTML_LAYOUT: Final = "2006-01-02"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=PYTHON_UTC)
_UNITS: Final = (
    (24 * 365 * HOUR, "y"), (24 * 30 * HOUR, "mo"), (24 * HOUR, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"),
)  # fmt: skip


def _nanoseconds(text: str) -> int:
    """The duration of a text.

    Raises:
        DurationError: it is none, or longer than anybody writes.
    """
    if len(text) > LONGEST_DURATION:
        raise DurationError("time: invalid duration")
    return parse_duration(text)


def _now(context: Context) -> Time:
    elapsed = context.clock.now() - _EPOCH
    return Time(
        elapsed.days * 86_400 + elapsed.seconds,
        elapsed.microseconds * 1000,
        LOCAL,
        monotonic=int(context.clock.elapsed() * SECOND),
    )


def _current(context: Context) -> GoTime:
    return GoTime(_now(context))


def _time_of(context: Context, value: object, integers: tuple[type, ...]) -> Time:
    """The time itself, one counted from 1970, or now for anything else."""
    if isinstance(value, GoTime):
        return value.time
    if type(value) in integers and isinstance(value, int):
        return Time(int(value), 0, LOCAL)
    return _now(context)


def _date_in_zone(context: Context, layout: str, value: object, zone: str) -> str:
    time = _time_of(context, value, (int, Int64, Int32))
    return format_layout(time.at(load_location(zone) or UTC), layout)


def _date(context: Context, layout: str, value: object) -> str:
    return _date_in_zone(context, layout, value, "Local")


def _html_date(context: Context, value: object) -> str:
    return _date_in_zone(context, _HTML_LAYOUT, value, "Local")


def _html_date_in_zone(context: Context, value: object, zone: str) -> str:
    return _date_in_zone(context, _HTML_LAYOUT, value, zone)


def _must_modify(text: str, value: GoTime) -> GoTime:
    try:
        return GoTime(value.time.add(_nanoseconds(text)))
    except DurationError:
        raise FunctionError("time: invalid duration") from None


def _modify(text: str, value: GoTime) -> GoTime:
    try:
        return GoTime(value.time.add(_nanoseconds(text)))
    except DurationError:
        return value


def _must_to_date(layout: str, text: str) -> GoTime:
    try:
        return GoTime(parse_layout(layout, text))
    except LayoutError as error:
        raise FunctionError(f"parsing time: {error}") from None


def _to_date(layout: str, text: str) -> GoTime:
    try:
        return GoTime(parse_layout(layout, text))
    except LayoutError:
        return GoTime(ZERO_TIME)


def _ago(context: Context, value: object) -> str:
    since = _now(context).sub(_time_of(context, value, (int, Int64)))
    sign = -1 if since < 0 else 1
    rounded = sign * ((abs(since) + SECOND // 2) // SECOND * SECOND)
    return format_duration(max(-MAX_DURATION - 1, min(MAX_DURATION, rounded)))


def _duration(value: object) -> str:
    seconds = 0
    if isinstance(value, str):
        try:
            seconds = parse_int(value)
        except NumberError as error:
            seconds = int(error.nearest)
    elif type(value) is Int64:
        seconds = int(value)
    return format_duration(wrap_int(seconds * SECOND))


def _duration_round(context: Context, value: object) -> str:
    nanoseconds = 0
    if isinstance(value, str):
        try:
            nanoseconds = _nanoseconds(value)
        except DurationError:
            nanoseconds = 0
    elif type(value) is Int64:
        nanoseconds = int(value)
    elif isinstance(value, GoTime):
        nanoseconds = _now(context).sub(value.time)
    for unit, name in _UNITS:
        if abs(nanoseconds) > unit:
            return f"{abs(nanoseconds) // unit}{name}"
    return "0s"


def _unix_epoch(value: GoTime) -> str:
    return str(value.time.seconds)


FUNCTIONS: Final = table(
    Function("now", _current, (), TIME, context=True),
    Function("date", _date, (STRING, ANY), STRING, context=True),
    Function("dateInZone", _date_in_zone, (STRING, ANY, STRING), STRING, context=True),
    Function("date_in_zone", _date_in_zone, (STRING, ANY, STRING), STRING, context=True),
    Function("htmlDate", _html_date, (ANY,), STRING, context=True),
    Function("htmlDateInZone", _html_date_in_zone, (ANY, STRING), STRING, context=True),
    Function("dateModify", _modify, (STRING, TIME), TIME),
    Function("date_modify", _modify, (STRING, TIME), TIME),
    Function("mustDateModify", _must_modify, (STRING, TIME), TIME),
    Function("must_date_modify", _must_modify, (STRING, TIME), TIME),
    Function("toDate", _to_date, (STRING, STRING), TIME),
    Function("mustToDate", _must_to_date, (STRING, STRING), TIME),
    Function("ago", _ago, (ANY,), STRING, context=True),
    Function("duration", _duration, (ANY,), STRING),
    Function("durationRound", _duration_round, (ANY,), STRING, context=True),
    Function("unixEpoch", _unix_epoch, (TIME,), STRING),
)
"""Dates."""
