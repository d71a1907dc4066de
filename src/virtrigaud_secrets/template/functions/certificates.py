"""Sprig's keys and certificates, and the `sprig.certificate` they come in.

How certificates are written is `golang.x509_certificates`; taking them apart is `certificate_chains`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from virtrigaud_secrets.golang import asn1, base64, pem
from virtrigaud_secrets.golang.reflect import ANY_SLICE, INT, STRING, GoType, to_bytes, to_string, wrap_int
from virtrigaud_secrets.golang.x509_certificates import (
    CertificateError,
    Template,
    create_certificate,
    parse_certificate,
)
from virtrigaud_secrets.golang.x509_keys import (
    KeyFormatError,
    PrivateKey,
    marshal_pkcs8,
    marshal_traditional,
    parse_pkcs1,
    parse_pkcs8,
    parse_sec1,
)
from virtrigaud_secrets.template.functions.objects import LibraryValue
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

CERTIFICATE: Final = GoType("sprig.certificate", "struct")
RSA_BITS: Final = 2048
"""Of the keys made for certificates, as in sprig."""
PRIVATE_KEY_BITS: Final = 4096
"""Of the keys `genPrivateKey` makes."""
KEY_STEPS: Final = {256: 100, 2048: 20_000, 4096: 100_000}
"""What making a key of so many bits costs of a rendering's steps: seconds for the large ones."""
DSA_STEPS: Final = 200_000
"""What making a DSA key costs."""

_DAY_NANOSECONDS: Final = 24 * 3600 * 10**9
_DSA_FIELDS: Final = 6


class GoCertificate(LibraryValue):
    """`sprig.certificate`: a certificate and its key, both PEM. Neither is in the repr."""

    __slots__ = ("certificate", "key")
    go_type: ClassVar[GoType] = CERTIFICATE

    def __init__(self, certificate: str, key: str) -> None:
        self.certificate = certificate
        self.key = key

    def __eq__(self, other: object) -> bool:
        """Whether both texts are the same."""
        return isinstance(other, GoCertificate) and (self.certificate, self.key) == (other.certificate, other.key)

    def __hash__(self) -> int:
        """Of both texts."""
        return hash((self.certificate, self.key))

    def go_fields(self) -> Mapping[str, object]:
        """`Cert` and `Key`."""
        return {"Cert": self.certificate, "Key": self.key}

    def go_json(self) -> object:
        """Both as an object."""
        return dict(self.go_fields())


@dataclass(frozen=True, slots=True)
class _Unsupported:
    """A DSA key: well formed, but no certificate can be made with it."""


def _parse_key(text: str) -> PrivateKey | _Unsupported:
    block, _ = pem.decode(to_bytes(text))
    if block is None:
        raise FunctionError("no PEM data in input")
    if block.label == "DSA PRIVATE KEY":
        return _parse_dsa(block.data)
    parse = _PARSERS.get(block.label)
    if parse is None:
        raise FunctionError("no private key data in PEM block of this type")
    try:
        return parse(block.data)
    except KeyFormatError:
        raise FunctionError("error parsing private key from PEM") from None


_PARSERS: Final[Mapping[str, Callable[[bytes], PrivateKey]]] = {
    "PRIVATE KEY": parse_pkcs8,
    "RSA PRIVATE KEY": parse_pkcs1,
    "EC PRIVATE KEY": parse_sec1,
}


def _parse_dsa(data: bytes) -> _Unsupported:
    try:
        for number in asn1.split(data)[0].fields(_DSA_FIELDS)[:_DSA_FIELDS]:
            number.integer()
    except asn1.ASN1Error:
        raise FunctionError("parsing DSA private key from PEM") from None
    return _Unsupported()


def _written(label: str, data: bytes) -> str:
    return pem.encode(pem.Block(label, data)) or ""


def _key_pem(key: PrivateKey) -> str:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    if isinstance(key, RSAPrivateKey):
        return _written("RSA PRIVATE KEY", marshal_traditional(key))
    if isinstance(key, EllipticCurvePrivateKey):
        return _written("EC PRIVATE KEY", marshal_traditional(key))
    return _written("PRIVATE KEY", marshal_pkcs8(key))


def _make_rsa(context: Context, bits: int) -> RSAPrivateKey:
    _check_bits(context, bits)
    context.spend(KEY_STEPS[bits])
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(65537, bits)


def _check_bits(context: Context, bits: int) -> None:
    if bits > context.limits.key_bits:
        raise FunctionError(f"keys of more than {context.limits.key_bits} bits are not allowed")


def _make_ec(context: Context) -> EllipticCurvePrivateKey:
    context.spend(KEY_STEPS[256])
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _make_dsa(context: Context) -> str:
    _check_bits(context, RSA_BITS)
    context.spend(DSA_STEPS)
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import dsa

    key = dsa.generate_parameters(RSA_BITS).generate_private_key()
    data = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return _written("DSA PRIVATE KEY", data)


def _generate_private_key(context: Context, kind: str) -> str:
    if kind in {"", "rsa"}:
        return _key_pem(_make_rsa(context, PRIVATE_KEY_BITS))
    if kind == "dsa":
        return _make_dsa(context)
    if kind == "ecdsa":
        return _key_pem(_make_ec(context))
    if kind == "ed25519":
        context.spend(KEY_STEPS[256])
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return _key_pem(Ed25519PrivateKey.generate())
    return f"Unknown type {kind}"


@dataclass(frozen=True, slots=True)
class _Request:
    """Arguments common to all certificates."""

    name: str
    days: int
    addresses: Sequence[object] = ()
    dns_names: Sequence[object] = ()

    def template(self, context: Context, *, is_ca: bool) -> Template:
        """The certificate to make, from now on."""
        addresses = [_address(value) for value in self.addresses]
        names = [_dns_name(value) for value in self.dns_names]
        now = context.clock.now().replace(microsecond=0)
        lifetime = wrap_int(_DAY_NANOSECONDS * self.days)
        try:
            end = now + timedelta(seconds=lifetime // 10**9)
        except OverflowError:
            raise FunctionError("error creating certificate: cannot represent time as GeneralizedTime") from None
        return Template(
            common_name=to_string(to_bytes(self.name)),
            not_before=now,
            not_after=end,
            is_ca=is_ca,
            dns_names=names,
            addresses=addresses,
        )


def _address(value: object) -> bytes:
    from ipaddress import IPv6Address, ip_address

    if not isinstance(value, str):
        raise FunctionError("error parsing ip: a value is not a string")
    try:
        address = ip_address(value)
    except ValueError:
        raise FunctionError("error parsing ip") from None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise FunctionError("error parsing ip")
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped.packed
    return address.packed


def _dns_name(value: object) -> str:
    if not isinstance(value, str):
        raise FunctionError("error processing alternate dns name: a value is not a string")
    return value


def _make(
    context: Context, request: _Request, key: PrivateKey | _Unsupported, *, is_ca: bool = False,
    authority: GoCertificate | None = None,
) -> GoCertificate:  # fmt: skip
    parent, signer = None, key
    if authority is not None:
        block, _ = pem.decode(to_bytes(authority.certificate))
        if block is None:
            raise FunctionError("unable to decode certificate")
        try:
            parent = parse_certificate(block.data)
        except CertificateError:
            raise FunctionError("error parsing certificate") from None
        signer = _parse_key(authority.key)
    template = request.template(context, is_ca=is_ca)
    if isinstance(key, _Unsupported) or isinstance(signer, _Unsupported):
        raise FunctionError("error creating certificate: the private key does not implement crypto.Signer")
    _check_bits(context, getattr(signer, "key_size", 0))
    try:
        data = create_certificate(template, key, parent=parent, signer=signer)
    except CertificateError as error:
        raise FunctionError(f"error creating certificate: {error}") from None
    return GoCertificate(_written("CERTIFICATE", data), _key_pem(key))


def _build_custom(certificate: str, key: str) -> GoCertificate:
    texts: list[str] = []
    for text, what in ((certificate, "certificate"), (key, "private key")):
        try:
            texts.append(to_string(base64.decode(to_bytes(text))))
        except base64.Base64Error:
            raise FunctionError(f"unable to decode base64 {what}") from None
    block, _ = pem.decode(to_bytes(texts[0]))
    if block is None:
        raise FunctionError("unable to decode certificate")
    try:
        parse_certificate(block.data)
    except CertificateError:
        raise FunctionError("error parsing certificate") from None
    _parse_key(texts[1])
    return GoCertificate(texts[0], texts[1])


def _authority(context: Context, name: str, days: int) -> GoCertificate:
    return _make(context, _Request(name, days), _make_rsa(context, RSA_BITS), is_ca=True)


def _authority_with_key(context: Context, name: str, days: int, key: str) -> GoCertificate:
    return _make(context, _Request(name, days), _parse_key(key), is_ca=True)


def _self_signed(context: Context, name: str, addresses: list[object], names: list[object], days: int) -> GoCertificate:
    return _make(context, _Request(name, days, addresses, names), _make_rsa(context, RSA_BITS))


def _self_signed_with_key(
    context: Context, name: str, addresses: list[object], names: list[object], days: int, key: str
) -> GoCertificate:
    return _make(context, _Request(name, days, addresses, names), _parse_key(key))


def _signed(
    context: Context, name: str, addresses: list[object], names: list[object], days: int, authority: GoCertificate
) -> GoCertificate:
    request = _Request(name, days, addresses, names)
    return _make(context, request, _make_rsa(context, RSA_BITS), authority=authority)


def _signed_with_key(  # sprig's own list
    context: Context, name: str, addresses: list[object], names: list[object], days: int, authority: GoCertificate,
    key: str,
) -> GoCertificate:  # fmt: skip
    return _make(context, _Request(name, days, addresses, names), _parse_key(key), authority=authority)


_NAMED: Final = (STRING, ANY_SLICE, ANY_SLICE, INT)
FUNCTIONS: Final = table(
    Function("genPrivateKey", _generate_private_key, (STRING,), STRING, context=True),
    Function("buildCustomCert", _build_custom, (STRING, STRING), CERTIFICATE),
    Function("genCA", _authority, (STRING, INT), CERTIFICATE, context=True),
    Function("genCAWithKey", _authority_with_key, (STRING, INT, STRING), CERTIFICATE, context=True),
    Function("genSelfSignedCert", _self_signed, _NAMED, CERTIFICATE, context=True),
    Function("genSelfSignedCertWithKey", _self_signed_with_key, (*_NAMED, STRING), CERTIFICATE, context=True),
    Function("genSignedCert", _signed, (*_NAMED, CERTIFICATE), CERTIFICATE, context=True),
    Function("genSignedCertWithKey", _signed_with_key, (*_NAMED, CERTIFICATE, STRING), CERTIFICATE, context=True),
)
"""Keys and certificates."""
