"""What needs no agent. That keys come and go is shown with the system's own in tests/integration/delivery."""

import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery import SshAgent
from virtrigaud_secrets.errors import ConfigurationError, StoreUnavailableError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing import ssh_key

KEY = ssh_key()


def test_without_a_socket_there_is_no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(ConfigurationError, match="SSH_AUTH_SOCK is not set"):
        SshAgent()


def test_the_socket_of_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/x/agent")
    assert repr(SshAgent()) == "<SshAgent /x/agent with 0 keys of this process>"


@pytest.mark.parametrize("seconds", [0, -1, 0.5, 2**32])
def test_a_lifetime_that_no_agent_can_be_told(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="lifetime"):
        SshAgent("/x", lifetime=timedelta(seconds=seconds))


def test_nobody_answers(tmp_path: Path) -> None:
    with SshAgent(tmp_path / "agent") as agent, pytest.raises(StoreUnavailableError, match="does not answer: No such"):
        agent.add(Sensitive(KEY.private))


def test_what_is_no_key_is_sent_to_nobody(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="private key"):
        SshAgent(tmp_path / "agent").add(Sensitive("planted"))


def test_a_bundle_without_the_key_is_told(tmp_path: Path, by_hand) -> None:
    source = by_hand(Bundle({"password": b"p"}, manifest="ExternalSecret ns/n"))
    with pytest.raises(ConfigurationError, match="ExternalSecret ns/n: there is no key 'ssh-privatekey'"):
        SshAgent(tmp_path / "agent").follow(source)
    assert source.callbacks == []


@pytest.fixture
def answering(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Something that is no agent and answers every question with the same bytes."""
    path = tmp_path / "agent"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(request.param)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield path
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize("answering", [b"", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x09\x06"], indirect=True)
def test_what_is_no_agent_is_told(answering: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="no ssh-agent"):
        SshAgent(answering).identities()


@pytest.mark.parametrize("answering", [b"\0\0\0\x01\x05"], indirect=True)
def test_a_refusal_is_told(answering: Path) -> None:
    with SshAgent(answering) as agent:
        with pytest.raises(ConfigurationError, match="refuses the key"):
            agent.add(Sensitive(KEY.private))
        with pytest.raises(StoreUnavailableError, match="does not list"):
            agent.identities()
