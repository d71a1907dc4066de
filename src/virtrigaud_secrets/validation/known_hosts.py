"""`known_hosts`, line by line, as sshd(8) describes it. Hosts are part of the secret: findings number lines only."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from virtrigaud_secrets.findings import Finding
from virtrigaud_secrets.validation.inspection import Inspection, remark, warning
from virtrigaud_secrets.validation.wire import key_blob

KEY: Final = "known_hosts"

MAX_REPORTED: Final = 20
"""The most lines that are named: past that, the file is something else."""

_MARKERS: Final = (b"@cert-authority", b"@revoked")
_HASH_BYTES: Final = 20
"""Both salt and hash of a hidden host are as long as SHA-1."""
_PORTED: Final = re.compile(rb"!?\[[^\[\]]+\]:([0-9]{1,5})")
_PLAIN: Final = re.compile(rb"!?[^!\[\]|,@]+")
_MAX_PORT: Final = 65535


def check_known_hosts(inspection: Inspection) -> Iterator[Finding]:
    """Each line is a host key, a comment or blank."""
    value = inspection.bundle.get(KEY)
    if value is None:
        return
    entries = 0
    faults: list[tuple[int, str]] = []
    for number, line in enumerate(value.split(b"\n"), 1):
        text = line.strip()
        if not text or text.startswith(b"#"):
            continue
        entries += 1
        if fault := _fault(text):
            faults.append((number, fault))
    for number, fault in faults[:MAX_REPORTED]:
        yield remark(inspection.doubt, KEY, "bad-line", f"line {number}: {fault}")
    if len(faults) > MAX_REPORTED:
        yield remark(inspection.doubt, KEY, "bad-line", f"and {len(faults) - MAX_REPORTED} more lines")
    if not entries:
        yield warning(KEY, "no-host-key", "it holds no host key, and no host can be verified")
    elif not value.endswith(b"\n"):
        yield warning(KEY, "no-final-newline", "the last line has no newline: a host added later would join it")


def _fault(line: bytes) -> str:
    fields = line.split()
    if line.startswith(b"@"):
        if fields[0] not in _MARKERS:
            return "the marker is neither @cert-authority nor @revoked"
        fields = fields[1:]
    match fields:
        case [hosts, algorithm, encoded, *_]:
            return _host_fault(hosts) or _key_fault(algorithm, encoded)
        case _:
            return "expected hosts, key type and key"


def _host_fault(hosts: bytes) -> str:
    if hosts.startswith(b"|"):
        return "" if _is_hashed(hosts) else "a hidden host was expected as |1|salt|hash"
    if not all(_is_host(host) for host in hosts.split(b",")):
        return "hosts were expected as host, host,host or [host]:port"
    return ""


def _is_hashed(host: bytes) -> bool:
    match host.split(b"|"):
        case [b"", b"1", salt, digest]:
            return _length(salt) == _length(digest) == _HASH_BYTES
        case _:
            return False


def _length(encoded: bytes) -> int:
    try:
        return len(base64.b64decode(encoded, validate=True))
    except binascii.Error:
        return -1


def _is_host(host: bytes) -> bool:
    if ported := _PORTED.fullmatch(host):
        return 0 < int(ported[1]) <= _MAX_PORT
    return _PLAIN.fullmatch(host) is not None


def _key_fault(algorithm: bytes, encoded: bytes) -> str:
    if algorithm.isdigit():
        return "a key of SSH version 1, which nothing reads any more"
    return "" if key_blob(algorithm, encoded) else "the key is not base64 of a key of the type that stands before it"
