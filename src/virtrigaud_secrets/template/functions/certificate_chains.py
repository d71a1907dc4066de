"""ESO's `filterPEM`, `filterCertChain` and `certSANs`. Nothing here judges whether a chain is to be trusted."""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.golang import pem
from virtrigaud_secrets.golang.reflect import STRING, STRING_SLICE, TypedSlice, to_bytes
from virtrigaud_secrets.golang.strings import lower_of, upper_of
from virtrigaud_secrets.golang.x509_certificates import Certificate, CertificateError, order_chain, parse_certificate
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

_BEGIN: Final = "-----BEGIN"


def _from_first_block(text: str) -> bytes:
    start = text.find(_BEGIN)
    return to_bytes(text[max(start, 0) :])


def _equal_fold(one: str, other: str) -> bool:
    return len(one) == len(other) and all(
        left == right or lower_of(upper_of(left)) == lower_of(upper_of(right))
        for left, right in zip(one, other, strict=True)
    )


def _filter_pem(label: str, text: str) -> str:
    data = _from_first_block(text)
    blocks, end = pem.decode_all(data)
    kept: list[str] = []
    for block in blocks:
        if _equal_fold(block.label, label):
            written = pem.encode(block)
            if written is None:
                raise FunctionError("pem: cannot encode a header key that contains a colon")
            kept.append(written)
    if not kept and end < len(data):
        raise FunctionError("error filtering pem: found junk")
    return "".join(kept)


def read_certificates(context: Context, data: bytes) -> list[Certificate]:
    """Every PEM block of the data as a certificate.

    Raises:
        FunctionError: one is none.
    """
    blocks, _ = pem.decode_all(data)
    context.spend(10 * len(blocks))
    try:
        return [parse_certificate(block.data) for block in blocks]
    except CertificateError:
        raise FunctionError("x509: malformed certificate") from None


def write_certificates(certificates: list[Certificate]) -> str:
    """The certificates as PEM."""
    return "".join(pem.encode(pem.Block("CERTIFICATE", certificate.raw)) or "" for certificate in certificates)


def _is_root(certificate: Certificate) -> bool:
    return certificate.authority_key_id is None or certificate.authority_key_id == (certificate.subject_key_id or b"")


def _filter_chain(context: Context, kind: str, text: str) -> str:
    chain = order_chain(read_certificates(context, to_bytes(text)))
    if chain is None:
        raise FunctionError("no leaf certificate found, or the certificates make no single chain")
    if kind == "leaf":
        return "" if _is_root(chain[0]) else write_certificates(chain[:1])
    if kind == "intermediate":
        end = next((index for index in range(1, len(chain)) if _is_root(chain[index])), len(chain))
        return write_certificates(chain[1:end])
    return write_certificates(chain[-1:]) if kind == "root" and _is_root(chain[-1]) else ""


def _alternative_names(text: str) -> TypedSlice:
    block, _ = pem.decode(_from_first_block(text))
    if block is None:
        raise FunctionError("failed to decode PEM block")
    try:
        return TypedSlice(STRING_SLICE, parse_certificate(block.data).alternative_names)
    except CertificateError:
        raise FunctionError("failed to parse certificate") from None


FUNCTIONS: Final = table(
    Function("filterPEM", _filter_pem, (STRING, STRING), STRING),
    Function("filterCertChain", _filter_chain, (STRING, STRING), STRING, context=True),
    Function("certSANs", _alternative_names, (STRING,), STRING_SLICE),
)
"""PEM and chains."""
