"""Sprig's checksums. Password hashes are `passwords`."""

from __future__ import annotations

import hashlib
import zlib
from typing import Final

from virtrigaud_secrets.golang.reflect import STRING, to_bytes
from virtrigaud_secrets.template.functions.table import Function, table


def _sha1(text: str) -> str:
    return hashlib.sha1(to_bytes(text), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(to_bytes(text)).hexdigest()


def _sha512(text: str) -> str:
    return hashlib.sha512(to_bytes(text)).hexdigest()


def _adler32(text: str) -> str:
    return str(zlib.adler32(to_bytes(text)))


FUNCTIONS: Final = table(
    Function("sha1sum", _sha1, (STRING,), STRING),
    Function("sha256sum", _sha256, (STRING,), STRING),
    Function("sha512sum", _sha512, (STRING,), STRING),
    Function("adler32sum", _adler32, (STRING,), STRING),
)
"""Checksums, in hexadecimal but for Adler-32."""
