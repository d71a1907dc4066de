import stat
from pathlib import Path

import pytest

from virtrigaud_secrets.credentials import SshLogin
from virtrigaud_secrets.delivery import SshFiles
from virtrigaud_secrets.delivery import ssh_files as module
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive


def login(number: int) -> SshLogin:
    return SshLogin(username="root", private_key=Sensitive(f"key{number}\n"), known_hosts=Sensitive(f"hosts{number}\n"))


def test_files_are_as_ssh_wants_them_and_gone_afterwards() -> None:
    with SshFiles(login(1)) as files:
        assert files.keyfile.read_text() == "key1\n"
        assert files.known_hosts.read_text() == "hosts1\n"
        assert stat.S_IMODE(files.keyfile.stat().st_mode) == 0o600
        assert stat.S_IMODE(files.keyfile.resolve().parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(files.command.stat().st_mode) == 0o700
        places = [files.keyfile.parent, files.command.parent]
    files.close()
    assert not any(place.exists() for place in places)


def test_the_program_runs_ssh_with_these_files() -> None:
    with SshFiles(login(1)) as files:
        text = files.command.read_text()
        assert text.startswith(f"#!/bin/sh\ncd -P {files.keyfile.parent}/..data && exec ssh -F none ")
        assert 'IdentityFile="ssh-privatekey"' in text
        assert 'UserKnownHostsFile="known_hosts"' in text
        assert "StrictHostKeyChecking=yes" in text
        assert "key1" not in text


def test_a_password_alone_needs_no_key_file() -> None:
    with SshFiles(SshLogin(username="root", password=Sensitive("p"), known_hosts=Sensitive("h\n"))) as files:
        assert not files.keyfile.exists()
        assert "IdentityFile" not in files.command.read_text()


def test_follows_a_subscription_under_the_same_paths(by_hand) -> None:
    source = by_hand(1)
    with SshFiles(login(0)) as files:
        files.follow(source, login)
        assert files.keyfile.read_text() == "key1\n"
        source.rotate(2)
        assert (files.keyfile.read_text(), files.known_hosts.read_text()) == ("key2\n", "hosts2\n")
    assert source.callbacks == []


def test_what_cannot_be_written_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[Path] = []
    real = module.PrivateDirectory

    def remember(**options: bool) -> object:
        directory = real(**options)
        made.append(directory.path)
        return directory

    def refuse(_path: Path) -> None:
        raise ConfigurationError("refused")

    monkeypatch.setattr(module, "PrivateDirectory", remember)
    monkeypatch.setattr(module, "Directory", refuse)
    with pytest.raises(ConfigurationError, match="refused"):
        SshFiles(login(1))
    assert len(made) == 2
    assert not any(path.exists() for path in made)
