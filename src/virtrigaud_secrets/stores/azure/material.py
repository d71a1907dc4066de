"""A pushed value as a vault imports it: a web key, or a certificate with its private key. No I/O.

Reasons are returned, not raised: a traceback may show local variables.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.golang import pem
from virtrigaud_secrets.golang.x509_keys import KeyFormatError, parse_any, parse_pkcs1, parse_pkcs8, parse_sec1
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.assignment import Refusal

if TYPE_CHECKING:
    from azure.keyvault.keys import JsonWebKey

    from virtrigaud_secrets.golang.x509_certificates import Certificate
    from virtrigaud_secrets.golang.x509_keys import PrivateKey

_PEM_KEYS: Final = {"PRIVATE KEY": parse_pkcs8, "RSA PRIVATE KEY": parse_pkcs1, "EC PRIVATE KEY": parse_sec1}
_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_NEEDED: Final = {"RSA": ("n", "e", "d"), "EC": ("crv", "x", "y", "d"), "oct": ("k",)}
_NUMBERS: Final = frozenset({"n", "e", "d", "dp", "dq", "qi", "p", "q", "k", "x", "y"})
_PUBLIC: Final = ("n", "e", "x", "y")
_SEQUENCE: Final = b"\x30"
_NO_CERTIFICATE: Final = "the value is no certificate: neither PKCS#12 with an empty password, nor PEM"
_NO_PRIVATE_KEY: Final = "the certificate lacks its private key: a vault imports both in one PKCS#12 or PEM text"


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """A key that can be imported."""

    kind: str
    """`RSA`, `EC` or `oct`."""
    numbers: Mapping[str, Sensitive] = field(repr=False)
    """Numbers of its web key by the names they have there."""
    curve: str = ""
    """The curve of a key of the kind `EC`."""

    def is_in(self, there: JsonWebKey | None) -> bool:
        """Whether a vault's key is this one. Of a symmetric key a vault tells nothing, so none is."""
        if there is None or self.kind == "oct":
            return False
        kind, curve = _word(getattr(there, "kty", None)).removesuffix("-HSM"), _word(getattr(there, "crv", None))
        if (kind, curve) != (self.kind, self.curve):
            return False
        public = {name: self.numbers[name].reveal() for name in _PUBLIC if name in self.numbers}
        return all(_number(public.get(name)) == _number(getattr(there, name, None)) for name in _PUBLIC)


@dataclass(frozen=True, slots=True)
class CertificateMaterial:
    """A certificate that can be imported."""

    certificate: bytes
    """The certificate alone, in DER form."""
    container: Sensitive
    """The certificate with its chain and private key."""
    is_pem: bool
    """Whether that is PEM, with the key in PKCS#8; else it is PKCS#12 without a password."""


def read_key(value: Sensitive) -> KeyMaterial | Refusal:
    """A key in PEM, in DER, or as a web key in JSON; any other bytes are a symmetric key, as in ESO."""
    data = value.reveal()
    block, _ = pem.decode(data)
    if block is not None:
        parse = _PEM_KEYS.get(block.label)
        if parse is None:
            return Refusal(f'the value is PEM of type "{block.label[:40]}", which is no private key of RSA or EC')
        try:
            return _members_of(parse(block.data))
        except KeyFormatError:
            return Refusal("the value is PEM, and what is in it is no private key")
    # Differs from ESO: web keys and DER are read, which ESO would import as symmetric keys.
    if data.lstrip()[:1] == b"{":
        return _web_key(data)
    if data[:1] == _SEQUENCE:
        try:
            return _members_of(parse_any(data))
        except KeyFormatError:
            pass
    return KeyMaterial("oct", {"k": value}) if data else Refusal("the value is empty, which is no key")


def read_certificate(value: Sensitive) -> CertificateMaterial | Refusal:
    """A certificate with its private key, in PKCS#12 without a password or in PEM."""
    from virtrigaud_secrets.golang import pkcs12

    data = value.reveal()
    if data[:1] == _SEQUENCE:
        try:
            return CertificateMaterial(pkcs12.decode_chain(data, "").certificate.raw, value, is_pem=False)
        except pkcs12.PKCS12Error:
            return Refusal(_NO_PRIVATE_KEY if _certificates([data]) else _NO_CERTIFICATE)
    blocks, _ = pem.decode_all(data)
    certificates = _certificates([block.data for block in blocks if block.label == "CERTIFICATE"])
    if not certificates:
        return Refusal(_NO_CERTIFICATE)
    key = next((block for block in blocks if block.label in _PEM_KEYS), None)
    if key is None:
        return Refusal(_NO_PRIVATE_KEY)
    try:
        parsed = _PEM_KEYS[key.label](key.data)
    except KeyFormatError:
        return Refusal("the value is PEM, and its private key cannot be read")
    return CertificateMaterial(certificates[0].raw, _container(parsed, certificates), is_pem=True)


def _container(key: PrivateKey, certificates: list[Certificate]) -> Sensitive:
    # Differs from ESO: a vault reads PKCS#8 only, so keys in another form, such as cert-manager's, are rewritten.
    from virtrigaud_secrets.golang.x509_keys import marshal_pkcs8

    blocks = [pem.Block("PRIVATE KEY", marshal_pkcs8(key))]
    blocks += [pem.Block("CERTIFICATE", certificate.raw) for certificate in certificates]
    return Sensitive("".join(text for block in blocks if (text := pem.encode(block)) is not None))


def _certificates(blocks: list[bytes]) -> list[Certificate]:
    from virtrigaud_secrets.golang.x509_certificates import CertificateError, parse_certificate

    found: list[Certificate] = []
    for data in blocks:
        try:
            found.append(parse_certificate(data))
        except CertificateError:
            continue
    return found


def _members_of(key: PrivateKey) -> KeyMaterial | Refusal:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    if isinstance(key, RSAPrivateKey):
        private, public = key.private_numbers(), key.private_numbers().public_numbers
        numbers = {"n": public.n, "e": public.e, "d": private.d, "p": private.p, "q": private.q}
        numbers |= {"dp": private.dmp1, "dq": private.dmq1, "qi": private.iqmp}
        return KeyMaterial("RSA", {name: _bytes(number) for name, number in numbers.items()})
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        secret, point = key.private_numbers().private_value, key.public_key().public_numbers()
        size = (key.key_size + 7) // 8
        numbers = {"x": point.x, "y": point.y, "d": secret}
        made = {name: _bytes(number, size) for name, number in numbers.items()}
        return KeyMaterial("EC", made, curve=_CURVES[key.curve.name])
    return Refusal("a vault takes keys of RSA and of the curves P-256, P-384 and P-521")


def _web_key(data: bytes) -> KeyMaterial | Refusal:
    try:
        decoded: object = json.loads(data)
    except (ValueError, RecursionError):
        return Refusal("the value looks like JSON and is none")
    members = cast("dict[str, object]", decoded) if isinstance(decoded, dict) else {}
    kind = str(members.get("kty") or "").removesuffix("-HSM")
    needed = _NEEDED.get(kind)
    if needed is None:
        return Refusal('the value is JSON and no web key: it has no "kty" that is one of RSA, EC and oct')
    numbers = {name: _decoded(members[name]) for name in members if name in _NUMBERS}
    broken = [name for name, number in numbers.items() if number is None]
    absent = [name for name in needed if name not in members]
    if broken or absent:
        return Refusal(
            f'the web key\'s "{broken[0]}" is no base64url' if broken else f"the web key lacks {', '.join(absent)}"
        )
    curve = members.get("crv")
    found = {name: number for name, number in numbers.items() if number is not None}
    return KeyMaterial(kind, found, curve=curve if isinstance(curve, str) else "")


def _decoded(text: object) -> Sensitive | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        standard = text.rstrip("=").replace("-", "+").replace("_", "/")
        return Sensitive(base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True))
    except ValueError:
        return None


def _bytes(number: int, size: int = 0) -> Sensitive:
    return Sensitive(number.to_bytes(size or (number.bit_length() + 7) // 8, "big"))


def _word(value: object) -> str:
    """A text or a member of one of the SDK's enums."""
    return str(getattr(value, "value", value) or "")


def _number(value: object) -> int | None:
    return int.from_bytes(value, "big") if isinstance(value, bytes) else None
