from __future__ import annotations

import pytest

from virtrigaud_secrets.golang import asn1
from virtrigaud_secrets.golang.asn1 import ASN1Error


@pytest.mark.parametrize("number", [0, 1, -1, 127, 128, 255, 256, -128, -129, 1 << 200])
def test_integers_there_and_back(number: int) -> None:
    assert asn1.parse(asn1.encode_integer(number)).integer() == number


@pytest.mark.parametrize(
    ("dotted", "encoding"),
    [("1.2.840.113549.1.1.1", "06092a864886f70d010101"), ("2.5.29.14", "0603551d0e"), ("1.3.101.112", "06032b6570")],
)
def test_identifiers(dotted: str, encoding: str) -> None:
    assert asn1.encode_identifier(dotted).hex() == encoding


@pytest.mark.parametrize("size", [0, 127, 128, 255, 256, 70_000])
def test_lengths(size: int) -> None:
    element = asn1.parse(asn1.encode(asn1.OCTET_STRING, bytes(size)))
    assert len(element.content) == size
    assert element.expect(asn1.OCTET_STRING) is element


def test_a_sequence_has_fields() -> None:
    data = asn1.encode(asn1.SEQUENCE, asn1.encode_integer(1), asn1.encode(asn1.NULL))
    assert [field.tag for field in asn1.parse(data).fields(2)] == [asn1.INTEGER, asn1.NULL]
    with pytest.raises(ASN1Error):
        asn1.parse(data).fields(3)
    with pytest.raises(ASN1Error):
        asn1.parse(asn1.encode_integer(5)).fields(0)


@pytest.mark.parametrize(
    "data",
    ["", "02", "0201", "020101ff", "0280", "028100", "02810101", "0285000000000101", "1f0101", "0282000101"],
)
def test_what_is_no_der_is_refused(data: str) -> None:
    with pytest.raises(ASN1Error):
        asn1.parse(bytes.fromhex(data))


def test_an_integer_needs_a_byte_and_its_tag() -> None:
    for data in (b"\x02\x00", b"\x04\x01\x00"):
        with pytest.raises(ASN1Error):
            asn1.parse(data).integer()
