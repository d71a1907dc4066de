"""CRC-32C (Castagnoli), the checksum that Secret Manager sends with each value. No I/O, nothing of Google's."""

from __future__ import annotations

from typing import Final

_POLYNOMIAL: Final = 0x82F63B78
"""Castagnoli's polynomial, its bits in reverse as in every table-driven form."""


def _row(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE: Final = tuple(_row(byte) for byte in range(256))


def crc32c(data: bytes) -> int:
    """The checksum of `data`. A value of Secret Manager has at most 64 KiB, so a table and a loop are fast enough."""
    register = 0xFFFFFFFF
    for byte in data:
        register = (register >> 8) ^ _TABLE[(register ^ byte) & 0xFF]
    return register ^ 0xFFFFFFFF
