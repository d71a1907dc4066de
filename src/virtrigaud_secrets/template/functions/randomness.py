"""Sprig's random texts and numbers, all from the system's source for secrets."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from typing import Final

from virtrigaud_secrets.golang import base64
from virtrigaud_secrets.golang.reflect import INT, STRING, wrap_int
from virtrigaud_secrets.golang.strings import runes
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

_PRINTABLE: Final = "".join(map(chr, range(0x20, 0x7F)))


def _check(context: Context, count: int) -> None:
    limit = context.limits.random_size
    if count > limit:
        raise FunctionError(f"more than {limit} random characters")
    context.spend(max(count, 0) // 64)


def _from(alphabet: str) -> Callable[[Context, int], str]:
    def pick(context: Context, count: int) -> str:
        _check(context, count)
        return "".join(secrets.choice(alphabet) for _ in range(count))

    return pick


def _bytes(context: Context, count: int) -> str:
    if count < 0:
        raise FunctionError("runtime error: makeslice: len out of range")
    _check(context, count)
    return base64.encode(secrets.token_bytes(count))


def _int(low: int, high: int) -> int:
    width = wrap_int(high - low)
    if width <= 0:
        raise FunctionError("invalid argument to Intn")
    return wrap_int(low + secrets.randbelow(width))


def _shuffle(context: Context, text: str) -> str:
    characters = list(runes(text))
    context.check_items(len(characters))
    for last in range(len(characters) - 1, 0, -1):
        other = secrets.randbelow(last + 1)
        characters[last], characters[other] = characters[other], characters[last]
    return "".join(characters)


def _uuid() -> str:
    data = bytearray(secrets.token_bytes(16))
    data[6] = data[6] & 0x0F | 0x40  # version 4
    data[8] = data[8] & 0x3F | 0x80  # variant of RFC 9562
    text = data.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


FUNCTIONS: Final = table(
    Function("randAlpha", _from(string.ascii_letters), (INT,), STRING, context=True),
    Function("randNumeric", _from(string.digits), (INT,), STRING, context=True),
    Function("randAlphaNum", _from(string.ascii_letters + string.digits), (INT,), STRING, context=True),
    Function("randAscii", _from(_PRINTABLE), (INT,), STRING, context=True),
    Function("randBytes", _bytes, (INT,), STRING, context=True),
    Function("randInt", _int, (INT, INT), INT),
    Function("shuffle", _shuffle, (STRING,), STRING, context=True),
    Function("uuidv4", _uuid, (), STRING),
)
"""Randomness."""
