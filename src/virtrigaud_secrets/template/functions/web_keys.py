"""ESO's `jwkPublicKeyPem` and `jwkPrivateKeyPem`, with the rules of Go's `jwx` for what a JSON web key must hold."""

from __future__ import annotations

import base64 as python_base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.golang import asn1, encoding_json, pem
from virtrigaud_secrets.golang.reflect import STRING, is_slice, wrap_int
from virtrigaud_secrets.golang.x509_keys import KeyFormatError, make_rsa_key, marshal_pkcs8
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurve

STEPS: Final = 500
"""What one key costs of a rendering's steps."""

_RSA: Final = asn1.encode_identifier("1.2.840.113549.1.1.1")
_EC: Final = asn1.encode_identifier("1.2.840.10045.2.1")
_ED25519: Final = asn1.encode_identifier("1.3.101.112")
_CURVES: Final = {
    "P-256": ("SECP256R1", asn1.encode_identifier("1.2.840.10045.3.1.7"), 32),
    "P-384": ("SECP384R1", asn1.encode_identifier("1.3.132.0.34"), 48),
    "P-521": ("SECP521R1", asn1.encode_identifier("1.3.132.0.35"), 66),
}
_PUBLIC_KEY_TAG: Final = 0xA1
_SEED_SIZE: Final = 32
_REQUIRED: Final = {"RSA": ("e", "n"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "oct": ("k",)}
_PUBLIC_BYTES: Final = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",), "oct": ("k",)}
_SECRET_BYTES: Final = {"RSA": ("d", "p", "q", "dp", "dq", "qi"), "EC": ("d",), "OKP": ("d",), "oct": ()}
_TEXTS: Final = ("alg", "kid", "use", "x5t", "x5t#S256", "x5u")
_LISTS: Final = ("key_ops", "x5c")
_STANDARD: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")

_Fields = Mapping[str, object]


def _read(text: str) -> tuple[_Fields, str]:
    """The key's fields and its type; what follows the object is not looked at."""
    try:
        start = len(text) - len(text.lstrip(" \t\r\n"))
        _, end = json.JSONDecoder().raw_decode(text, start)
        fields = encoding_json.unmarshal(text[:end])
    except (ValueError, RecursionError, encoding_json.JSONError):
        raise FunctionError("failed to unmarshal JSON into key hint") from None
    kind = _kind(fields) if isinstance(fields, dict) else None
    if not isinstance(fields, dict) or kind is None or kind not in _REQUIRED:
        raise FunctionError("invalid key type from JSON")
    _check_fields(fields, kind)
    return fields, kind


def _kind(fields: _Fields) -> str | None:
    """The type: Go finds the field in any case of letters, and then wants it in small ones."""
    kinds = [value for name, value in fields.items() if name.lower() == "kty"]
    if not all(isinstance(value, (str, type(None))) for value in kinds):
        return None
    return next((value for value in reversed(kinds) if isinstance(value, str)), None)


def _check_fields(fields: _Fields, kind: str) -> None:
    private = "d" in fields and kind != "oct"
    required = (*_REQUIRED[kind], "d") if private else _REQUIRED[kind]
    if any(name not in fields for name in required):
        raise FunctionError("failed to unmarshal JSON into key: a required field is missing")
    if fields.get("kty", kind) != kind:
        raise FunctionError("failed to unmarshal JSON into key: invalid kty value")
    numbers = (*_PUBLIC_BYTES[kind], *(_SECRET_BYTES[kind] if private else ()))
    texts = (*_TEXTS, *numbers, *(("crv",) if kind in {"EC", "OKP"} else ()))
    if not all(isinstance(fields.get(name), (str, type(None))) for name in texts):
        raise FunctionError("failed to unmarshal JSON into key: a field is no text")
    if not all(_is_text_list(fields.get(name)) for name in _LISTS):
        raise FunctionError("failed to unmarshal JSON into key: a field is no list of texts")
    for name in numbers:
        _bytes(fields, name)


def _is_text_list(value: object) -> bool:
    return value is None or (is_slice(value) and all(isinstance(item, (str, type(None))) for item in value))


def _bytes(fields: _Fields, name: str) -> bytes:
    """The field's bytes, in base64 of either alphabet, padded or not."""
    text = str(fields.get(name) or "").replace("\r", "").replace("\n", "")
    url = not ("+" in text or "/" in text)
    standard = text.replace("-", "+").replace("_", "/") if url else text
    padded = standard if standard.endswith("=") else standard + "=" * (-len(standard) % 4)
    if not _STANDARD.fullmatch(padded) or len(padded) % 4:
        raise FunctionError("failed to unmarshal JSON into key: expected base64")
    try:
        return python_base64.b64decode(padded)
    except binascii.Error:
        raise FunctionError("failed to unmarshal JSON into key: expected base64") from None


def _number(fields: _Fields, name: str) -> int:
    return int.from_bytes(_bytes(fields, name))


def _bit_string(data: bytes) -> bytes:
    return asn1.encode(asn1.BIT_STRING, b"\0", data)


def _rsa_public(fields: _Fields) -> bytes:
    exponent = wrap_int(_number(fields, "e"))
    numbers = asn1.encode_integer(_number(fields, "n")) + asn1.encode_integer(exponent)
    algorithm = asn1.encode(asn1.SEQUENCE, _RSA, asn1.encode(asn1.NULL))
    return asn1.encode(asn1.SEQUENCE, algorithm, _bit_string(asn1.encode(asn1.SEQUENCE, numbers)))


def _curve(fields: _Fields) -> tuple[EllipticCurve, bytes, int]:
    from cryptography.hazmat.primitives.asymmetric import ec

    found = _CURVES.get(str(fields.get("crv") or ""))
    if found is None:
        raise FunctionError("failed to build public key: invalid curve algorithm")
    name, identifier, size = found
    return getattr(ec, name)(), identifier, size


def _point(fields: _Fields) -> tuple[bytes, bytes, int]:
    """The curve's identifier, the uncompressed point and the size of a number."""
    from cryptography.hazmat.primitives.asymmetric import ec

    curve, identifier, size = _curve(fields)
    x, y = _number(fields, "x"), _number(fields, "y")
    try:
        ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
        return identifier, b"\x04" + x.to_bytes(size) + y.to_bytes(size), size
    except (ValueError, OverflowError):
        raise FunctionError("x509: invalid elliptic curve public key") from None


def _ec_public(fields: _Fields) -> bytes:
    identifier, point, _ = _point(fields)
    return asn1.encode(asn1.SEQUENCE, asn1.encode(asn1.SEQUENCE, _EC, identifier), _bit_string(point))


def _okp_public(fields: _Fields) -> bytes:
    if fields.get("crv") != "Ed25519":
        raise FunctionError("x509: unsupported public key type")
    return asn1.encode(asn1.SEQUENCE, asn1.encode(asn1.SEQUENCE, _ED25519), _bit_string(_bytes(fields, "x")))


def _rsa_private(fields: _Fields) -> bytes:
    names = [_number(fields, name) for name in ("n", "e", "d", "p", "q")]
    crt = tuple(_number(fields, name) if _bytes(fields, name) else None for name in ("dp", "dq", "qi"))
    modulus, exponent, private, p, q = names
    try:
        return marshal_pkcs8(make_rsa_key(modulus, wrap_int(exponent), private, (p, q), crt))
    except KeyFormatError:
        raise FunctionError("crypto/rsa: invalid private key") from None


def _ec_private(fields: _Fields) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec

    identifier, point, size = _point(fields)
    number = _number(fields, "d")
    try:
        ec.derive_private_key(number, _curve(fields)[0])
    except ValueError:
        raise FunctionError("the private key is zero or too large for its curve") from None
    secret = asn1.encode(asn1.OCTET_STRING, number.to_bytes(size))
    # The public key is taken as given, as Go does.
    key = asn1.encode(asn1.SEQUENCE, asn1.encode_integer(1), secret, asn1.encode(_PUBLIC_KEY_TAG, _bit_string(point)))
    algorithm = asn1.encode(asn1.SEQUENCE, _EC, identifier)
    return asn1.encode(asn1.SEQUENCE, asn1.encode_integer(0), algorithm, asn1.encode(asn1.OCTET_STRING, key))


def _okp_private(fields: _Fields) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = _bytes(fields, "d")
    if fields.get("crv") != "Ed25519" or len(seed) != _SEED_SIZE:
        raise FunctionError("x509: unknown key type while marshaling PKCS#8, or a wrong private key size")
    key = Ed25519PrivateKey.from_private_bytes(seed)
    if key.public_key().public_bytes_raw() != _bytes(fields, "x"):
        raise FunctionError("invalid x value given d value")
    return marshal_pkcs8(key)


_PUBLIC: Final[Mapping[str, Callable[[_Fields], bytes]]] = {"RSA": _rsa_public, "EC": _ec_public, "OKP": _okp_public}
_PRIVATE: Final[Mapping[str, Callable[[_Fields], bytes]]] = {
    "RSA": _rsa_private,
    "EC": _ec_private,
    "OKP": _okp_private,
}


def _public_pem(context: Context, text: str) -> str:
    context.spend(STEPS)
    fields, kind = _read(text)
    write = None if "d" in fields else _PUBLIC.get(kind)
    if write is None:
        raise FunctionError("x509: unsupported public key type")
    return pem.encode(pem.Block("PUBLIC KEY", write(fields))) or ""


def _private_pem(context: Context, text: str) -> str:
    context.spend(STEPS)
    fields, kind = _read(text)
    write = _PRIVATE.get(kind) if "d" in fields else None
    if write is None:
        raise FunctionError("x509: unknown key type while marshaling PKCS#8")
    return pem.encode(pem.Block("PRIVATE KEY", write(fields))) or ""


FUNCTIONS: Final = table(
    Function("jwkPublicKeyPem", _public_pem, (STRING,), STRING, context=True),
    Function("jwkPrivateKeyPem", _private_pem, (STRING,), STRING, context=True),
)
"""JSON web keys."""
