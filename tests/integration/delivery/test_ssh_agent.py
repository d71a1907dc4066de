"""Keys in the system's own ssh-agent."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery import SshAgent
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing import SshKey, ssh_key
from virtrigaud_secrets.testing.keys import KeyFormat, KeyKind
from virtrigaud_secrets.testing.servers.processes import ServerProcess, Workspace


@pytest.fixture
def agent_process(require: Callable[[str], None]) -> Iterator[tuple[ServerProcess, Path]]:
    program = shutil.which("ssh-agent")
    require("" if program and shutil.which("ssh-add") else "no ssh-agent and ssh-add: install openssh-client")
    with Workspace() as workspace:
        path = workspace.path / "agent.sock"
        process = workspace.start("ssh-agent", [str(program), "-D", "-a", path])
        process.wait_until(partial(listens, path), timeout=timedelta(seconds=10))
        yield process, path


@pytest.fixture
def socket_path(agent_process: tuple[ServerProcess, Path]) -> Path:
    return agent_process[1]


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def listed(path: Path) -> set[str]:
    run = subprocess.run(
        ["ssh-add", "-L"], env={"SSH_AUTH_SOCK": str(path)}, capture_output=True, text=True, check=False, timeout=10
    )
    return {line.split()[1] for line in run.stdout.splitlines() if line.startswith(("ssh-", "ecdsa-"))}


def public(key: SshKey) -> str:
    return key.public.split()[1]


def bundle(key: SshKey) -> Bundle:
    return Bundle({"ssh-privatekey": key.private.encode()}, manifest="ExternalSecret ns/keys")


@pytest.mark.parametrize(
    ("kind", "written"), [("ed25519", "openssh"), ("rsa", "pkcs8"), ("ecdsa", "traditional"), ("rsa", "openssh")]
)
def test_a_key_is_there_for_the_block(socket_path: Path, kind: KeyKind, written: KeyFormat) -> None:
    key = ssh_key(kind, written=written)
    with SshAgent(socket_path) as agent:
        blob = agent.add(Sensitive(key.private), comment="of a test")
        assert listed(socket_path) == {public(key)}
        assert agent.identities() == {blob: "of a test"}
    assert listed(socket_path) == set()


def test_a_key_signs(socket_path: Path, tmp_path: Path) -> None:
    key = ssh_key()
    (tmp_path / "key.pub").write_text(key.public + "\n")
    (tmp_path / "text").write_text("to be signed")
    with SshAgent(socket_path) as agent:
        agent.add(Sensitive(key.private))
        command = [
            "ssh-keygen",
            "-q",
            "-Y",
            "sign",
            "-n",
            "file",
            "-f",
            str(tmp_path / "key.pub"),
            str(tmp_path / "text"),
        ]
        subprocess.run(command, env={"SSH_AUTH_SOCK": str(socket_path)}, check=True, timeout=10, capture_output=True)
    assert "SSH SIGNATURE" in (tmp_path / "text.sig").read_text()


def test_keys_of_others_stay(socket_path: Path) -> None:
    own, other = ssh_key(), ssh_key()
    with SshAgent(socket_path) as theirs:
        theirs.add(Sensitive(other.private))
        with SshAgent(socket_path) as agent:
            agent.add(Sensitive(own.private))
        assert listed(socket_path) == {public(other)}


def test_a_rotation_exchanges_the_key(socket_path: Path, by_hand) -> None:  # type: ignore[no-untyped-def]
    old, new = ssh_key(), ssh_key("ecdsa")
    source = by_hand(bundle(old))
    with SshAgent(socket_path) as agent:
        agent.follow(source)
        assert listed(socket_path) == {public(old)}
        source.rotate(bundle(new))
        assert listed(socket_path) == {public(new)}
        assert set(agent.identities().values()) == {"ExternalSecret ns/keys"}
    assert listed(socket_path) == set()


def test_its_lifetime_ends_a_key_that_nobody_renews(socket_path: Path) -> None:
    key = ssh_key()
    # An agent counts whole seconds: of one, nothing may be left when it is asked.
    agent = SshAgent(socket_path, lifetime=timedelta(seconds=4))
    agent._closing.set()  # as if this process were gone
    agent.add(Sensitive(key.private))
    assert listed(socket_path) == {public(key)}
    deadline = time.monotonic() + 20
    while listed(socket_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert listed(socket_path) == set()


def test_a_key_in_use_is_renewed(socket_path: Path) -> None:
    key = ssh_key()
    with SshAgent(socket_path, lifetime=timedelta(seconds=2)) as agent:
        agent.add(Sensitive(key.private))
        until = time.monotonic() + 4
        while time.monotonic() < until:
            assert listed(socket_path) == {public(key)}
            time.sleep(0.2)


def test_an_agent_that_went_away_is_no_fault_at_the_end(
    agent_process: tuple[ServerProcess, Path], caplog: pytest.LogCaptureFixture
) -> None:
    process, path = agent_process
    with SshAgent(path) as agent:
        agent.add(Sensitive(ssh_key().private))
        process.stop()
    assert "stays in the ssh-agent until its lifetime ends" in caplog.text
