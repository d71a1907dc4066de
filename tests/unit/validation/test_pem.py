from __future__ import annotations

import time

import pytest

from virtrigaud_secrets.validation.pem import PemBlock, pem_blocks, why_no_pem

BLOCK = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def labels(value: str) -> list[str]:
    return [block.label for block in pem_blocks(value.encode())]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (BLOCK, ["CERTIFICATE"]),
        (f"subject=somebody\n{BLOCK}text between\n{BLOCK}text after", ["CERTIFICATE", "CERTIFICATE"]),
        (BLOCK.replace("\n", "\r\n"), ["CERTIFICATE"]),
        (BLOCK.replace("\n", "  \n"), ["CERTIFICATE"]),
        (BLOCK.removesuffix("\n"), ["CERTIFICATE"]),
        ("-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----", ["EC PRIVATE KEY"]),
        (f"-----BEGIN EC PRIVATE KEY-----\nAAAA\n{BLOCK}", ["CERTIFICATE"]),
        ("-----BEGIN A-----\nAAAA\n-----END B-----\n", []),
        (BLOCK.replace("\n", "\\n"), []),
        (BLOCK.replace("\n", " "), []),
        (f"  {BLOCK}", []),
        ("", []),
    ],
)
def test_complete_blocks_are_found(value: str, found: list[str]) -> None:
    assert labels(value) == found


def test_a_block_is_cut_out_clean() -> None:
    assert pem_blocks(b"before\r\n" + BLOCK.replace("\n", "\r\n").encode() + b"after") == [
        PemBlock("CERTIFICATE", BLOCK.encode())
    ]


def test_a_block_does_not_show() -> None:
    assert "AAAA" not in repr(pem_blocks(BLOCK.encode()))


def test_many_beginnings_without_an_end_take_no_longer_than_reading() -> None:
    value = b"-----BEGIN A-----\n" * 60_000
    started = time.process_time()
    assert pem_blocks(value) == []
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("text", ""),
        (BLOCK.replace("\n", "\\n"), "two characters"),
        (BLOCK.replace("\n", " "), "a line of its own"),
        ("-----BEGIN A-----\nAAAA", "no matching END line"),
    ],
)
def test_the_reason_is_guessed(value: str, reason: str) -> None:
    assert reason in why_no_pem(value.encode())
