"""RC2 decryption (RFC 2268) in CBC mode: old PKCS#12 files hold their certificates in it, and no library has 40 bits.

Only reads; nothing is ever encrypted with it.
"""

from __future__ import annotations

import struct
from typing import Final

BLOCK_SIZE: Final = 8
"""Bytes."""

# The digits of pi, as the RFC lists them.
_PI: Final = bytes.fromhex(
    "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2179a59f587b34f1361456d8d09817d32"
    "bd8f40eb86b77b0bf09521225c6b4e82"
    "54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626"
    "6fbf0eda4669075727f21d9bbc944303"
    "f811c7f690ef3ee706c3d52fc8661ed7"
    "08e8eade8052eef784aa72ac354d6a2a"
    "961ad2715a1549744b9fd05e0418a4ec"
    "c2e0416e0f51cbcc2491af50a1f47039"
    "997c3a8523b8b47afc02365b25559731"
    "2d5dfa98e38a92ae05df2910676cbac9"
    "d300e6cfe19ea82c6316013f58e289a9"
    "0d38341bab33ffb0bb480c5fb9b1cd2e"
    "c5f3db47e5a59c770aa62068fe7fc1ad"
)
_SHIFTS: Final = (1, 2, 3, 5)
_MIXING_ROUNDS: Final = (range(15, 10, -1), range(10, 4, -1), range(4, -1, -1))


def _expand(key: bytes, bits: int) -> tuple[int, ...]:
    expanded = bytearray(key)
    for index in range(len(key), 128):
        expanded.append(_PI[(expanded[index - 1] + expanded[index - len(key)]) & 0xFF])
    size = (bits + 7) // 8
    expanded[128 - size] = _PI[expanded[128 - size] & (0xFF >> (8 * size - bits))]
    for index in range(127 - size, -1, -1):
        expanded[index] = _PI[expanded[index + 1] ^ expanded[index + size]]
    return struct.unpack("<64H", expanded)


def _decrypt_block(block: bytes, keys: tuple[int, ...]) -> bytes:
    words = list(struct.unpack("<4H", block))
    for number, rounds in enumerate(_MIXING_ROUNDS):
        if number:
            for index in range(3, -1, -1):
                words[index] = (words[index] - keys[words[index - 1] & 63]) & 0xFFFF
        for mixing in rounds:
            for index in range(3, -1, -1):
                shift, word = _SHIFTS[index], words[index]
                word = (word >> shift | word << (16 - shift)) & 0xFFFF
                previous = words[index - 1]
                mixed = keys[4 * mixing + index] + (previous & words[index - 2]) + (~previous & words[index - 3])
                words[index] = (word - mixed) & 0xFFFF
    return struct.pack("<4H", *words)


def decrypt_cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
    """The plain data with its padding; the key's length is the effective one, the data a multiple of the block."""
    keys = _expand(key, len(key) * 8)
    out: list[bytes] = []
    previous = iv
    for start in range(0, len(data), BLOCK_SIZE):
        block = data[start : start + BLOCK_SIZE]
        plain = _decrypt_block(block, keys)
        out.append(bytes(one ^ other for one, other in zip(plain, previous, strict=True)))
        previous = block
    return b"".join(out)
