"""SSH keys: the private key is one, and the public key is its other half. `known_hosts` is judged next door.

The outer form of OpenSSH's own key files is read here, so that encrypted and hardware-backed keys can be told and
compared too: their public half is not encrypted.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.findings import Finding
from virtrigaud_secrets.validation.inspection import Inspection, error, remark, warning
from virtrigaud_secrets.validation.known_hosts import check_known_hosts
from virtrigaud_secrets.validation.pem import PemBlock, pem_blocks, why_no_pem
from virtrigaud_secrets.validation.wire import key_blob, mpint, read_string, string

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.dsa import DSAPrivateKey
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

PRIVATE_KEY: Final = "ssh-privatekey"
"""The key that Kubernetes requires of `kubernetes.io/ssh-auth`."""

KEY_PAIRS: Final = (
    (PRIVATE_KEY, "ssh-publickey"),
    ("ssh_privatekey", "ssh_publickey"),
    ("id_rsa", "id_rsa.pub"),
    ("id_ecdsa", "id_ecdsa.pub"),
    ("id_ed25519", "id_ed25519.pub"),
)
"""Private key and public key: the guide's names, the Proxmox provider's, and OpenSSH's own."""

_MAGIC: Final = b"openssh-key-v1\0"
_CERTIFICATE_SUFFIX: Final = "-cert-v01@openssh.com"


@dataclass(frozen=True, slots=True)
class _Outer:
    """What an OpenSSH key file says before its encrypted part."""

    encrypted: bool
    blob: bytes
    algorithm: str


def check_ssh(inspection: Inspection) -> Iterator[Finding]:
    """Everything about SSH keys and `known_hosts`, as far as they are there."""
    bundle = inspection.bundle
    if not inspection.guessed and not any(private in bundle for private, _ in KEY_PAIRS):
        yield error(PRIVATE_KEY, "missing-key", "the key is missing: an SSH Secret has ssh-privatekey")
    for private, public in KEY_PAIRS:
        own = yield from _private_blob(inspection, private)
        stated = yield from _public_blob(inspection, public)
        if own and stated and own != stated:
            yield error(public, "key-mismatch", f"it is not the public half of {private}")
    yield from check_known_hosts(inspection)


def _private_blob(inspection: Inspection, key: str) -> Generator[Finding, None, bytes | None]:
    """The public half of a private key, as SSH writes it on the wire."""
    value = inspection.bundle.get(key)
    if value is None:
        return None
    block = next((block for block in pem_blocks(value) if block.label.endswith("PRIVATE KEY")), None)
    if block is None:
        message = f"a private key in OpenSSH or PEM form was expected{why_no_pem(value)}"
        yield remark(inspection.doubt, key, "not-a-private-key", message)
        return None
    yield from _layout(key, value)
    if block.label == "OPENSSH PRIVATE KEY":
        return (yield from _openssh(key, block))
    return (yield from _pem(key, block))


def _layout(key: str, value: bytes) -> Iterator[Finding]:
    if not value.startswith(b"-----BEGIN"):
        yield warning(key, "text-before-key", "OpenSSH reads a key only where BEGIN is its first line")
    if not value.endswith(b"\n"):
        yield warning(key, "no-final-newline", "OpenSSH refuses a key without a newline after its END line")
    if b"\r" in value:
        yield warning(key, "carriage-return", "lines end with carriage return and newline: expected newline alone")


def _openssh(key: str, block: PemBlock) -> Generator[Finding, None, bytes | None]:
    outer = _outer(block)
    if outer is None:
        yield error(key, "not-a-private-key", "the block is no OpenSSH private key")
        return None
    if outer.encrypted:
        yield _encrypted(key)
    elif outer.algorithm == "ssh-dss":
        yield _dsa(key)
    elif not _opens(block):
        yield error(key, "not-a-private-key", "the block is no OpenSSH private key: its inner part is damaged")
        return None
    return outer.blob


def _outer(block: PemBlock) -> _Outer | None:
    try:
        data = base64.b64decode(b"".join(block.text.splitlines()[1:-1]), validate=True)
    except binascii.Error:
        return None
    if not data.startswith(_MAGIC):
        return None
    # cipher, key derivation, its options, number of keys, public key: openssh/PROTOCOL.key
    cipher, rest = read_string(data[len(_MAGIC) :])
    _, rest = read_string(rest)
    _, rest = read_string(rest)
    blob, _ = read_string(rest[4:])
    algorithm, _ = read_string(blob)
    if not cipher or not algorithm:
        return None
    return _Outer(cipher != b"none", blob, algorithm.decode(errors="replace"))


def _opens(block: PemBlock) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    try:
        load_ssh_private_key(block.text, None)
    except UnsupportedAlgorithm:
        return True  # a hardware-backed key: its outer form is all that can be judged
    except Exception:  # noqa: BLE001  # bytes from anywhere: cryptography raises a dozen types, and all mean the same
        return False
    return True


def _pem(key: str, block: PemBlock) -> Generator[Finding, None, bytes | None]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private_key = load_pem_private_key(block.text, None)
    except TypeError:
        yield _encrypted(key)
        return None
    except UnsupportedAlgorithm:
        yield warning(key, "unknown-algorithm", "the private key's algorithm is not known here: not checked")
        return None
    except Exception:  # noqa: BLE001  # bytes from anywhere: cryptography raises a dozen types, and all mean the same
        yield error(key, "not-a-private-key", "the PEM block is no private key")
        return None
    blob = _ssh_blob(private_key)
    if blob is None:
        yield error(key, "unknown-algorithm", "the private key is of a kind that SSH does not use")
    elif read_string(blob)[0] == b"ssh-dss":
        yield _dsa(key)
    return blob


def _ssh_blob(private_key: PrivateKeyTypes) -> bytes | None:
    from cryptography.hazmat.primitives.asymmetric import dsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if isinstance(private_key, dsa.DSAPrivateKey):
        return _dsa_blob(private_key)
    try:
        line = private_key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except Exception:  # noqa: BLE001  # bytes from anywhere: cryptography raises a dozen types, and all mean the same
        return None
    return base64.b64decode(line.split()[1])


def _dsa_blob(private_key: DSAPrivateKey) -> bytes:
    # Written by hand: cryptography is about to drop SSH's form of DSA.
    numbers = private_key.public_key().public_numbers()
    parameters = numbers.parameter_numbers
    return string(b"ssh-dss") + b"".join(
        mpint(number) for number in (parameters.p, parameters.q, parameters.g, numbers.y)
    )


def _public_blob(inspection: Inspection, key: str) -> Generator[Finding, None, bytes | None]:
    value = inspection.bundle.get(key)
    if value is None:
        return None
    blob = _first_line_blob(value.splitlines())
    if blob is None:
        message = "a line `type base64 comment` was expected, its type the one that the base64 part names"
        yield remark(inspection.doubt, key, "not-a-public-key", message)
    return blob


def _first_line_blob(lines: Sequence[bytes]) -> bytes | None:
    line = next((line for line in lines if line.strip() and not line.lstrip().startswith(b"#")), b"")
    match line.split(None, 2):
        case [algorithm, encoded, *_]:
            blob = key_blob(algorithm, encoded)
        case _:
            return None
    if blob and algorithm.decode(errors="replace").endswith(_CERTIFICATE_SUFFIX):
        return _certified_blob(line)
    return blob


def _certified_blob(line: bytes) -> bytes | None:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        SSHCertificate,
        load_ssh_public_identity,
    )

    try:
        identity = load_ssh_public_identity(line)
        key = identity.public_key() if isinstance(identity, SSHCertificate) else identity
        certified = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except Exception:  # noqa: BLE001  # bytes from anywhere: cryptography raises a dozen types, and all mean the same
        return None
    return base64.b64decode(certified.split()[1])


def _encrypted(key: str) -> Finding:
    return warning(key, "encrypted-key", "the private key is encrypted: it is of use only with its passphrase")


def _dsa(key: str) -> Finding:
    return warning(key, "weak-key", "the key is DSA, which OpenSSH 10 no longer knows")
