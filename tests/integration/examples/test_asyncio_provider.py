"""The asyncio example at real sshds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from virtrigaud_secrets.testing import ssh_key
from virtrigaud_secrets.testing.servers import SshServer

pytest.importorskip("asyncssh", reason="asyncssh is in the dependency group `tests`")

Keep = Callable[[str, Mapping[str, str]], None]


@pytest.fixture
def servers(require: Callable[[str], None]) -> Iterator[list[SshServer]]:
    require(SshServer.missing_reason())
    with SshServer() as one, SshServer() as two:
        yield [one, two]


def test_every_host_answers_and_who_lets_nobody_in_is_told(servers: list[SshServer], keep: Keep, start) -> None:  # type: ignore[no-untyped-def]
    key = ssh_key(comment="")
    one, two = servers
    one.authorize(key)
    known_hosts = one.known_hosts + two.known_hosts
    keep("asyncio-example", {"private_key": key.private, "public_key": key.public, "known_hosts": known_hosts})
    hosts = [f"{server.user}@{server.address}" for server in servers]
    replaced = {"providers/libvirt": "providers/asyncio-example"}
    example = start(
        "asyncio-provider",
        "provider.py",
        "echo in; echo more",
        *hosts,
        replaced=replaced,
        secrets=[key.private.splitlines()[1]],
    )
    assert example.process.wait(60) == 1
    example.stop()
    assert example.output == [f"{hosts[0]}: in\n", f"{hosts[1]}: failed: PermissionDenied\n"]
    assert example.errors == []
