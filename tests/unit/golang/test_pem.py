from __future__ import annotations

import time

import pytest

from virtrigaud_secrets.golang import pem
from virtrigaud_secrets.golang.pem import Block

SIMPLE = b"-----BEGIN A B-----\nQUJD\n-----END A B-----\n"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (SIMPLE, b""),
        (b"junk\n" + SIMPLE + b"more", b"more"),
        (b"-----BEGIN A-----\n" + SIMPLE, b""),
        (SIMPLE.replace(b"\n", b"\r\n"), b""),
        (SIMPLE.replace(b"QUJD", b"QU JD\t"), b""),
        (SIMPLE.rstrip(b"\n"), b""),
        (SIMPLE.replace(b"END A B-----\n", b"END A B----- \t\nx"), b"x"),
        (b"-----BEGIN X-----\n!\n-----END X-----\n" + SIMPLE, b""),
        (b"-----BEGIN X-----\nQUJD\n-----END Y-----\n" + SIMPLE, b""),
    ],
)
def test_a_block_is_found(text: bytes, rest: bytes) -> None:
    block, end = pem.decode(text)
    assert block == Block("A B", b"ABC")
    assert text[end:] == rest


@pytest.mark.parametrize(
    "text",
    [
        b"", b"junk", b"x-----BEGIN A-----\nQUJD\n-----END A-----\n", b"-----BEGIN A-----\nQUJD\n-----END A-----junk\n",
        b"-----BEGIN A-----QUJD-----END A-----",
        b"-----BEGIN A----\nQUJD\n-----END A-----\n", b"-----BEGIN A-----\n",
        b"-----BEGIN A-----\nK: v\n-----END A-----\n", b"-----BEGIN A-----\nQ\n-----END A-----\n",
        b"\n-----END A-----\n",
        b"-----BEGIN A-----\nK: v",
    ],
)  # fmt: skip
def test_no_block_is_found(text: bytes) -> None:
    assert pem.decode(text) == (None, 0)


def test_headers() -> None:
    block, _ = pem.decode(b"-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n B : c:d\n\nQUJD\n-----END A-----\n")
    assert block == Block("A", b"ABC", {"Proc-Type": "4,ENCRYPTED", "B": "c:d"})
    assert pem.encode(block) == "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\nB: c:d\n\nQUJD\n-----END A-----\n"


def test_an_empty_block() -> None:
    block, _ = pem.decode(b"-----BEGIN A-----\n-----END A-----\n")
    assert block == Block("A", b"")
    assert pem.encode(block) == "-----BEGIN A-----\n-----END A-----\n"


def test_all_blocks() -> None:
    blocks, end = pem.decode_all(b"x\n" + SIMPLE * 2 + b"y")
    assert [block.label for block in blocks] == ["A B", "A B"]
    assert end == len(SIMPLE) * 2 + 2


@pytest.mark.parametrize("size", [0, 1, 48, 49, 100])
def test_what_is_written_is_read(size: int) -> None:
    block = Block("X", bytes(range(size)))
    text = pem.encode(block)
    assert text is not None
    assert max(map(len, text.splitlines())) <= 64
    assert pem.decode(text.encode())[0] == block


def test_a_header_name_with_a_colon_cannot_be_written() -> None:
    assert pem.encode(Block("A", b"", {"a:b": "c"})) is None


def test_data_shows_in_no_repr() -> None:
    assert "planted" not in repr(Block("A", b"planted"))


@pytest.mark.parametrize(
    "piece",
    [
        b"-----BEGIN A-----\n-----END B-----\n",
        b"\n-----END A",
        b"-----BEGIN A-----\n",
        b"-----BEGIN A-----\nK: v\n-----END B-----\n",
    ],
)
def test_many_broken_blocks_take_no_time(piece: bytes) -> None:
    text = piece * (1_000_000 // len(piece))
    start = time.process_time()
    assert pem.decode(text)[0] is None
    assert time.process_time() - start < 5
