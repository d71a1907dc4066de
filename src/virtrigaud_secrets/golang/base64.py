"""Go's `encoding/base64`, standard and URL alphabet with padding.

Decides which texts decode and what the error says. Trying one alphabet after the other (`decodingStrategy: Auto`) is
the resolver's matter.
"""

from __future__ import annotations

from typing import Final

import pybase64

from virtrigaud_secrets.errors import DecodingError

_FROM_URL: Final = bytes.maketrans(b"-_+/", b"+/~~")  # what is not in the alphabet must not become part of it
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_COMMON: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_ALPHABET: Final = {False: frozenset(_COMMON + b"+/"), True: frozenset(_COMMON + b"-_")}
_QUANTUM: Final = 4


class Base64Error(DecodingError):
    """The text is not base64. `offset` is the byte where it ceases to be."""

    code = "base64"

    def __init__(self, offset: int) -> None:
        super().__init__(f"illegal base64 data at input byte {offset}")
        self.offset = offset
        """Where, in bytes from 0, line breaks included."""


def encode(data: bytes, *, url: bool = False) -> str:
    """The data as padded base64 without line breaks."""
    text = pybase64.b64encode(data)
    return (text.translate(_TO_URL) if url else text).decode("ascii")


def decode(text: str | bytes, *, url: bool = False) -> bytes:
    """The data of a padded base64 text; CR and LF are skipped, other blanks are not, spare bits may be anything.

    Raises:
        Base64Error: with Go's wording.
    """
    if not url:
        found = _decode_packed(text)
        if found is not None:
            return found
    source = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
    packed = source.translate(None, b"\r\n")
    found = _decode_packed(packed.translate(_FROM_URL) if url else packed)
    if found is None:
        raise Base64Error(_corrupt_offset(source, _ALPHABET[url]))
    return found


def _decode_packed(packed: str | bytes) -> bytes | None:
    """The data of a text in the standard alphabet without line breaks; `None` if it is not one."""
    if len(packed) % _QUANTUM or packed[-3:] in {"===", b"==="}:
        return None
    # With the padding in order, validation refuses just what is outside of the alphabet.
    try:
        return pybase64.b64decode(packed, validate=True)
    except ValueError:
        return None


def _corrupt_offset(source: bytes, alphabet: frozenset[int]) -> int:
    """Where Go reports the fault: not always where one would look for it."""
    taken = 0
    for at, byte in enumerate(source):
        if byte in alphabet:
            taken = (taken + 1) % _QUANTUM
        elif byte == ord("="):
            return _padding_offset(source, at, taken)
        elif byte not in b"\r\n":
            return at
    return len(source) - taken


def _padding_offset(source: bytes, at: int, taken: int) -> int:
    if taken < 2:  # noqa: PLR2004  # a quantum holds at least two letters
        return at
    after = _skip_newlines(source, at + 1)
    if taken == _QUANTUM - 1:
        return after
    if after == len(source):
        return after
    if source[after] != ord("="):
        return after - 1
    return _skip_newlines(source, after + 1)


def _skip_newlines(source: bytes, at: int) -> int:
    while at < len(source) and source[at] in b"\r\n":
        at += 1
    return at
