"""TLS handshakes in memory: no socket is opened."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress

import pytest


def shake_hands(
    server: ssl.SSLContext, client: ssl.SSLContext, *, name: str = "provider.virtrigaud.local"
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends after a handshake.

    Raises:
        ssl.SSLError: one end refuses the other.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server_end = server.wrap_bio(to_server, to_client, server_side=True)
    client_end = client.wrap_bio(to_client, to_server, server_hostname=name)
    for _ in range(10):
        for end in (client_end, server_end):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    # In TLS 1.3 a client's certificate is judged after the client is done: a byte both ways tells.
    server_end.write(b"x")
    client_end.read(1)
    client_end.write(b"x")
    server_end.read(1)
    return server_end, client_end


@pytest.fixture
def handshake() -> Callable[..., tuple[ssl.SSLObject, ssl.SSLObject]]:
    """`shake_hands`."""
    return shake_hands
