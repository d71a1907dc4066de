"""Strings and public keys in SSH's binary form (RFC 4251 §5, RFC 4253 §6.6). No judgement."""

from __future__ import annotations

import base64
import binascii
from typing import Final

_LENGTH_BYTES: Final = 4


def string(data: bytes) -> bytes:
    """`data` with its length in front."""
    return len(data).to_bytes(_LENGTH_BYTES) + data


def mpint(number: int) -> bytes:
    """A positive number as a string, with room for the sign."""
    return string(number.to_bytes(number.bit_length() // 8 + 1))


def read_string(data: bytes) -> tuple[bytes, bytes]:
    """The string at the beginning of `data`, and what follows; both empty where there is no whole one."""
    end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES])
    if len(data) < _LENGTH_BYTES or len(data) < end:
        return b"", b""
    return data[_LENGTH_BYTES:end], data[end:]


def key_blob(algorithm: bytes, encoded: bytes) -> bytes | None:
    """The public key in a line `algorithm base64`; None unless the base64 part names that algorithm itself."""
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    named, rest = read_string(blob)
    return blob if named == algorithm and rest else None
