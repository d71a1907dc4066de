"""The libvirt example at a real sshd and libvirtd: its test driver has one machine, that of QEMU has none here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from virtrigaud_secrets.testing import SshKey, ssh_key
from virtrigaud_secrets.testing.servers import LibvirtDaemon, SshServer

Keep = Callable[[str, Mapping[str, str]], None]


@pytest.fixture
def host(require: Callable[[str], None]) -> Iterator[tuple[SshServer, LibvirtDaemon]]:
    require("" if find_spec("libvirt") else "no libvirt-python, which is built against the machine's own libvirt")
    require(SshServer.missing_reason() or LibvirtDaemon.missing_reason())
    with SshServer() as server, LibvirtDaemon() as daemon:
        yield server, daemon


def data(key: SshKey, server: SshServer) -> dict[str, str]:
    return {"private_key": key.private, "public_key": key.public, "known_hosts": server.known_hosts}


def files_with(key: SshKey) -> list[Path]:
    """Key files in memory. Other tests may have theirs at the same time."""
    found: list[Path] = []
    for path in Path(f"/dev/shm/virtrigaud-secrets-{os.geteuid()}").glob("*/ssh/ssh-privatekey"):
        with suppress(OSError):
            if path.read_text() == key.private:
                found.append(path)
    return found


@pytest.mark.parametrize(
    ("driver", "path", "machines"),
    [pytest.param("test", "/default", "^test$", id="test"), pytest.param("qemu", "/session", "^$", id="qemu")],
)
def test_the_key_rotates_under_the_same_paths_and_is_gone_afterwards(  # type: ignore[no-untyped-def]
    host, keep: Keep, start, driver: str, path: str, machines: str
) -> None:
    server, daemon = host
    first, second = ssh_key(comment=""), ssh_key("ecdsa", comment="")
    server.authorize(first)
    keep("libvirt-example", data(first, server))
    replaced = {"providers/libvirt": "providers/libvirt-example", "refreshInterval: 1m": "refreshInterval: 1s"}
    options = ["--seconds", "0.2", "--driver", driver, "--path", path, "--socket", str(daemon.socket)]
    example = start(
        "libvirt-provider",
        "provider.py",
        f"{server.user}@{server.address}",
        *options,
        replaced=replaced,
        secrets=[key.private.splitlines()[1] for key in (first, second)],
    )
    example.wait_for_line(machines)
    places = files_with(first)
    assert len(places) == 1

    server.authorize(first, second)
    keep("libvirt-example", data(second, server))
    import time

    until = time.monotonic() + 60
    while not files_with(second):
        assert time.monotonic() < until, "the key was not exchanged"
        time.sleep(0.1)
    assert files_with(second) == places
    # Who logs in just now may have read the old key, so the two overlap for as long as that takes.
    example.wait_for_line(machines, after=len(example.output) + 2)
    server.authorize(second)
    example.wait_for_line(machines, after=len(example.output) + 2)
    assert example.errors == [], "no call failed"
    assert example.stop() == 0
    assert files_with(first) == files_with(second) == []


def test_a_host_that_shows_another_key_is_refused(host, keep: Keep, start) -> None:  # type: ignore[no-untyped-def]
    from virtrigaud_secrets.testing import known_hosts_line

    server, daemon = host
    key = ssh_key(comment="")
    server.authorize(key)
    other = known_hosts_line(ssh_key(comment=""), f"[127.0.0.1]:{server.port}") + "\n"
    keep("libvirt-example", data(key, server) | {"known_hosts": other})
    options = ["--seconds", "0.2", "--driver", "test", "--path", "/default", "--socket", str(daemon.socket)]
    replaced = {"providers/libvirt": "providers/libvirt-example"}
    example = start("libvirt-provider", "provider.py", f"{server.user}@{server.address}", *options, replaced=replaced)
    import time

    until = time.monotonic() + 60
    while not any("Host key verification failed" in line for line in example.errors):
        assert time.monotonic() < until, example.errors
        time.sleep(0.1)
    assert example.output == []
    example.stop()
