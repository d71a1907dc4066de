"""Names of keys: which a Secret may have, and what becomes of those it may not (ESO §2.2, §2.3)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final, TypeVar

from virtrigaud_secrets.errors import DecodingError

MAX_KEY_LENGTH: Final = 253
"""Bytes in a key of a Kubernetes Secret."""

ValueT = TypeVar("ValueT")

_STOOD_IN: Final = re.compile(r"_U([0-9a-fA-F]{4,5})_")
_SURROGATES: Final = range(0xD800, 0xE000)


def convert_keys(entries: Mapping[str, ValueT], *, strategy: str) -> dict[str, ValueT]:
    """Every key by `conversionStrategy`: Default puts `_`, Unicode puts `_U002f_` for a character no key may have.

    Raises:
        DecodingError: two names become one.
    """
    converted: dict[str, ValueT] = {}
    for name in sorted(entries):
        key = "".join(character if _is_allowed(character) else _stand_in(character, strategy) for character in name)
        if key in converted:
            raise DecodingError(f"secret name collision during conversion: {key}")
        converted[key] = entries[name]
    return converted


def reverse_keys(entries: Mapping[str, ValueT], *, strategy: str) -> dict[str, ValueT]:
    """Every key by a push's `conversionStrategy`: ReverseUnicode turns `_U002f_` back to `/` (ESO §2.3).

    Raises:
        DecodingError: two names become one.
    """
    if strategy != "ReverseUnicode":
        return dict(entries)
    reversed_: dict[str, ValueT] = {}
    for name in sorted(entries):
        key = _STOOD_IN.sub(_character, name)
        if key in reversed_:
            raise DecodingError(f"secret name collision during conversion: {key}")
        reversed_[key] = entries[name]
    return reversed_


def valid_keys(entries: Mapping[str, ValueT]) -> dict[str, ValueT]:
    """The entries whose key is not empty, once all keys are known to be good.

    Raises:
        DecodingError: a key is too long, or has a character that is no letter, number, `-`, `.` or `_`.
    """
    for key in sorted(entries):
        check_key(key)
    return {key: value for key, value in entries.items() if key}


def check_key(key: str, *, shown: str | None = None) -> None:
    """Refuse a key that no Secret may have.

    Args:
        key: the key.
        shown: what an error calls it, for keys that were made of values.

    Raises:
        DecodingError: it is too long, or has a character that is no letter, number, `-`, `.` or `_`.
    """
    name = repr(key[:MAX_KEY_LENGTH]) if shown is None else shown
    if len(key.encode(errors="surrogatepass")) > MAX_KEY_LENGTH:
        raise DecodingError(f"secret key {name} is longer than {MAX_KEY_LENGTH} bytes")
    if not all(_is_allowed(character) for character in key):
        raise DecodingError(f"invalid secret key {name}: only letters, numbers, '-', '.' and '_' are allowed")


def _is_allowed(character: str) -> bool:
    return character in "-._" or unicodedata.category(character)[0] in "LN"


def _character(found: re.Match[str]) -> str:
    number = int(found[1], 16)
    return "\ufffd" if number in _SURROGATES else chr(number)


def _stand_in(character: str, strategy: str) -> str:
    return f"_U{ord(character):04x}_" if strategy == "Unicode" else "_"
