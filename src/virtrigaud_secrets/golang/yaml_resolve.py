"""What a plain YAML scalar means to Kubernetes: the rules of sigs.k8s.io/yaml, which are YAML 1.1's with exceptions.

Scalars only; documents are composed elsewhere.
"""

from __future__ import annotations

import math
import re
from types import MappingProxyType
from typing import Final

Scalar = str | int | float | bool | None
"""What a scalar can become; dates stay text."""

MAX_NUMBER: Final = 1_000
"""Digits of a number: Python converts no more than 4,300 in one go, and no field of a manifest has use for them."""

_WORDS: Final = MappingProxyType(
    dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], True)
    | dict.fromkeys(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], False)
    | dict.fromkeys(["", "~", "null", "Null", "NULL"])
    | dict.fromkeys([".nan", ".NaN", ".NAN"], math.nan)
    | dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], math.inf)
    | dict.fromkeys(["-.inf", "-.Inf", "-.INF"], -math.inf)
)
_NUMERIC: Final = frozenset("+-.0123456789")
_DECIMAL: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_OCTAL: Final = re.compile(r"([-+]?)0[oO]?([0-7]+)")
_PREFIXED: Final = re.compile(r"[-+]?0([xX][0-9a-fA-F]+|[bB][01]+)")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_EXPONENT_OF_KEY: Final = 21


def resolve_plain(text: str) -> Scalar:  # noqa: PLR0911  # one return for each form of a number
    """The value of a scalar written without quotes.

    `yes`, `on` and `y` are true; `0600` and `0o600` are octal; `1_000` is a number; there is no base 60; dates and all
    else are text.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC or len(text) > MAX_NUMBER:
        return text
    # Go takes a leading dot to its float parser, which knows no underscores.
    digits = text if text[0] == "." else text.replace("_", "")
    if _DECIMAL.fullmatch(digits):
        return int(digits)
    if octal := _OCTAL.fullmatch(digits):
        return int(octal[1] + octal[2], 8)
    if _PREFIXED.fullmatch(digits):
        return int(digits, 0)
    if _FLOAT.fullmatch(digits):
        number = float(digits)
        # Go's parser calls a number that does not fit an error, and the text stays.
        return number if math.isfinite(number) else text
    return text


def key_text(value: Scalar) -> str | None:
    """The text that a mapping's key becomes, None where it cannot be one: JSON has no other keys."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _float_key(value)
        case None:
            return None


def _float_key(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value.is_integer() and abs(value) < 10**_EXPONENT_OF_KEY:
        return str(int(value))
    return repr(value)
