from __future__ import annotations

import pytest

from virtrigaud_secrets.golang import rc2

# RFC 2268, section 5: those of full effective length, each one block.
VECTORS = [
    ("ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"),
    ("3000000000000000", "1000000000000001", "30649edf9be7d2c2"),
    ("88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"),
]


@pytest.mark.parametrize(("key", "plain", "cipher"), VECTORS)
def test_the_standards_vectors(key: str, plain: str, cipher: str) -> None:
    assert rc2.decrypt_cbc(bytes.fromhex(key), bytes(8), bytes.fromhex(cipher)).hex() == plain


def test_blocks_are_chained() -> None:
    key, iv = bytes.fromhex(VECTORS[2][0]), bytes(range(8))
    block = bytes.fromhex(VECTORS[2][2])
    plain = rc2.decrypt_cbc(key, iv, block * 2)
    assert plain[:8] == iv
    assert plain[8:] == block
