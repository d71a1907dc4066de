"""The little of ASN.1's DER that PKCS#12 files and Go's certificates need: elements, integers, identifiers.

Knows no structure of any format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
IDENTIFIER: Final = 0x06
UTF8_STRING: Final = 0x0C
PRINTABLE_STRING: Final = 0x13
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
BMP_STRING: Final = 0x1E
SEQUENCE: Final = 0x30
SET: Final = 0x31
EXPLICIT_0: Final = 0xA0
IMPLICIT_0: Final = 0x80

_LONG_FORM: Final = 0x80
_MULTI_BYTE_TAG: Final = 0x1F
_MAX_LENGTH_BYTES: Final = 4


class ASN1Error(ValueError):
    """The data is not DER, or not of the structure asked for."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag byte, what is in it, and its whole encoding."""

    tag: int
    content: bytes
    encoding: bytes

    def expect(self, tag: int) -> Element:
        """The element itself if it has that tag.

        Raises:
            ASN1Error: it has another.
        """
        if self.tag != tag:
            raise ASN1Error("unexpected element")
        return self

    def children(self) -> list[Element]:
        """The elements inside.

        Raises:
            ASN1Error: the content is no series of elements.
        """
        found: list[Element] = []
        rest = self.content
        while rest:
            element, rest = split(rest)
            found.append(element)
        return found

    def fields(self, least: int) -> list[Element]:
        """The elements of a sequence with at least so many.

        Raises:
            ASN1Error: it is no sequence, or has fewer.
        """
        found = self.expect(SEQUENCE).children()
        if len(found) < least:
            raise ASN1Error("sequence truncated")
        return found

    def integer(self) -> int:
        """The value of an integer.

        Raises:
            ASN1Error: it is none.
        """
        if not self.expect(INTEGER).content:
            raise ASN1Error("empty integer")
        return int.from_bytes(self.content, signed=True)


def split(data: bytes) -> tuple[Element, bytes]:
    """The first element, and what follows it.

    Raises:
        ASN1Error: there is none.
    """
    if len(data) < 2 or data[0] & _MULTI_BYTE_TAG == _MULTI_BYTE_TAG:  # noqa: PLR2004  # tag and length
        raise ASN1Error("truncated element")
    length, start = data[1], 2
    if length == _LONG_FORM:
        raise ASN1Error("indefinite length")
    if length > _LONG_FORM:
        count = length - _LONG_FORM
        start += count
        if count > _MAX_LENGTH_BYTES or len(data) < start or data[2] == 0:
            raise ASN1Error("bad length")
        length = int.from_bytes(data[2:start])
        if length < _LONG_FORM:
            raise ASN1Error("length not minimal")
    end = start + length
    if len(data) < end:
        raise ASN1Error("truncated element")
    return Element(data[0], data[start:end], data[:end]), data[end:]


def parse(data: bytes) -> Element:
    """The element that is all of the data.

    Raises:
        ASN1Error: it is not one element.
    """
    element, rest = split(data)
    if rest:
        raise ASN1Error("trailing data")
    return element


def encode(tag: int, *parts: bytes) -> bytes:
    """An element of these parts."""
    content = b"".join(parts)
    length = len(content)
    if length < _LONG_FORM:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, _LONG_FORM | len(size))) + size + content


def encode_integer(number: int) -> bytes:
    """An integer."""
    return encode(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, signed=True))


def encode_identifier(dotted: str) -> bytes:
    """An object identifier."""
    first, second, *rest = map(int, dotted.split("."))
    data = bytearray()
    for number in (first * 40 + second, *rest):
        octets = [number & 0x7F]
        while number := number >> 7:
            octets.append(number & 0x7F | 0x80)
        data += bytes(reversed(octets))
    return encode(IDENTIFIER, bytes(data))
