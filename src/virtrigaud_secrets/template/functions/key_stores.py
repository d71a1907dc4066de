"""ESO's PKCS#12 functions over `golang.pkcs12`."""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.golang import base64, pem
from virtrigaud_secrets.golang.pkcs12 import Contents, PKCS12Error, decode_chain, encode, encode_trust_store
from virtrigaud_secrets.golang.reflect import STRING, to_bytes
from virtrigaud_secrets.golang.x509_certificates import Certificate, CertificateError, order_chain, parse_certificate
from virtrigaud_secrets.golang.x509_keys import KeyFormatError, PrivateKey, marshal_pkcs8, parse_any
from virtrigaud_secrets.template.functions.certificate_chains import write_certificates
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

STEPS: Final = 10_000
"""What reading or writing a file costs of a rendering's steps: thousands of rounds of key derivation."""


def _open(context: Context, password: str, data: str) -> Contents:
    context.spend(STEPS)
    try:
        return decode_chain(to_bytes(data), password)
    except PKCS12Error as error:
        raise FunctionError(f"unable to decode pkcs12 with password: {error}") from None


def _key(context: Context, password: str, data: str) -> str:
    return pem.encode(pem.Block("PRIVATE KEY", marshal_pkcs8(_open(context, password, data).key))) or ""


def _certificates(context: Context, password: str, data: str) -> str:
    contents = _open(context, password, data)
    found = [contents.certificate, *contents.others]
    return write_certificates(order_chain(found) or found)


def _key_without_password(context: Context, data: str) -> str:
    return _key(context, "", data)


def _certificates_without_password(context: Context, data: str) -> str:
    return _certificates(context, "", data)


def _parse_certificate(data: bytes, start: int) -> tuple[Certificate, int]:
    block, end = pem.decode(data, start)
    if block is None:
        raise FunctionError("no PEM block where a certificate is expected")
    try:
        return parse_certificate(block.data), end
    except CertificateError:
        raise FunctionError("x509: malformed certificate") from None


def _parse_all(data: bytes, start: int) -> list[Certificate]:
    found: list[Certificate] = []
    while start < len(data):
        certificate, start = _parse_certificate(data, start)
        found.append(certificate)
    return found


def _parse_key(text: str) -> PrivateKey:
    block, _ = pem.decode(to_bytes(text))
    if block is None:
        raise FunctionError("no PEM block where a private key is expected")
    try:
        return parse_any(block.data)
    except KeyFormatError:
        raise FunctionError("unable to parse private key type") from None


def _make(context: Context, certificates: str, key: str, password: str, *, whole_chain: bool) -> str:
    context.spend(STEPS)
    data = to_bytes(certificates)
    certificate, end = _parse_certificate(data, 0)
    others = _parse_all(data, end) if whole_chain else []
    try:
        return base64.encode(encode(_parse_key(key), certificate, others, password))
    except PKCS12Error as error:
        raise FunctionError(str(error)) from None


def _from_pem(context: Context, certificate: str, key: str, password: str = "") -> str:
    return _make(context, certificate, key, password, whole_chain=False)


def _from_full_pem(context: Context, certificates: str, key: str, password: str = "") -> str:
    return _make(context, certificates, key, password, whole_chain=True)


def _trust_store(context: Context, certificates: str, password: str = "") -> str:
    context.spend(STEPS)
    try:
        return base64.encode(encode_trust_store(_parse_all(to_bytes(certificates), 0), password))
    except PKCS12Error as error:
        raise FunctionError(str(error)) from None


FUNCTIONS: Final = table(
    Function("pkcs12key", _key_without_password, (STRING,), STRING, context=True),
    Function("pkcs12keyPass", _key, (STRING, STRING), STRING, context=True),
    Function("pkcs12cert", _certificates_without_password, (STRING,), STRING, context=True),
    Function("pkcs12certPass", _certificates, (STRING, STRING), STRING, context=True),
    Function("pemToPkcs12", _from_pem, (STRING, STRING), STRING, context=True),
    Function("pemToPkcs12Pass", _from_pem, (STRING, STRING, STRING), STRING, context=True),
    Function("fullPemToPkcs12", _from_full_pem, (STRING, STRING), STRING, context=True),
    Function("fullPemToPkcs12Pass", _from_full_pem, (STRING, STRING, STRING), STRING, context=True),
    Function("pemTruststoreToPKCS12", _trust_store, (STRING,), STRING, context=True),
    Function("pemTruststoreToPKCS12Pass", _trust_store, (STRING, STRING), STRING, context=True),
)
"""PKCS#12."""
