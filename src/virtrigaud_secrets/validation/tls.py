"""TLS Secrets: certificate, key, chain and authority belong together and hold now. No name in a certificate is shown.

A contradiction is always an error. A value that is merely not what its key's name says is one only where the bundle's
type promises it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.findings import Finding, Severity
from virtrigaud_secrets.validation.inspection import Inspection, error, remark, warning
from virtrigaud_secrets.validation.pem import PemBlock, pem_blocks, why_no_pem

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

CERTIFICATE_KEY: Final = "tls.crt"
PRIVATE_KEY: Final = "tls.key"
AUTHORITY_KEY: Final = "ca.crt"

MAX_CHAIN: Final = 16
"""The most certificates looked at in a chain: real ones have two to four, and each is verified."""

MAX_AUTHORITIES: Final = 500
"""The most certificates looked at in `ca.crt`: a distribution's whole list of authorities has about 150."""

_CERTIFICATE_LABELS: Final = frozenset({"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})


def check_tls(inspection: Inspection) -> Iterator[Finding]:
    """Everything about `tls.crt`, `tls.key` and `ca.crt`, as far as they are there."""
    bundle = inspection.bundle
    if not inspection.guessed:
        for key in (CERTIFICATE_KEY, PRIVATE_KEY):
            if key not in bundle:
                yield error(key, "missing-key", "the key is missing: a TLS Secret has tls.crt and tls.key")
    chain = yield from _certificates(inspection, CERTIFICATE_KEY, MAX_CHAIN)
    private_key = yield from _private_key(inspection)
    yield from _validity(inspection, CERTIFICATE_KEY, chain)
    if chain and private_key is not None:
        yield from _match(chain, private_key)
    yield from _order(chain)
    authorities = yield from check_authority(inspection)
    if chain and authorities and not _anchored(chain, authorities):
        # A warning, not an error: under mutual TLS ca.crt may be there to judge the other side.
        yield warning(AUTHORITY_KEY, "ca-mismatch", "no certificate in it has signed the chain in tls.crt")


def check_authority(inspection: Inspection) -> Generator[Finding, None, list[x509.Certificate]]:
    """`ca.crt` alone. A generator that returns the certificates."""
    if inspection.bundle.get(AUTHORITY_KEY) == b"":
        yield warning(AUTHORITY_KEY, "empty", "it is empty: leave the key out where there is no authority to name")
        return []
    authorities = yield from _certificates(inspection, AUTHORITY_KEY, MAX_AUTHORITIES)
    yield from _validity(inspection, AUTHORITY_KEY, authorities)
    for number, certificate in enumerate(authorities, 1):
        if not _may_sign(certificate):
            yield warning(AUTHORITY_KEY, "not-an-authority", f"certificate {number} is not one of an authority")
    return authorities


def _certificates(inspection: Inspection, key: str, limit: int) -> Generator[Finding, None, list[x509.Certificate]]:
    value = inspection.bundle.get(key)
    if value is None:
        return []
    blocks = pem_blocks(value)
    found = [block for block in blocks if block.label in _CERTIFICATE_LABELS]
    if not found:
        yield remark(inspection.doubt, key, "not-pem", _no_certificate(key, blocks, value))
        return []
    if len(found) > limit:
        yield warning(key, "too-many", f"it holds more than {limit} certificates; the first {limit} were checked")
    certificates = [_parse(block) for block in found[:limit]]
    for number, certificate in enumerate(certificates, 1):
        if certificate is None:
            yield error(key, "not-a-certificate", f"PEM block {number} is no X.509 certificate")
    if key == CERTIFICATE_KEY and None in certificates:
        return []  # what follows a broken link would be judged as its neighbour
    return [certificate for certificate in certificates if certificate is not None]


def _no_certificate(key: str, blocks: Sequence[PemBlock], value: bytes) -> str:
    if key == CERTIFICATE_KEY and any(block.label.endswith("PRIVATE KEY") for block in blocks):
        return "a PEM certificate was expected and a private key found: tls.crt and tls.key may be swapped"
    if blocks:
        return f"a PEM certificate was expected; it holds other PEM blocks ({len(blocks)})"
    return f"a PEM certificate was expected{why_no_pem(value)}"


def _parse(block: PemBlock) -> x509.Certificate | None:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(block.text)
    except Exception:  # noqa: BLE001  # bytes from anywhere: cryptography raises a dozen types, and all mean the same
        return None


def _private_key(inspection: Inspection) -> Generator[Finding, None, PrivateKeyTypes | None]:
    value = inspection.bundle.get(PRIVATE_KEY)
    if value is None:
        return None
    blocks = pem_blocks(value)
    block = next((block for block in blocks if block.label.endswith("PRIVATE KEY")), None)
    if block is None:
        found = "; it holds other PEM blocks" if blocks else why_no_pem(value)
        yield remark(inspection.doubt, PRIVATE_KEY, "not-pem", f"a PEM private key was expected{found}")
        return None
    if block.label == "OPENSSH PRIVATE KEY":
        yield error(PRIVATE_KEY, "wrong-format", "OpenSSH's own format was found: TLS needs PKCS#8, PKCS#1 or SEC1")
        return None
    outcome = _load(block)
    if isinstance(outcome, Finding):
        yield outcome
        return None
    return outcome


def _load(block: PemBlock) -> PrivateKeyTypes | Finding:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(block.text, None)
    except TypeError:
        return error(
            PRIVATE_KEY, "encrypted-key", "the private key is encrypted, and a Secret has no passphrase for it"
        )
    except UnsupportedAlgorithm:
        return warning(PRIVATE_KEY, "unknown-algorithm", "the private key's algorithm is not known here: not checked")
    except Exception:  # noqa: BLE001  # bytes from anywhere: cryptography raises a dozen types, and all mean the same
        return error(PRIVATE_KEY, "not-a-private-key", "the PEM block is no private key")


def _validity(inspection: Inspection, key: str, certificates: Sequence[x509.Certificate]) -> Iterator[Finding]:
    # One bad authority among several, as in a distribution's list, spoils nothing; one bad link of a chain does.
    severity = Severity.WARNING if key == AUTHORITY_KEY and len(certificates) > 1 else Severity.ERROR
    margin_severity = Severity.WARNING if severity is Severity.WARNING else inspection.certificate_margin_severity
    for number, certificate in enumerate(certificates, 1):
        which = "the certificate" if len(certificates) == 1 else f"certificate {number}"
        end = certificate.not_valid_after_utc
        if inspection.now > end:
            yield remark(severity, key, "expired", f"{which} expired on {_shown(end)}")
        elif end - inspection.now < inspection.certificate_margin:
            yield remark(margin_severity, key, "expires-soon", f"{which} expires soon, on {_shown(end)}")
        start = certificate.not_valid_before_utc
        if inspection.now < start:
            yield remark(severity, key, "not-yet-valid", f"{which} is not valid before {_shown(start)}")


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _match(chain: Sequence[x509.Certificate], private_key: PrivateKeyTypes) -> Iterator[Finding]:
    own = _public_bytes(private_key.public_key())
    fits = [number for number, certificate in enumerate(chain, 1) if _certified(certificate) == own]
    if not fits:
        message = "the private key does not belong to the certificate in tls.crt: they are from different issuances"
        yield error(PRIVATE_KEY, "key-mismatch", message)
    elif fits[0] != 1:
        message = f"the private key belongs to certificate {fits[0]}: it has to be the first"
        yield error(CERTIFICATE_KEY, "chain-order", message)


def _order(chain: Sequence[x509.Certificate]) -> Iterator[Finding]:
    for number, (lower, upper) in enumerate(pairwise(chain), 1):
        if not _signed_by(lower, upper):
            message = (
                f"certificate {number + 1} has not signed certificate {number}: "
                "expected the server's own first, each followed by the one that signed it"
            )
            yield error(CERTIFICATE_KEY, "chain-order", message)


def _anchored(chain: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate]) -> bool:
    known = set(authorities)
    return any(
        certificate in known or any(_signed_by(certificate, authority) for authority in authorities)
        for certificate in chain
    )


def _signed_by(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    try:
        lower.verify_directly_issued_by(upper)
    except Exception:  # noqa: BLE001  # bytes from anywhere: cryptography raises a dozen types, and all mean the same
        return False
    return True


def _may_sign(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return certificate.version is x509.Version.v1  # before v3 nothing told an authority apart
    except Exception:  # noqa: BLE001  # bytes from anywhere: cryptography raises a dozen types, and all mean the same
        return False


def _certified(certificate: x509.Certificate) -> bytes | None:
    try:
        return _public_bytes(certificate.public_key())
    except Exception:  # noqa: BLE001  # bytes from anywhere: cryptography raises a dozen types, and all mean the same
        return None


def _public_bytes(public_key: PublicKeyTypes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
