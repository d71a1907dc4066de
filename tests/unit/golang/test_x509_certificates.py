from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519

from virtrigaud_secrets.golang import asn1
from virtrigaud_secrets.golang.x509_certificates import (
    Certificate,
    CertificateError,
    Template,
    create_certificate,
    order_chain,
    parse_certificate,
)

START = datetime(2024, 1, 1, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def template(name: str = "x", **changes: object) -> Template:
    values: dict[str, object] = {"common_name": name, "not_before": START, "not_after": START + timedelta(days=1)}
    return Template(**(values | changes))  # type: ignore[arg-type]  # a test's shorthand


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 2048),
        *(ec.generate_private_key(curve) for curve in (ec.SECP224R1(), ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=lambda key: getattr(getattr(key, "curve", key), "name", type(key).__name__),
)
def test_every_kind_of_key_signs(key: ec.EllipticCurvePrivateKey) -> None:
    data = create_certificate(template(is_ca=True, dns_names=["a.example"], addresses=[bytes(4)]), key)
    loaded = x509.load_der_x509_certificate(data)
    loaded.verify_directly_issued_by(loaded)
    parsed = parse_certificate(data)
    assert parsed.alternative_names == ("a.example", "0.0.0.0")  # noqa: S104 - an address in a certificate
    assert len(parsed.subject_key_id or b"") == 20
    assert parsed.authority_key_id is None
    assert parsed.load() == loaded


def test_a_parent_signs() -> None:
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = parse_certificate(create_certificate(template("ca", is_ca=True), authority_key))
    leaf = parse_certificate(create_certificate(template("leaf"), KEY, parent=authority, signer=authority_key))
    leaf.load().verify_directly_issued_by(authority.load())
    assert leaf.authority_key_id == authority.subject_key_id
    assert leaf.subject_key_id is None
    namesake = parse_certificate(create_certificate(template("ca"), KEY, parent=authority, signer=authority_key))
    assert namesake.authority_key_id is None
    with pytest.raises(CertificateError, match="doesn't match"):
        create_certificate(template("leaf"), KEY, parent=authority, signer=KEY)


@pytest.mark.parametrize(
    ("name", "tag"), [("plain name", asn1.PRINTABLE_STRING), ("*", asn1.UTF8_STRING), ("é", asn1.UTF8_STRING)]
)
def test_names_take_the_narrowest_kind_of_text(name: str, tag: int) -> None:
    subject = parse_certificate(create_certificate(template(name), KEY)).subject
    attribute = asn1.parse(subject).children()[0].children()[0].children()
    assert attribute[1].tag == tag
    assert attribute[1].content.decode() == name


@pytest.mark.parametrize("year", [1900, 1950, 2049, 2050, 9999])
def test_years_take_the_form_they_need(year: int) -> None:
    moment = datetime(year, 6, 1, tzinfo=UTC)
    data = create_certificate(template(not_before=moment, not_after=moment), KEY)
    assert x509.load_der_x509_certificate(data).not_valid_after_utc == moment


@pytest.mark.parametrize("changes", [{"name": "\udcff"}, {"dns_names": ["é"]}])
def test_what_cannot_be_written_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(CertificateError):
        create_certificate(template(**changes), KEY)  # type: ignore[arg-type]  # a test's shorthand


def test_keys_that_cannot_sign_are_refused() -> None:
    with pytest.raises(CertificateError):
        create_certificate(template(), x25519.X25519PrivateKey.generate())
    authority = parse_certificate(create_certificate(template("ca"), KEY))
    with pytest.raises(CertificateError):
        create_certificate(template(), x25519.X25519PrivateKey.generate(), parent=authority, signer=KEY)


def with_extension(value: bytes, identifier: str = "2.5.29.17") -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(START)
        .add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(identifier), value), critical=False)
    )
    from cryptography.hazmat.primitives import hashes, serialization

    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def names(*elements: bytes) -> bytes:
    return with_extension(asn1.encode(asn1.SEQUENCE, *elements))


def test_names_are_grouped_and_mapped_addresses_are_short() -> None:
    data = names(
        asn1.encode(0x86, b"http://a.example/p%20q"),
        asn1.encode(0x81, b"m@a.example"),
        asn1.encode(0x87, bytes(10) + b"\xff\xff\x01\x02\x03\x04"),
        asn1.encode(0x82, b"a.example"),
        asn1.encode(0x86, b"urn:x:y"),
        asn1.encode(0x88, b"\x2a\x03"),
    )
    assert parse_certificate(data).alternative_names == (
        "a.example", "1.2.3.4", "m@a.example", "http://a.example/p%20q", "urn:x:y",
    )  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk",
        names(asn1.encode(0x82, b"\xff")),
        names(asn1.encode(0x86, b"http://a..b/")),
        names(asn1.encode(0x86, b"http://h:port/")),
        names(asn1.encode(0x87, bytes(5))),
        with_extension(b"junk"),
        with_extension(b"junk", "2.5.29.14"),
        with_extension(b"junk", "2.5.29.35"),
        with_extension(b"junk", "2.5.29.19"),
        create_certificate(template(), KEY) + b"\0",
    ],
)
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(CertificateError):
        parse_certificate(data)


def test_certificates_that_contradict_themselves_are_refused() -> None:
    data = create_certificate(template(), KEY)
    body, algorithm, signature = asn1.parse(data).children()
    other = asn1.encode(asn1.SEQUENCE, asn1.encode_identifier("1.3.101.112"))
    with pytest.raises(CertificateError, match="don't match"):
        parse_certificate(asn1.encode(asn1.SEQUENCE, body.encoding, other, signature.encoding))
    fields = [field.encoding for field in body.children()]
    fields[1] = asn1.encode_integer(-5)
    negative = asn1.encode(asn1.SEQUENCE, *fields)
    with pytest.raises(CertificateError, match="negative"):
        parse_certificate(asn1.encode(asn1.SEQUENCE, negative, algorithm.encoding, signature.encoding))


def node(name: str, parent: str | None) -> Certificate:
    return Certificate(name.encode(), b"", name.encode(), None if parent is None else parent.encode())


@pytest.mark.parametrize(
    ("given", "ordered"),
    [
        (["c>b", "a>a", "b>a"], "cba"),
        (["a"], "a"),
        (["b>a"], "b"),
        ([], None),
        (["b>a", "c>a", "a"], None),
        (["a>b", "b>a"], None),
        (["c>a", "a>b", "b>a"], None),
    ],
)
def test_chains_are_put_in_order(given: list[str], ordered: str | None) -> None:
    certificates = [node(text[0], text[2:] or None) for text in given]
    chain = order_chain(certificates)
    assert (chain and b"".join(certificate.raw for certificate in chain).decode()) == ordered


def test_certificates_show_in_no_repr() -> None:
    assert "planted" not in repr(Certificate(b"planted", b"planted"))
