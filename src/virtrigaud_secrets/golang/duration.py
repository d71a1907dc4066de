"""Go's `time.ParseDuration` and `Duration.String`, in whole nanoseconds.

Only text and numbers; what a duration paces is decided elsewhere.
"""

from __future__ import annotations

import re
from typing import Final

from virtrigaud_secrets.errors import SecretsError

MICROSECOND: Final = 1_000
"""Nanoseconds."""
MILLISECOND: Final = 1_000_000
"""Nanoseconds."""
SECOND: Final = 1_000_000_000
"""Nanoseconds."""
MINUTE: Final = 60 * SECOND
"""Nanoseconds."""
HOUR: Final = 60 * MINUTE
"""Nanoseconds."""

_UNITS: Final = {
    "ns": 1,
    "us": MICROSECOND,
    "\u00b5s": MICROSECOND,  # micro sign
    "\u03bcs": MICROSECOND,  # Greek letter mu
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
}
_PART: Final = re.compile(r"([0-9]*)(\.?)([0-9]*)([^.0-9]*)")
_LIMIT: Final = 1 << 63


class DurationError(SecretsError, ValueError):
    """The text is no duration. The message is Go's and shows the text: durations are no secrets."""

    code = "duration"


def parse_duration(text: str) -> int:
    """The nanoseconds of a text such as `1h30m`, `-1.5s`, `300ms` or `0`.

    Raises:
        DurationError: no number, no unit, a unit Go does not know (`1d`), or more than 292 years.
    """
    body = text[1:] if text[:1] in {"-", "+"} else text
    if body == "0":
        return 0
    if not body:
        raise _invalid(text)
    total = at = 0
    while at < len(body):
        part = _PART.match(body, at)
        if part is None or not (part[1] or part[3]):
            raise _invalid(text)
        at = part.end()
        total += _part_nanoseconds(part, text)
        if total > _LIMIT:
            raise _invalid(text)
    if text[0] == "-":
        return -total
    if total == _LIMIT:
        raise _invalid(text)
    return total


def _part_nanoseconds(part: re.Match[str], text: str) -> int:
    whole, _, fraction, name = part.groups()
    # Go counts the digits before it looks at the unit.
    number = _bounded_int(whole)
    if number is None:
        raise _invalid(text)
    if not name:
        raise DurationError(f"time: missing unit in duration {_quoted(text)}")
    unit = _UNITS.get(name)
    if unit is None:
        raise DurationError(f"time: unknown unit {_quoted(name)} in duration {_quoted(text)}")
    if number > _LIMIT // unit:
        raise _invalid(text)
    digits, scale = _leading_fraction(fraction)
    # In floats, as Go does it: 0.000000000000001h is a rounding matter.
    return number * unit + (int(float(digits) * (float(unit) / scale)) if digits else 0)


def _bounded_int(digits: str) -> int | None:
    digits = digits.lstrip("0")
    if len(digits) > len(str(_LIMIT)):
        return None
    number = int(digits or "0")
    return number if number <= _LIMIT else None


def _leading_fraction(fraction: str) -> tuple[int, float]:
    digits, scale = 0, 1.0
    for figure in fraction:
        longer = digits * 10 + int(figure)
        if digits > (_LIMIT - 1) // 10 or longer > _LIMIT:
            break
        digits, scale = longer, scale * 10
    return digits, scale


def format_duration(nanoseconds: int) -> str:
    """The text Go prints: `1h30m0s`, `1.5s`, `300ms`, `0s`."""
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if rest < SECOND:
        for unit, name in ((MILLISECOND, "ms"), (MICROSECOND, "\u00b5s"), (1, "ns")):
            if rest >= unit:
                return f"{sign}{_decimal(rest, unit)}{name}"
        return "0s"
    minutes, seconds = divmod(rest, MINUTE)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(seconds, SECOND)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    if hours:
        text = f"{hours}h{text}"
    return sign + text


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    if not fraction:
        return str(whole)
    return f"{whole}.{str(fraction).zfill(len(str(unit)) - 1).rstrip('0')}"


def _invalid(text: str) -> DurationError:
    return DurationError(f"time: invalid duration {_quoted(text)}")


def _quoted(text: str) -> str:
    out: list[str] = []
    for byte in _bytes(text):
        character = chr(byte)
        if byte < ord(" ") or byte >= 0x80:  # noqa: PLR2004  # past ASCII
            out.append(f"\\x{byte:02x}")
        else:
            out.append(f"\\{character}" if character in '"\\' else character)
    return f'"{"".join(out)}"'


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
