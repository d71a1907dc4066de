"""Go's `encoding/pem`: which blocks it finds in a text, and how it writes them.

Python's libraries are laxer and stricter in other places; certificates and keys inside the blocks are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from virtrigaud_secrets.golang import base64

LINE_LENGTH: Final = 64
"""Characters of base64 a line."""

_BEGIN: Final = b"-----BEGIN "
_END: Final = b"\n-----END "
_DASHES: Final = b"-----"


@dataclass(frozen=True, slots=True)
class Block:
    """A PEM block."""

    label: str
    data: bytes = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict)


def _line(data: bytes, start: int) -> tuple[bytes, int]:
    """The line at an offset without its end and trailing blanks, and where the next one begins."""
    end = data.find(b"\n", start)
    if end < 0:
        return data[start:].rstrip(b" \t"), len(data)
    stop = end - 1 if end > start and data[end - 1 : end] == b"\r" else end
    return data[start:stop].rstrip(b" \t"), end + 1


def decode(data: bytes, start: int = 0) -> tuple[Block | None, int]:
    """The first block from an offset on and the offset behind it; no block and the same offset if there is none."""
    at = resume = start
    while at <= resume:
        at = resume
        end = data.find(_END, at)
        if end < 0:
            break
        resume = end + len(_END)
        # The last BEGIN line before the END line: those before it have no end of their own.
        begin = data.rfind(_BEGIN, at, end)
        if begin < 0 or (begin > at and data[begin - 1 : begin] != b"\n"):
            continue
        type_line, at = _line(data, begin + len(_BEGIN))
        if not type_line.endswith(_DASHES):
            continue
        headers, at = _headers(data, at)
        if at == len(data):
            break
        block = _finish(data, at, end, type_line, headers)
        if block is not None:
            return block, _line(data, end + len(_END) - 1)[1]
    return None, start


def _headers(data: bytes, start: int) -> tuple[dict[str, str], int]:
    """`Key: value` lines and where they end."""
    headers: dict[str, str] = {}
    while start < len(data):
        line, following = _line(data, start)
        key, colon, value = line.partition(b":")
        if not colon:
            break
        headers[key.strip().decode("utf-8", "surrogateescape")] = value.strip().decode("utf-8", "surrogateescape")
        start = following
    return headers, start


def _finish(data: bytes, start: int, end: int, type_line: bytes, headers: dict[str, str]) -> Block | None:
    """The block if its END line matches and its base64 decodes."""
    trailer = end + len(_END)
    if (headers and end < start) or not data.startswith(type_line, trailer):
        return None
    if _line(data, trailer + len(type_line))[0]:
        return None
    try:
        content = base64.decode(data[start:end].translate(None, b" \t"))
    except base64.Base64Error:
        return None
    return Block(type_line[: -len(_DASHES)].decode("utf-8", "surrogateescape"), content, headers)


def decode_all(data: bytes) -> tuple[list[Block], int]:
    """All blocks, and the offset behind the last."""
    blocks: list[Block] = []
    block, at = decode(data)
    while block is not None:
        blocks.append(block)
        block, at = decode(data, at)
    return blocks, at


def encode(block: Block) -> str | None:
    """The block written out; `None` if a header's name holds a colon, which Go refuses."""
    if any(":" in key for key in block.headers):
        return None
    lines = [f"-----BEGIN {block.label}-----\n"]
    headers = dict(block.headers)
    if headers:
        if "Proc-Type" in headers:
            lines.append(f"Proc-Type: {headers.pop('Proc-Type')}\n")
        lines.extend(f"{key}: {headers[key]}\n" for key in sorted(headers))
        lines.append("\n")
    text = base64.encode(block.data)
    lines.extend(f"{text[start : start + LINE_LENGTH]}\n" for start in range(0, len(text), LINE_LENGTH))
    lines.append(f"-----END {block.label}-----\n")
    return "".join(lines)
