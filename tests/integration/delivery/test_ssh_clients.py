"""One SSH login, by every client whose arguments we make, at a real sshd: who may gets in, unknown hosts never."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.credentials import LibvirtCredentials, SshLogin
from virtrigaud_secrets.delivery import SshFiles
from virtrigaud_secrets.testing import known_hosts_line, ssh_key
from virtrigaud_secrets.testing.keys import KeyFormat, KeyKind
from virtrigaud_secrets.testing.servers import SshServer

FORMS: list[tuple[KeyKind, KeyFormat]] = [("ed25519", "openssh"), ("rsa", "pkcs8"), ("ecdsa", "traditional")]


@pytest.fixture(scope="module")
def server(require: Callable[[str], None]) -> Iterator[SshServer]:
    require(SshServer.missing_reason() or ("" if shutil.which("ssh") else "no ssh program"))
    with SshServer() as started:
        yield started


def login(server: SshServer, private: str, known_hosts: str) -> SshLogin:
    data = {"ssh-privatekey": private.rstrip().encode(), "known_hosts": known_hosts.encode()}
    return LibvirtCredentials.from_bundle(Bundle(data)).ssh(username=server.user)


def by_openssh(server: SshServer, who: SshLogin) -> str:
    with SshFiles(who) as files:
        command = [str(files.command), "-p", str(server.port), "127.0.0.1", "echo in"]
        run = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=20, env={"PATH": "/usr/bin:/bin"}
        )
    if run.returncode != 0:
        raise ConnectionError(run.stderr)
    return run.stdout.strip()


def by_paramiko(server: SshServer, who: SshLogin) -> str:
    pytest.importorskip("paramiko", reason="paramiko is in the dependency group `tests`")
    with who.paramiko_client() as client:
        client.connect("127.0.0.1", server.port, timeout=10, **who.paramiko_arguments())  # type: ignore[arg-type]
        _, output, _ = client.exec_command("echo in")
        return output.read().decode().strip()


def by_asyncssh(server: SshServer, who: SshLogin) -> str:
    asyncssh = pytest.importorskip("asyncssh", reason="asyncssh is in the dependency group `tests`")

    async def connect() -> str:
        async with asyncssh.connect("127.0.0.1", server.port, **who.asyncssh_arguments()) as connection:
            return str((await connection.run("echo in", check=True)).stdout).strip()

    return asyncio.run(connect())


CLIENTS = [by_openssh, by_paramiko, by_asyncssh]


@pytest.mark.parametrize("connect", CLIENTS)
@pytest.mark.parametrize(("kind", "written"), FORMS)
def test_the_key_gets_in(
    server: SshServer, connect: Callable[[SshServer, SshLogin], str], kind: KeyKind, written: KeyFormat
) -> None:
    key = ssh_key(kind, written=written)
    server.authorize(key)
    assert connect(server, login(server, key.private, server.known_hosts)) == "in"


@pytest.mark.parametrize("connect", CLIENTS)
@pytest.mark.parametrize("listed", ["another key", "another host", "revoked"])
def test_a_host_that_is_not_known_is_never_trusted(
    server: SshServer, connect: Callable[[SshServer, SshLogin], str], listed: str
) -> None:
    key, place = ssh_key(), f"[127.0.0.1]:{server.port}"
    server.authorize(key)
    known_hosts = {
        "another key": known_hosts_line(ssh_key(), place),
        "another host": server.known_hosts.replace("127.0.0.1", "127.0.0.2"),
        "revoked": server.known_hosts + server.known_hosts.replace(place, "@revoked *", 1),
    }[listed]
    with pytest.raises(Exception, match=r"(?i)host key|not found in known_hosts|not trusted"):
        connect(server, login(server, key.private, known_hosts))


@pytest.mark.parametrize("connect", CLIENTS)
def test_a_key_that_was_taken_back_stays_outside(
    server: SshServer, connect: Callable[[SshServer, SshLogin], str]
) -> None:
    key = ssh_key()
    server.authorize(ssh_key())
    with pytest.raises(Exception, match=r"(?i)permission denied|authentication failed"):
        connect(server, login(server, key.private, server.known_hosts))


KILLED = """
import os, signal, sys
from pathlib import Path
from virtrigaud_secrets.credentials import SshLogin
from virtrigaud_secrets.delivery import SshFiles
from virtrigaud_secrets.sensitive import Sensitive

hosts = Sensitive("kvm ssh-ed25519 AAAA")
files = SshFiles(SshLogin(source="es", username="u", private_key=Sensitive(sys.stdin.read()), known_hosts=hosts))
print(files.keyfile, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_key_that_a_killed_process_left_is_gone_at_the_next_start(server: SshServer) -> None:
    key = ssh_key(comment="")
    run = subprocess.run([sys.executable, "-c", KILLED], input=key.private, capture_output=True, text=True, check=False)
    left = Path(run.stdout.strip())
    assert run.returncode == -signal.SIGKILL
    assert left.is_relative_to("/dev/shm") or not Path("/dev/shm").is_dir()
    with SshFiles(login(server, key.private, server.known_hosts)) as files:
        assert files.keyfile.exists()
        assert not left.exists()
