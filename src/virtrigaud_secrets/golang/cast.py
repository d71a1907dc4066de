"""Numbers from any value, as Go's `spf13/cast` makes them: what has no number is 0, never an error.

Reading number literals is `golang.strconv`; adding them up is the template functions' business.
"""

from __future__ import annotations

import math
import re
from typing import Final

from virtrigaud_secrets.golang.reflect import MAX_INT, MIN_INT, wrap_int
from virtrigaud_secrets.golang.strconv import NumberError, parse_float, parse_int

_DECIMAL: Final = re.compile(r"([-+]?[0-9]*)(\.[0-9]*)?")


def to_int(value: object) -> int:
    """`cast.ToInt`: bits of larger unsigned numbers are taken as they are, fractions are cut."""
    if isinstance(value, int):  # bool, and integers of every width
        return wrap_int(int(value))
    if isinstance(value, float):
        return float_to_int(value)
    if isinstance(value, str):
        return _read_int(value)
    return 0


def float_to_int(number: float) -> int:
    """Go's `int64(number)` on amd64: what does not fit is the smallest integer."""
    if math.isnan(number) or math.isinf(number):
        return MIN_INT
    whole = int(number)
    return whole if MIN_INT <= whole <= MAX_INT else MIN_INT


def to_float(value: object) -> float:
    """`cast.ToFloat64`."""
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str) and value:
        try:
            return parse_float(value)
        except NumberError:
            return 0.0
    return 0.0


def _read_int(text: str) -> int:
    if "." in text:
        match = _DECIMAL.fullmatch(text)
        if match is not None:
            text = match[1] if match[1].strip("+-") else f"{match[1]}0"
    try:
        return parse_int(text, 0) if text else 0
    except NumberError:
        return 0
