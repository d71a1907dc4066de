"""PEM blocks found line by line, in time that grows with the text only. What a block holds is judged elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_BEGIN: Final = re.compile(rb"-----BEGIN ([A-Z0-9][A-Z0-9 ]*)-----")


@dataclass(frozen=True, slots=True)
class PemBlock:
    """One block."""

    label: str
    """What it says it is: `CERTIFICATE`, `RSA PRIVATE KEY`…"""
    text: bytes = field(repr=False)
    """The block with its BEGIN and END lines."""


def pem_blocks(value: bytes) -> list[PemBlock]:
    """The complete blocks in `value`. Text around them is skipped, as Go and OpenSSL skip it."""
    blocks: list[PemBlock] = []
    label = b""
    lines: list[bytes] = []
    for line in value.splitlines():
        stripped = line.rstrip()
        if begin := _BEGIN.fullmatch(stripped):
            label, lines = begin[1], []
        if not label:
            continue
        lines.append(stripped)
        if stripped == b"-----END " + label + b"-----":
            blocks.append(PemBlock(label.decode(), b"\n".join([*lines, b""])))
            label = b""
    return blocks


def why_no_pem(value: bytes) -> str:
    """A guess at why no block was found, for the end of a message."""
    if b"-----BEGIN" not in value:
        return ""
    if b"\\n" in value:
        return r": its line breaks are the two characters \n"
    return ": a BEGIN line has no matching END line, or does not stand on a line of its own"
