from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from virtrigaud_secrets.testing.servers import KeyVault

_numbers = itertools.count()


@pytest.fixture
def key_vault() -> Iterator[KeyVault]:
    """An empty vault over TLS; a system-assigned identity may log in."""
    with KeyVault() as server:
        server.entra.add_identity()
        yield server


@pytest.fixture
def ca_file(key_vault, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_bytes(key_vault.ca_pem)
    return file


@pytest.fixture
def vault_url() -> str:
    """The address of a vault that no test had before: the SDK remembers challenges by it."""
    return f"https://integration-{next(_numbers)}.vault.azure.net"
