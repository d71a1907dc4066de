from __future__ import annotations

import base64

import pytest

from virtrigaud_secrets.testing.keys import KeyKind, ssh_key
from virtrigaud_secrets.validation.wire import key_blob, mpint, read_string, string


def test_strings_go_there_and_back() -> None:
    assert string(b"abc") == b"\x00\x00\x00\x03abc"
    assert read_string(string(b"abc") + b"rest") == (b"abc", b"rest")


@pytest.mark.parametrize("data", [b"", b"\x00\x00", b"\x00\x00\x00\x05abcd", b"\xff\xff\xff\xffabcd"])
def test_half_a_string_is_none(data: bytes) -> None:
    assert read_string(data) == (b"", b"")


@pytest.mark.parametrize(
    ("number", "written"),
    [(0, b"\x00"), (0x7F, b"\x7f"), (0x80, b"\x00\x80"), (0x09A378F9B2E332A7, b"\x09\xa3\x78\xf9\xb2\xe3\x32\xa7")],
)
def test_numbers_have_room_for_the_sign(number: int, written: bytes) -> None:
    assert mpint(number) == string(written)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_public_key_names_its_own_type(kind: KeyKind) -> None:
    algorithm, encoded, _ = ssh_key(kind).public.encode().split()
    assert key_blob(algorithm, encoded) == base64.b64decode(encoded)
    assert key_blob(b"ssh-other", encoded) is None


@pytest.mark.parametrize("encoded", [b"", b"AAAA", b"not base64!", b"\xff", base64.b64encode(string(b"ssh-rsa"))])
def test_what_is_no_public_key(encoded: bytes) -> None:
    assert key_blob(b"ssh-rsa", encoded) is None
