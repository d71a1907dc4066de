"""What a plain YAML scalar is to Go's `yaml` v2: null, boolean, number, timestamp or text.

Reading documents is `yaml_reading`, writing them `yaml_writing`.
"""

from __future__ import annotations

import math
import re
from typing import Final, TypeAlias

from virtrigaud_secrets.golang.strconv import NumberError, parse_float, parse_int, parse_uint
from virtrigaud_secrets.golang.time_layout import LayoutError, parse_time

PREFIX: Final = "tag:yaml.org,2002:"
"""Of the long form of the standard tags."""

Scalar: TypeAlias = "str | bool | int | float | None"

_WORDS: Final[dict[str, tuple[str, Scalar]]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), ("bool", True)),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), ("bool", False)),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), ("null", None)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), ("float", math.nan)),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), ("float", math.inf)),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), ("float", -math.inf)),
}
_NUMBER_START: Final = frozenset("+-0123456789")
_YAML_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DATE_START: Final = re.compile(r"[0-9]{4}-")
_DATE_LAYOUTS: Final = (
    "2006-1-2T15:4:5.999999999Z07:00",
    "2006-1-2t15:4:5.999999999Z07:00",
    "2006-1-2 15:4:5.999999999",
    "2006-1-2",
)
_BASE_60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_RESOLVABLE: Final = frozenset({"str", "bool", "int", "float", "null", "timestamp"})


class TagError(ValueError):
    """A scalar is not what its tag says. The message is Go's: it shows the scalar, as Go's result does."""


def resolve(text: str, *, dates: bool = True) -> tuple[str, Scalar]:
    """Short tag and value of an untagged plain scalar. A timestamp's value is its text."""
    word = _WORDS.get(text)
    if word is not None:
        return word
    if text[0] == ".":
        try:
            return "float", parse_float(text)
        except NumberError:
            return "str", text
    if text[0] not in _NUMBER_START:
        return "str", text
    if dates and _is_timestamp(text):
        return "timestamp", text
    return _resolve_number(text)


def _resolve_number(text: str) -> tuple[str, Scalar]:
    plain = text.replace("_", "")
    for parse in (parse_int, parse_uint):
        try:
            return "int", parse(plain, 0)
        except NumberError:
            continue
    if _YAML_FLOAT.fullmatch(plain):
        try:
            return "float", parse_float(plain)
        except NumberError:
            return "str", text
    if plain.startswith("0b"):
        try:
            return "int", parse_int(plain[2:], 2)
        except NumberError:
            return "str", text
    return "str", text


def _is_timestamp(text: str) -> bool:
    if not _DATE_START.match(text):
        return False
    for layout in _DATE_LAYOUTS:
        try:
            parse_time(layout, text)
        except LayoutError:
            continue
        return True
    return False


def resolve_tagged(tag: str, text: str) -> Scalar:
    """Value of a scalar with an explicit tag.

    Raises:
        TagError: the scalar is of another type.
    """
    short = tag.removeprefix(PREFIX)
    if short not in _RESOLVABLE or not tag.startswith(PREFIX) or short == "str":
        return text
    found, value = resolve(text, dates=short == "timestamp")
    if found == short:
        return value
    if short == "float" and found == "int" and isinstance(value, int) and value < 1 << 63:
        return float(value)
    raise TagError(f"cannot decode !!{found} `{text}` as a !!{short}")


def needs_quotes(text: str) -> bool:
    """Whether a plain text would be read as something else."""
    return resolve(text)[0] != "str" or bool(":" in text and _BASE_60.fullmatch(text))
