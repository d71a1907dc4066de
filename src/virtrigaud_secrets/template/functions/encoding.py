"""Sprig's base64, base32 and hexadecimal. Decoding never fails: the error's text is the result, as in sprig."""

from __future__ import annotations

import base64 as python_base64
import re
from typing import Final

from virtrigaud_secrets.golang import base64
from virtrigaud_secrets.golang.reflect import STRING, to_bytes, to_string
from virtrigaud_secrets.template.functions.table import Context, Function, table

_WELL_FORMED: Final = re.compile(rb"(?:[A-Z2-7]{8})*(?:[A-Z2-7]{2}={6}|[A-Z2-7]{4}={4}|[A-Z2-7]{5}={3}|[A-Z2-7]{7}=)?")
_BASE32: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_GROUP: Final = 8
_CHARACTERS_PER_STEP: Final = 32
_PADDED_LENGTHS: Final = frozenset({2, 4, 5, 7})
_HEX: Final = re.compile(rb"(?:[0-9a-fA-F]{2})*")
_NOT_HEX: Final = re.compile(rb"[^0-9a-fA-F]")
_UNPRINTABLE: Final = frozenset((*range(0x20), *range(0x7F, 0xA1), 0xAD))


def _base64_encode(text: str) -> str:
    return base64.encode(to_bytes(text))


def _base64_decode(text: str) -> str:
    try:
        return to_string(base64.decode(text if text.isascii() else to_bytes(text)))
    except base64.Base64Error as error:
        return str(error)


def _base32_encode(context: Context, text: str) -> str:
    context.spend(len(text) // _CHARACTERS_PER_STEP)
    return python_base64.b32encode(to_bytes(text)).decode("ascii")


def _base32_decode(context: Context, text: str) -> str:
    context.spend(len(text) // _CHARACTERS_PER_STEP)
    data = to_bytes(text).translate(None, b"\r\n")
    fault, end = None, len(data)
    if _WELL_FORMED.fullmatch(data) is None:
        fault, end = _base32_end(data)
    if fault is not None:
        return f"illegal base32 data at input byte {fault}"
    return to_string(python_base64.b32decode(data[:end]))


def _base32_end(data: bytes) -> tuple[int | None, int]:
    """The byte that Go refuses, or where the last group ends: what follows the padding is not looked at."""
    for start in range(0, len(data), _GROUP):
        for offset in range(_GROUP):
            at = start + offset
            if at == len(data):
                return start, 0
            if data[at] == ord("=") and offset > 1 and len(data) - at - 1 < _GROUP:
                return _base32_padding(data, at, offset)
            if data[at] not in _BASE32:
                return at, 0
    return None, len(data)


def _base32_padding(data: bytes, at: int, offset: int) -> tuple[int | None, int]:
    end = at + _GROUP - offset
    if end > len(data):
        return len(data), 0
    for position in range(at + 1, end):
        if data[position] != ord("="):
            return position - 1, 0
    return (None, end) if offset in _PADDED_LENGTHS else (at, 0)


def _hex_decode(text: str) -> str:
    data = to_bytes(text)
    if _HEX.fullmatch(data):
        return to_string(bytes.fromhex(data.decode("ascii")))
    wrong = _NOT_HEX.search(data)
    if wrong is None:
        return "encoding/hex: odd length hex string"
    byte = wrong[0][0]
    return f"encoding/hex: invalid byte: U+{byte:04X}" + ("" if byte in _UNPRINTABLE else f" '{chr(byte)}'")


FUNCTIONS: Final = table(
    Function("b64enc", _base64_encode, (STRING,), STRING),
    Function("b64dec", _base64_decode, (STRING,), STRING),
    Function("b32enc", _base32_encode, (STRING,), STRING, context=True),
    Function("b32dec", _base32_decode, (STRING,), STRING, context=True),
    Function("hexdec", _hex_decode, (STRING,), STRING),
)
"""Encodings."""
